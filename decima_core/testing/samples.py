"""Small sequences, models and tracks whose right answers are known; for the checks, and for a plugin's own tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from decima_core.records import Attribution, GeneRecord
from decima_core.sequence import Codes, one_hot
from decima_core.targets import Target

LENGTH = 60


# --- sequences --------------------------------------------------------------------------------------------------------


def random_codes(length: int = LENGTH, seed: int = 0) -> Codes:
    """Random base codes ``(length,)`` int8, A, C, G and T alike often."""
    return np.random.default_rng(seed).integers(0, 4, length).astype(np.int8)


def random_sequence(batch: int = 1, length: int = LENGTH, seed: int = 0) -> torch.Tensor:
    """Random one-hot sequences ``(batch, 4, length)`` float32."""
    return torch.from_numpy(np.stack([one_hot(random_codes(length, seed + i)) for i in range(batch)]))


def record(codes: Codes, gene: str = "gene") -> GeneRecord:
    """A gene over the middle half of a window of these bases."""
    mask = np.zeros(len(codes), np.float32)
    start = len(codes) // 4
    mask[start : max(start + 1, 3 * len(codes) // 4)] = 1
    return GeneRecord(gene=gene, codes=codes, mask=mask, tss=start)


def attribution(track: npt.ArrayLike, codes: Codes | None = None, gene: str = "gene") -> Attribution:
    """An attribution whose sum over the bases is ``track``: all of it on the base that the sequence has."""
    values = np.asarray(track, dtype=np.float32)
    if codes is None:
        codes = random_codes(len(values))
    return Attribution(
        gene=gene, values=one_hot(codes) * values, tss=len(values) // 4, method="sample", target="sample"
    )


def bumps(
    length: int,
    centres: Sequence[int],
    heights: Sequence[float],
    *,
    width: float = 4.0,
    noise: float = 0.02,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """A track ``(length,)`` of Gaussian bumps (standard deviation ``width`` bases) on Gaussian noise."""
    x = np.arange(length)
    track = np.random.default_rng(seed).normal(0, noise, length)
    for centre, height in zip(centres, heights, strict=True):
        track += height * np.exp(-0.5 * ((x - centre) / width) ** 2)
    return track.astype(np.float32)


# --- models -----------------------------------------------------------------------------------------------------------


class Linear(nn.Module):
    """``f(x) = sum(weights * x)``, ``(B, C, L) -> (B, 1)``: the exact attribution from a baseline at zero is weights * x."""

    def __init__(self, channels: int = 4, length: int = LENGTH, seed: int = 0) -> None:
        super().__init__()
        self.channels = channels
        self.weights = nn.Parameter(torch.randn(channels, length, generator=torch.Generator().manual_seed(seed)))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return (inputs * self.weights).sum(dim=(1, 2), keepdim=False)[:, None]


class Convolution(nn.Module):
    """A small network that is not linear: convolution, batch norm, ReLU, dropout, mean, dense, ``(B, C, L) -> (B, tasks)``.

    Only positions ``[first, last)`` are read, if given: what lies outside has no effect at all.
    """

    def __init__(
        self, channels: int = 4, *, first: int = 0, last: int | None = None, tasks: int = 1, seed: int = 0
    ) -> None:
        super().__init__()
        self.channels, self.first, self.last = channels, first, last
        self.conv = nn.Conv1d(channels, 8, 7, padding=3)
        self.norm = nn.BatchNorm1d(8)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(8, tasks)
        _fill(self, seed)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.relu(self.norm(self.conv(inputs[:, :, self.first : self.last])))
        out: torch.Tensor = self.dense(self.dropout(hidden.mean(dim=2)))
        return out


class Equivariant(nn.Module):
    """A network that reads both strands alike: ``f(x) = f(reverse complement of x)``, ``(B, 4, L) -> (B, 1)``."""

    channels = 4

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 7, padding=3)
        self.relu = nn.ReLU()
        self.dense = nn.Linear(8, 1)
        _fill(self, seed)
        with torch.no_grad():
            # Every filter is there together with its reverse complement, and both weigh the same.
            self.conv.weight[4:] = self.conv.weight[:4].flip(1, 2)
            self.conv.bias[4:] = self.conv.bias[:4]  # type: ignore[index]
            self.dense.weight[:, 4:] = self.dense.weight[:, :4]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.dense(self.relu(self.conv(inputs)).sum(dim=2))
        return out


class MaskKeeper(Convolution):
    """A network of five channels that keeps every gene mask it was given, in ``masks``."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(5, seed=seed)
        self.masks: list[torch.Tensor] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.masks.append(inputs[:, 4:].detach().clone())
        return super().forward(inputs)


class Breaking(Convolution):
    """A network that raises in its n-th forward pass, counted from 1."""

    def __init__(self, at: int, channels: int = 4) -> None:
        super().__init__(channels)
        self.at, self.calls = at, 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls == self.at:
            raise ValueError("this model breaks on purpose")
        return super().forward(inputs)


def target_of(module: nn.Module) -> Target:
    """The sum over a model's outputs as the engine hands it to an attribution method, in evaluation mode and frozen."""
    module.eval().requires_grad_(False)
    return Target(module, on=None, off=None, over_tasks="sum").eval()


def _fill(module: nn.Module, seed: int) -> None:
    """Random weights that depend on the seed alone, and leave the global random state as it is."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
