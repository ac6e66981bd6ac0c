"""A small gene file in the layout that Decima writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import support

from decima_core.sequence import encode

GENES = (("GATA1", "train"), ("SPI1", "train"), ("CD68", "val"), ("MYC", "test"))
TASKS = ("monocyte", "T cell")
LENGTH = 200


def write_gene_file(path: Path, *, motif: str = "") -> Path:
    """Four genes in three splits, 200 random bases each; ``motif`` is planted at base 60 of every one."""
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 4, (len(GENES), LENGTH), dtype=np.int8)
    sequences[:, 60 : 60 + len(motif)] = encode(motif)
    names, splits = zip(*GENES, strict=True)
    return support.write_gene_file(path, sequences, names=names, splits=splits, mask=slice(50, 150), tasks=TASKS)
