"""Models of many layers, built in the ways that models are."""

from __future__ import annotations

import torch
from torch import nn

WIDTH = 8


def block() -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(WIDTH, WIDTH, 5, padding=2), nn.BatchNorm1d(WIDTH), nn.ReLU())


class Residual(nn.Module):
    """Blocks in an ``nn.ModuleList`` that the model's own code goes through."""

    channels = 5

    def __init__(self, blocks: int = 9) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv1d(5, WIDTH, 9, padding=4)
        self.blocks = nn.ModuleList(block() for _ in range(blocks))
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for each in self.blocks:
            x = x + each(x)
        return self.head(x.mean(dim=2))


def flat(blocks: int = 9) -> nn.Sequential:
    """Single layers in a row, some of which work in place on what they are given."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for number in range(blocks):
        layers += [nn.Conv1d(WIDTH if number else 5, WIDTH, 5, padding=2), nn.SiLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(WIDTH, 3))


def nested(blocks: int = 8) -> nn.Sequential:
    """A trunk of blocks, and a head."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv1d(5, WIDTH, 3, padding=1), *(block() for _ in range(blocks)))
    return nn.Sequential(trunk, nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(WIDTH, 3)))


class Unsplit(nn.Module):
    """Layers that the model's own code calls, and nothing around them."""

    channels = 5

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(5, 4, 3), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.conv(x)).mean(dim=2))


MODELS = {"residual": Residual, "flat": flat, "nested": nested}
