"""A network in the manner of Basenji and Borzoi, with random weights: stem, residual blocks and pooling, a head of many tasks."""

import functools

import numpy as np
import torch
from torch import nn

TASKS = 32


class Block(nn.Module):
    def __init__(self, width, pool):
        super().__init__()
        self.norm, self.act = nn.BatchNorm1d(width), nn.GELU()
        self.conv = nn.Conv1d(width, width, 5, padding=2)
        self.pool = nn.MaxPool1d(2) if pool else None

    def forward(self, x):
        y = self.conv(self.act(self.norm(x)))
        return x + y if self.pool is None else self.pool(y)


@functools.cache
def network(width):
    """Maps ``(B, 4, L)`` to ``(B, TASKS)``; frozen, as for attribution."""
    torch.manual_seed(0)
    blocks = [Block(width, pool) for _ in range(5) for pool in (False, True)]
    head = [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(width, TASKS)]
    return nn.Sequential(nn.Conv1d(4, width, 15, padding=7), *blocks, *head).eval().requires_grad_(False)


@functools.cache
def codes(length):
    return np.random.default_rng(0).integers(0, 4, length).astype(np.int8)


@functools.cache
def sequence(length):
    """One-hot, ``(1, 4, length)``."""
    return torch.nn.functional.one_hot(torch.from_numpy(codes(length)).long(), 4).T[None].float().contiguous()


def contrast(predictions, task):
    """One task minus the mean of all others, ``(B,)``."""
    others = [t for t in range(predictions.shape[1]) if t != task]
    return predictions[:, task] - predictions[:, others].mean(1)
