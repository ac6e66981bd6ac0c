"""Small real parts for tests: gene files, models with exact attributions, motif files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from decima_core.models import WrappedModel

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DECIMA_TEST_DATA") or ROOT.parent / "shared" / "data")

needs_real_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real data (shared/data beside the repository, or DECIMA_TEST_DATA) are not here"
)


def write_gene_file(
    path: Path,
    sequences: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    mask: slice = slice(40, 60),
    tasks: Sequence[str] = ("a", "b", "c"),
) -> Path:
    """A gene file of codes ``(N, L)``; every gene is masked over ``mask``."""
    n, length = sequences.shape
    masks = np.zeros((n, length), dtype=np.float32)
    masks[:, mask] = 1
    names = names or [f"G{i}" for i in range(n)]
    splits = splits or ["test"] * n
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        pairs = np.array(list(zip(names, splits, strict=True)), dtype=object)
        file.create_dataset("genes", data=pairs, dtype=text)
        file.create_dataset("sequences", data=sequences.astype(np.int8))
        file.create_dataset("masks", data=masks)
        file.create_dataset("tasks", data=np.array(list(tasks), dtype=object), dtype=text)
        for key, value in (("pad", 0), ("seq_len", length), ("padded_seq_len", length)):
            file.create_dataset(key, data=value)
    return path


def random_codes(seed: int, n: int, length: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.int8)


class LinearModel(nn.Module):
    """``y[t] = sum(weight[t] * x) + bias``: input x gradient is exactly ``weight * x``."""

    def __init__(self, n_tasks: int, channels: int, length: int, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.channels = channels
        self.weight = nn.Parameter(torch.randn(n_tasks, channels, length, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bcl,tcl->bt", x, self.weight)


class TrackModel(LinearModel):
    """The same with an output at every position, ``(B, T, L)``."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bcl,tcl->btl", x, self.weight)


class MotifDetector(nn.Module):
    """Fires where a word occurs: one convolution whose filter is the word, summed over the window; two tasks."""

    channels = 5

    def __init__(self, word: str = "GATAAG") -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 1, len(word), bias=True)
        self.relu = nn.ReLU()
        with torch.no_grad():
            self.conv.weight.zero_()
            for i, base in enumerate(word):
                self.conv.weight[0, "ACGT".index(base), i] = 1
            self.conv.bias.fill_(-(len(word) - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hit = self.relu(self.conv(x)).sum(dim=2)
        return torch.cat([hit, 0 * hit], dim=1)


def wrap(module: nn.Module, **known: Any) -> WrappedModel:
    known.setdefault("channels", getattr(module, "channels", 4))
    return WrappedModel(module=module, **known)


def write_meme(path: Path, motifs: dict[str, np.ndarray]) -> Path:
    """``{id: (4, W) PPM}`` as minimal MEME text."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    for name, ppm in motifs.items():
        lines += [
            f"MOTIF {name} {name.lower()}",
            f"letter-probability matrix: alength= 4 w= {ppm.shape[1]} nsites= 20 E= 0",
        ]
        lines += [" ".join(f"{p:.6f}" for p in column) for column in ppm.T]
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def word_ppm(word: str, sharpness: float = 0.97) -> np.ndarray:
    """A PPM that prefers ``word``."""
    ppm = np.full((4, len(word)), (1 - sharpness) / 3)
    for i, base in enumerate(word):
        ppm["ACGT".index(base), i] = sharpness
    return ppm


def plant(codes: np.ndarray, word: str, at: int) -> None:
    codes[at : at + len(word)] = ["ACGT".index(b) for b in word]
