"""The bundled methods side by side on real windows of a real CTCF model."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import DATA, ROOT, needs_real_data

from decima_core.comparison.measures import MEASURES

pytestmark = [needs_real_data, pytest.mark.slow]

METHODS = ("input-x-gradient", "integrated-gradients", "deep-lift", "saliency")


def test_methods_agree_with_each_other_and_not_with_saliency(tmp_path: Path) -> None:
    model = ("--model", f"{ROOT / 'examples/ctcf_bpnet.py'}:build")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "decima_core", "compare", "--source", str(DATA / "hg38_ctcf_windows.h5"), *model),
            *("--weights", str(DATA / "bpnet_ctcf_k562.safetensors"), "--transform", "aggregate"),
            *("--genes", "SPI1_380000,CD68_144500", "--method", ",".join(METHODS), "-O", "method.n_steps=10"),
            *("--output", "out"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(io.StringIO(done.stdout), sep="\t").set_index("contender")
    assert table.index.tolist() == list(METHODS)
    assert (table["genes"] == 2).all()
    assert table.loc[list(METHODS[1:]), list(MEASURES)].notna().all(axis=None)
    others = list(METHODS[1:-1])
    for measure in ("spearman", "peaks_found", "peaks_jaccard", "hits_jaccard"):
        assert (table.loc[others, measure] > table.loc["saliency", measure]).all(), measure
    # Integrated gradients and the rescale rule are nearest relatives on a network of ReLUs.
    pairs = pd.read_csv(tmp_path / "out" / "comparison_pairs.tsv", sep="\t", comment="#")
    matrix = pairs.pivot(index="reference", columns="contender", values="spearman")
    assert matrix.loc["deep-lift", "integrated-gradients"] == matrix.loc["deep-lift"].max()
