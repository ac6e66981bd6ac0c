"""BPNet's counts head as a module: the architecture of the CTCF model in the README's real-data example.

Use it as ``--model examples/ctcf_bpnet.py:build --weights bpnet_ctcf_k562.safetensors``. Written after the description of
Avsec et al. 2021 (https://doi.org/10.1038/s41588-021-00782-6) and of the published weights; every ReLU is a module of
its own, so that DeepLift's rules apply.
"""

from __future__ import annotations

import torch
from torch import nn


class BPNet(nn.Module):
    """``(B, 4, 2114) -> (B, 1)``: predicted log counts."""

    channels = 4
    seq_len = 2114

    def __init__(self, filters: int = 64, layers: int = 8, trimmed: int = 520) -> None:
        super().__init__()
        self.trimmed = trimmed
        self.iconv = nn.Conv1d(4, filters, 21, padding=10)
        self.irelu = nn.ReLU()
        self.rconvs = nn.ModuleList(
            nn.Conv1d(filters, filters, 3, padding=2 ** (i + 1), dilation=2 ** (i + 1)) for i in range(layers)
        )
        self.rrelus = nn.ModuleList(nn.ReLU() for _ in range(layers))
        self.fconv = nn.Conv1d(filters, 2, 75, padding=37)  # the profile head: part of the weights, not of the counts
        self.linear = nn.Linear(filters, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.irelu(self.iconv(x))
        for convolution, relu in zip(self.rconvs, self.rrelus, strict=True):
            x = x + relu(convolution(x))
        return self.linear(x[:, :, self.trimmed : -self.trimmed].mean(dim=2))


def build() -> BPNet:
    """The network, untrained; its weights come from a file."""
    return BPNet()
