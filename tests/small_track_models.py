"""Borzoi and Enformer as small as their packages allow, with seeded random weights, saved by ``save_pretrained``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

Load = Callable[..., Any]
LENGTH = 2_048
BINS = 32
ATTENTION = {"depth": 1, "heads": 2, "attn_dim_key": 8}
BORZOI_CONFIG = {**ATTENTION, "dim": 16, "attn_dim_value": 8, "bins_to_return": BINS}
ENFORMER_CONFIG = {
    **ATTENTION,
    "dim": 48,
    "dim_divisible_by": 4,
    "target_length": 8,
    "output_heads": {"human": 6, "mouse": 4},
}


def save_borzoi(folder: Path, **config: Any) -> Path:
    package = pytest.importorskip("borzoi_pytorch", reason="the package borzoi-pytorch is not installed")
    return save(folder, lambda: package.Borzoi.from_hparams(**{**BORZOI_CONFIG, **config}))


def save_prime(folder: Path, **config: Any) -> Path:
    package = pytest.importorskip("borzoi_pytorch", reason="the package borzoi-pytorch is not installed")
    return save(folder, lambda: package.Prime.from_hparams(**{**BORZOI_CONFIG, "enable_mouse_head": True, **config}))


def save_enformer(folder: Path, **config: Any) -> Path:
    package = pytest.importorskip("enformer_pytorch", reason="the package enformer-pytorch is not installed")
    # It knows its trunk under two names, which transformers writes to pickled weights only.
    return save(
        folder, lambda: package.Enformer.from_hparams(**{**ENFORMER_CONFIG, **config}), safe_serialization=False
    )


def save(folder: Path, build: Any, **how: Any) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):  # as after training: evaluation differs from training
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
            elif isinstance(module, (nn.Conv1d, nn.Linear)):
                # Far enough from zero that the bases matter; attention begins at zero.
                module.weight.data.mul_(2) if module.weight.any() else module.weight.data.normal_(0, 0.1)
                if module.bias is not None:
                    nn.init.normal_(module.bias, 0, 0.3)
    network.save_pretrained(folder, **how)
    return folder


def windows(n: int = 2, length: int = LENGTH, seed: int = 0) -> torch.Tensor:
    """Random one-hot windows ``(n, 4, length)`` with some unknown bases."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 4, (n, length), generator=generator)
    x = nn.functional.one_hot(codes, 4).float().transpose(1, 2).contiguous()
    x[:, :, 100:110] = 0
    return x


def write_table(path: Path, count: int, *, first: int = 0, **columns: list[str]) -> Path:
    """A table of tracks as the models' authors publish it; ``columns`` replace its own."""
    sep = "," if path.suffix == ".csv" else "\t"
    values = {
        "index": [str(first + i) for i in range(count)],
        "identifier": [f"ENC{i:03d}" for i in range(count)],
        "clip": ["384"] * count,
        "description": [f"DNASE:cell {i}" for i in range(count)],
        **columns,
    }
    rows = [list(values), *([column[i] for column in values.values()] for i in range(count))]
    path.write_text("".join(sep.join(row) + "\n" for row in rows), encoding="utf-8")
    return path
