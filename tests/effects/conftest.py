"""A small genome, its genes, and a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decima_core.registry import Registry

LENGTH, UPSTREAM = 80, 30


@pytest.fixture(scope="session")
def bases() -> str:
    return "".join(np.random.default_rng(3).choice(list("ACGT"), 400))


@pytest.fixture
def source(tmp_path: Path, bases: str) -> Any:
    fasta = tmp_path / "genome.fa"
    fasta.write_text(f">chr1\n{bases}\n", encoding="utf-8")
    genes = pd.DataFrame(
        [
            {"gene": "PLUS", "chrom": "chr1", "start": 100, "end": 140, "strand": "+"},
            {"gene": "MINUS", "chrom": "chr1", "start": 90, "end": 120, "strand": "-"},
        ]
    )
    options = {"seq_len": LENGTH, "upstream": UPSTREAM}
    return Registry.discover().create("source", "fasta", path=str(fasta), genes=genes, **options)
