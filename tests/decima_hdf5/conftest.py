"""Small gene files, made to order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

WriteGenes = Callable[..., Path]

GENES = (("GATA1", "train"), ("SPI1", "train"), ("CD68", "val"), ("MYC", "test"))
SEQ_LEN, PAD, TSS = 100, 4, 40


def default_parts() -> dict[str, Any]:
    """Four genes of 108 stored bases, 100 of them the window; TSS at stored base 40."""
    rng = np.random.default_rng(7)
    width = SEQ_LEN + 2 * PAD
    masks = np.zeros((len(GENES), width), dtype=np.float32)
    masks[:, TSS:90] = 1
    return {
        "genes": np.array(GENES, dtype=object),
        "sequences": rng.integers(0, 5, (len(GENES), width), dtype=np.int8),
        "masks": masks,
        "labels": np.zeros((len(GENES), 3, 1), dtype=np.float32),
        "tasks": np.array(["monocyte", "T cell", "neuron"], dtype=object),
        "pad": PAD,
        "seq_len": SEQ_LEN,
        "padded_seq_len": width,
    }


@pytest.fixture
def write_genes(tmp_path: Path) -> WriteGenes:
    """``write_genes(name, chunks=..., compression=..., **parts)`` writes a gene file; parts may be None: left out."""

    def write(
        name: str = "genes.h5", *, chunks: tuple[int, int] | None = None, compression: str | None = None, **parts: Any
    ) -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, value in (default_parts() | parts).items():
                if value is None:
                    continue
                if key in ("sequences", "masks"):
                    file.create_dataset(key, data=value, chunks=chunks, compression=compression)
                else:
                    file.create_dataset(key, data=value)
        return path

    return write


@pytest.fixture
def write_minimal(write_genes: WriteGenes) -> WriteGenes:
    """Like ``write_genes``, but with the required datasets alone unless others are given."""

    def write(name: str = "minimal.h5", **parts: Any) -> Path:
        optional = dict.fromkeys(("labels", "tasks", "pad", "seq_len", "padded_seq_len"))
        return write_genes(name, **(optional | parts))

    return write
