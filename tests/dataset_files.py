"""Gene files with labels, and what their items must be by the rule in the docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

TASKS = ("monocyte", "T cell", "B cell")


def write_labelled(
    path: Path,
    *,
    splits: Sequence[str] = ("train", "val", "train", "train", "test"),
    seq_len: int = 30,
    pad: int = 4,
    labels: bool = True,
    odd: int = 0,
    seed: int = 0,
) -> Path:
    """Random genes ``G0, G1, ...`` with codes 0-4; gene ``g`` is masked over a run of 1 that starts at base ``5 + g``."""
    rng = np.random.default_rng(seed)
    n, width = len(splits), seq_len + 2 * pad + odd
    masks = np.zeros((n, width), dtype=np.float32)
    for g in range(n):
        masks[g, 5 + g : width - 6] = 1
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        file["genes"] = np.array([(f"G{g}", split) for g, split in enumerate(splits)], dtype=text)
        file["sequences"] = rng.integers(0, 5, (n, width), dtype=np.int8)
        file["masks"] = masks
        file["tasks"] = np.array(TASKS, dtype=text)
        if labels:
            file["labels"] = rng.normal(size=(n, len(TASKS), 1)).astype(np.float32)
        for key, value in (("pad", pad), ("seq_len", seq_len), ("padded_seq_len", width)):
            file[key] = value
    return path


def expected(path: Path, row: int, seq_len: int, shift: int, s: int) -> np.ndarray:
    """The item, ``(5, L)``: of the ``L + 2 * shift`` central bases of a row those from ``s`` on."""
    with h5py.File(path) as file:
        codes, mask = file["sequences"][row], file["masks"][row]
    begin = (len(codes) - seq_len - 2 * shift) // 2 + s
    window = slice(begin, begin + seq_len)
    return np.vstack([np.array([codes[window] == base for base in range(4)]), mask[window]]).astype(np.float32)


def labels_of(path: Path, row: int) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file["labels"][row])
