"""Inputs that are made for each run: gene files of random bases in the layout that Decima writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

STORAGE: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "compressed": {"chunks": (1, 65_536), "compression": "gzip", "compression_opts": 4, "shuffle": True},
}


def write_genes(
    path: Path, n_genes: int, length: int, pad: int = 0, *, tasks: int = 100, storage: str = "contiguous"
) -> Path:
    """Genes ``G0, G1, ...`` of ``length + 2 * pad`` bases, masked from a third of the window on, with labels."""
    rng = np.random.default_rng(0)
    width, options = length + 2 * pad, STORAGE[storage]
    if "chunks" in options:
        options = {**options, "chunks": (1, min(width, options["chunks"][1]))}
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        file["genes"] = np.array([(f"G{g}", "train") for g in range(n_genes)], dtype=text)
        file["tasks"] = np.array([f"task {t}" for t in range(tasks)], dtype=text)
        file["labels"] = rng.normal(size=(n_genes, tasks, 1)).astype(np.float32)
        for key, value in (("pad", pad), ("seq_len", length), ("padded_seq_len", width)):
            file[key] = value
        sequences = file.create_dataset("sequences", (n_genes, width), np.int8, **options)
        masks = file.create_dataset("masks", (n_genes, width), np.float32, **options)
        first = pad + length // 3
        for g in range(n_genes):
            sequences[g] = rng.integers(0, 4, width, dtype=np.int8)
            mask = np.zeros(width, dtype=np.float32)
            mask[first : first + int(rng.integers(length // 100 + 1, length // 2 + 2))] = 1
            masks[g] = mask
    return path
