"""Whole runs in a process of their own, on small files and on the real CTCF model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from support import DATA, ROOT, needs_real_data, plant, random_codes, word_ppm, write_gene_file, write_meme

pytest.importorskip("tangermeme", reason="tangermeme is not installed: pip install 'decima-core[tangermeme]'")

WORD = "GATAAGCA"
LENGTH = 300
AT = {"SPI1": 90, "CD68": 170}
CTCF = {"MA0139.2", "MA1929.2", "MA1930.2"}
# A convolution that knows the word, and reads the gene mask.
NET = """
import torch
from torch import nn

class Net(nn.Module):
    channels = 5

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(5, 1, 8, bias=True)
        self.relu = nn.ReLU()
        with torch.no_grad():
            self.conv.weight.zero_()
            for i, base in enumerate("GATAAGCA"):
                self.conv.weight[0, "ACGT".index(base), i] = 1
            self.conv.weight[0, 4] = 0.01
            self.conv.bias.fill_(-6)

    def forward(self, x):
        return self.relu(self.conv(x)).sum(2)
"""


def decima(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", comment="#")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genes, each with the word once, a model that knows it, and its motif."""
    made = tmp_path_factory.mktemp("run")
    codes = random_codes(5, len(AT), LENGTH)
    for row, at in zip(codes, AT.values(), strict=True):
        plant(row, WORD, at)
    write_gene_file(made / "genes.h5", codes, names=list(AT), mask=slice(100, 140), tasks=("a",))
    write_meme(made / "motifs.meme", {"M1": word_ppm(WORD), "M2": word_ppm("CATTGTTC")})
    (made / "net.py").write_text(NET)
    return made


@pytest.mark.parametrize("method", ["deep-lift-shap", "saturation-mutagenesis"])
def test_seqlets_lie_on_the_word_and_are_named(folder: Path, method: str) -> None:
    arguments = ("run", "--source", "genes.h5", "--model", "net:Net", "--transform", "aggregate")
    motifs = ("-O", "motifs.path=motifs.meme", "--peaks", "recursive-seqlets", "--method", method)
    result = decima(folder, *arguments, *motifs, "-o", method)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    peaks = table(folder / method / "peaks.tsv")
    assert {"p_value", "attribution"} < set(peaks.columns)
    highest = peaks.drop_duplicates("gene").set_index("gene")
    for gene, at in AT.items():
        row = highest.loc[gene]
        assert at - 1 <= row.start < row.end <= at + len(WORD) + 1
        assert row.best_motif_id == "M1"
        assert row.p_value < 1e-3
        assert row.attribution > 1
    with h5py.File(folder / method / "attributions.h5") as file:
        delta, values = file["convergence_delta"][:], file["attribution"][0]
        one_hot = file["sequence"][0] == np.arange(4)[:, None]
    assert not values[~one_hot].any()
    if method == "deep-lift-shap":
        assert np.abs(delta).max() < 1e-3
    else:
        assert np.isnan(delta).all()


def test_the_same_run_twice_writes_the_same_bytes(folder: Path) -> None:
    files = []
    for output in ("one", "two"):
        arguments = ("run", "--source", "genes.h5", "--model", "net:Net", "--transform", "aggregate", "--seed", "7")
        providers = ("--method", "deep-lift-shap", "--peaks", "recursive-seqlets", "-O", "motifs.path=motifs.meme")
        assert decima(folder, *arguments, *providers, "-o", output).returncode == 0
        files.append([(folder / output / name).read_bytes() for name in ("attributions.h5", "peaks.tsv", "hits.tsv")])
    assert files[0] == files[1]


def test_too_many_predictions_are_one_line_and_a_status(folder: Path) -> None:
    arguments = ("run", "--source", "genes.h5", "--model", "net:Net", "--transform", "aggregate", "-o", "refused")
    result = decima(folder, *arguments, "--method", "saturation-mutagenesis", "-O", "method.max_predictions=500")
    assert result.returncode == 1
    assert "of 300 bases needs 900 predictions, more than the 500 of max_predictions" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "refused").exists()


@needs_real_data
@pytest.mark.slow
def test_the_highest_peaks_of_the_real_ctcf_model_are_ctcf(tmp_path: Path) -> None:
    """On the eight windows for which it predicts most, the first of the file. Of all 48, 36 were, with 20 shuffles."""
    with h5py.File(DATA / "hg38_ctcf_windows.h5") as file:
        windows = file["genes"][:8, 0].astype(str)
    model = ("--model", f"{ROOT / 'examples/ctcf_bpnet.py'}:build", "--weights", DATA / "bpnet_ctcf_k562.safetensors")
    genes = ("--source", DATA / "hg38_ctcf_windows.h5", "--genes", ",".join(windows), "--transform", "aggregate")
    providers = ("--method", "deep-lift-shap", "-O", "method.n_shuffles=10", "--peaks", "recursive-seqlets")
    result = decima(tmp_path, "run", *genes, *model, *providers, "-o", "out")
    assert result.returncode == 0, result.stderr
    highest = table(tmp_path / "out/peaks.tsv").drop_duplicates("gene")
    assert len(highest) == len(windows)
    assert highest.best_motif_id.isin(CTCF).sum() >= len(windows) - 1
    assert (highest.p_value < 1e-3).all()
