"""Models that fail in one way each; given to the command line by this file's path."""

from __future__ import annotations

import torch
from torch import nn


class Fits(nn.Module):
    """A model without fault, for what is wrong elsewhere."""

    channels = 4

    def __init__(self, n_tasks: int = 2) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.arange(1.0, n_tasks + 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, 0] - x[:, 1]).sum(dim=1, keepdim=True) * self.scale


class NeedsHundred(Fits):
    seq_len = 100


class TooLong(Fits):
    seq_len = 1_000


class SixChannels(nn.Module):
    channels = 6

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(dim=2)


class FiveSaidFour(nn.Module):
    """Says 4 and reads 5."""

    channels = 4

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean(dim=2)


class FixedWindow(nn.Module):
    """Its head fits windows of 60 bases, which it does not say."""

    channels = 4

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4 * 60, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.flatten(1))


class Scalar(Fits):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).sum()


class FourAxes(Fits):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, :, None, None]


class Pair(Fits):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = super().forward(x)
        return y, y


class Raises(Fits):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no luck today\nsecond line")


class NaN(Fits):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * float("nan")


class NaNGradients(Fits):
    """Finite output; the gradient of 0 * sqrt(0) is NaN."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + (0 * x).sqrt().sum(dim=(1, 2))[:, None]


class Interrupted(Fits):
    """As if a person pressed Ctrl-C at the second gene."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        type(self).calls += 1
        if type(self).calls > 1:
            raise KeyboardInterrupt
        return super().forward(x)


class SecondGeneFails(Fits):
    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        type(self).calls += 1
        if type(self).calls > 1:
            raise RuntimeError("lost my weights")
        return super().forward(x)
