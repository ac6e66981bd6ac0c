"""A network with the layers and sizes of Borzoi (Linder et al. 2025) as Decima uses it, with random weights: convolutions, attention, U-net."""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional

FULL = {
    "widths": (512, 608, 736, 896, 1056, 1280, 1536),
    "blocks": 8,
    "heads": 8,
    "key": 64,
    "value": 192,
    "last": 1920,
    "tasks": 8856,
}
TINY = {"widths": (8, 8, 8, 8, 8, 8, 16), "blocks": 1, "heads": 2, "key": 4, "value": 8, "last": 16, "tasks": 32}
FEATURES = 32


def convolution(inside, outside, kernel):
    """Norm, activation, convolution."""
    padding = kernel // 2
    return nn.Sequential(nn.BatchNorm1d(inside), nn.GELU(), nn.Conv1d(inside, outside, kernel, padding=padding))


class Attention(nn.Module):
    """Every place looks at every other, by what is there and by how far away it is; ``(B, L, C)`` to the same."""

    def __init__(self, width, heads, key, value):
        super().__init__()
        self.heads, self.key = heads, key
        self.norm = nn.LayerNorm(width)
        self.queries, self.keys = (nn.Linear(width, heads * key, bias=False) for _ in range(2))
        self.values, self.out = nn.Linear(width, heads * value, bias=False), nn.Linear(heads * value, width)
        self.distances = nn.Linear(FEATURES, heads * key, bias=False)
        self.by_content, self.by_distance = (nn.Parameter(torch.randn(heads, 1, key)) for _ in range(2))

    def forward(self, x):
        split = self.norm(x)
        q, k, v = (
            f(split).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.queries, self.keys, self.values)
        )
        q = q / math.sqrt(self.key)
        content = (q + self.by_content) @ k.transpose(2, 3)
        far = self.distances(features(x.shape[1], x.device, x.dtype)).unflatten(-1, (self.heads, -1)).transpose(0, 1)
        weights = (content + aligned((q + self.by_distance) @ far.transpose(1, 2))).softmax(-1)
        return x + self.out((weights @ v).transpose(1, 2).flatten(2))


def features(length, device, dtype):
    """What is told of each distance from ``1 - length`` to ``length - 1``: within which powers of two it is, and its sign."""
    distance = torch.arange(1 - length, length, device=device)
    reach = torch.logspace(0, math.log10(length), FEATURES // 2, device=device)
    near = (distance.abs()[:, None] < reach).to(dtype)
    return torch.cat([near, near * distance.sign()[:, None]], 1)


def aligned(logits):
    """``(B, H, L, 2 L - 1)`` by distance to ``(B, H, L, L)`` by place."""
    *outer, length, wide = logits.shape
    shifted = functional.pad(logits, (0, 1)).flatten(-2)[..., : length * wide]
    return shifted.reshape(*outer, length, wide)[..., length - 1 :]


class Transformer(nn.Module):
    def __init__(self, width, heads, key, value):
        super().__init__()
        self.attention = Attention(width, heads, key, value)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, x):
        x = self.attention(x)
        return x + self.feed(x)


class Upwards(nn.Module):
    """Twice the length, and what the tower had there added."""

    def __init__(self, width, beside):
        super().__init__()
        self.here, self.there = convolution(width, width, 1), convolution(beside, width, 1)
        self.apart, self.mixed = nn.Conv1d(width, width, 3, padding=1, groups=width), nn.Conv1d(width, width, 1)

    def forward(self, x, beside):
        return self.mixed(self.apart(functional.interpolate(self.here(x), scale_factor=2) + self.there(beside)))


class LargeNetwork(nn.Module):
    """Maps ``(B, 4, L)`` to ``(B, tasks)``; L a multiple of 128."""

    def __init__(self, widths, blocks, heads, key, value, last, tasks):
        super().__init__()
        self.stem = nn.Conv1d(4, widths[0], 15, padding=7)
        self.tower = nn.ModuleList(convolution(a, b, 5) for a, b in itertools.pairwise(widths))
        self.middle = nn.ModuleList(Transformer(widths[-1], heads, key, value) for _ in range(blocks))
        self.upwards = nn.ModuleList(Upwards(widths[-1], beside) for beside in (widths[-1], widths[-2]))
        self.last, self.head = convolution(widths[-1], last, 1), nn.Conv1d(last, tasks, 1)
        self.pool = nn.MaxPool1d(2)

    def forward(self, x):
        x = self.pool(self.stem(x))
        passed = []
        for block in self.tower:
            passed.append(x)
            x = block(x)
            passed[-1] = x
            x = self.pool(x)
        x = x.transpose(1, 2)
        for block in self.middle:
            x = block(x)
        x = x.transpose(1, 2)
        for block, beside in zip(self.upwards, (passed[-1], passed[-2]), strict=True):
            x = block(x, beside)
        return self.head(functional.gelu(self.last(x))).mean(2)


def large_network(tiny, device):
    """On a device, frozen, as for attribution."""
    torch.manual_seed(0)
    with torch.device(device):
        return LargeNetwork(**(TINY if tiny else FULL)).eval().requires_grad_(False)
