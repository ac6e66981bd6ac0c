"""Real genes, a real trained model, somebody else's real scores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import DATA, ROOT, needs_real_data

from decima_core import (
    Attribution,
    GeneRecord,
    Interpretation,
    Registry,
    annotate,
    attributions,
    extract_gene_data,
    hits_table,
    open_scores,
)
from decima_core.sequence import from_one_hot

pytestmark = needs_real_data

CTCF = {"MA0139.2", "MA1929.2", "MA1930.2"}
FIVE_CHANNELS = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(5, 8, 15, stride=4, padding=7), nn.ReLU(),
        nn.Conv1d(8, 8, 9, stride=4, padding=4), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 2),
    )
"""


def run(*arguments: str, cwd: Path, command: str = "run") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", command, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", comment="#")


def windows_named_ctcf(folder: Path) -> tuple[int, int]:
    """Windows whose highest peak is CTCF: by the lowest p-value under it, and by the name it is given."""
    peaks, hits = table(folder / "peaks.tsv"), table(folder / "hits.tsv")
    highest = peaks.drop_duplicates("gene").set_index("gene")  # not first(), which passes over empty names
    under = hits[hits.peak == hits.gene.map(highest.peak)].sort_values("p_value").groupby("gene").first()
    return int(under.motif_id.isin(CTCF).sum()), int(highest.best_motif_id.isin(CTCF).sum())


# What each method reached when the test was written, less a margin of two windows. The reference, done by hand with plain
# input x gradient, the highest peak, FIMO at 1e-4 and the lowest p-value, is 24 of 48.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "by_p_value", "by_name", "options"),
    [
        ("input-x-gradient", 30, 34, ()),
        ("integrated-gradients", 31, 35, ("-O", "method.n_steps=20")),
        ("deep-lift", 30, 34, ()),
        ("gradient-shap", 29, 34, ()),
        ("saliency", 10, 10, ()),
    ],
)
def test_the_ctcf_model_is_explained_by_ctcf(tmp_path, method, by_p_value, by_name, options):
    arguments = ["--source", str(DATA / "hg38_ctcf_windows.h5"), "--method", method, "--transform", "aggregate"]
    model = [
        "--model",
        f"{ROOT / 'examples/ctcf_bpnet.py'}:build",
        "--weights",
        str(DATA / "bpnet_ctcf_k562.safetensors"),
    ]
    result = run(*arguments, *model, *options, "-o", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 50
    reached = windows_named_ctcf(tmp_path / "out")
    assert reached[0] >= by_p_value
    assert reached[1] >= by_name


def test_the_ctcf_models_own_log_counts_are_the_files_labels():
    import h5py
    import torch

    model = Registry.discover().create(
        "model",
        "torch",
        path=f"{ROOT / 'examples/ctcf_bpnet.py'}:build",
        weights=str(DATA / "bpnet_ctcf_k562.safetensors"),
    )
    assert (model.channels, model.seq_len) == (4, 2114)
    path = DATA / "hg38_ctcf_windows.h5"
    with h5py.File(path) as file:
        names = file["genes"][:4, 0].astype(str)
        labels = file["labels"][:4, 0, 0]
    x = torch.stack([extract_gene_data(path, n)[:4] for n in names])
    with torch.no_grad():
        assert np.allclose(model.module.eval()(x)[:, 0], labels, atol=1e-3)


def test_attributions_of_the_real_model_by_the_original_function():
    import torch

    model = Registry.discover().create(
        "model",
        "torch",
        path=f"{ROOT / 'examples/ctcf_bpnet.py'}:build",
        weights=str(DATA / "bpnet_ctcf_k562.safetensors"),
    )
    path = DATA / "hg38_ctcf_windows.h5"
    got, tss = attributions("SPI1_380000", 0, model, h5_file=path, transform="aggregate", device="cpu")
    x = extract_gene_data(path, "SPI1_380000")[None, :4].requires_grad_()
    model.module.eval()(x).sum().backward()
    assert tss == 557
    assert np.allclose(got, (x * x.grad)[0].detach(), atol=1e-5)
    assert isinstance(x, torch.Tensor)


@pytest.mark.slow
def test_two_whole_genes_at_full_length(tmp_path):
    (tmp_path / "net.py").write_text(FIVE_CHANNELS)
    arguments = ["--source", str(DATA / "hg38_genes.h5"), "--model", "net:build", "--tasks", "task_0", "-o", "out"]
    result = run(*arguments, "-O", "motifs.region=window", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "out/run.json").read_text())
    assert manifest["counts"]["genes"] == 2
    assert set(manifest["seconds"]) >= {"read", "attribute", "peaks", "motifs", "write"}
    hits = table(tmp_path / "out/hits.tsv")
    # The JASPAR 2026 vertebrates at p <= 1e-4: chance alone gives about 90,000 a gene, real DNA more.
    assert (hits.groupby("gene").size() > 80_000).all()
    assert hits.p_value.max() <= 1e-4
    assert hits.p_value.min() > 0
    peaks = table(tmp_path / "out/peaks.tsv")
    assert set(peaks.gene) == {"CD68", "SPI1"}
    assert (peaks.from_tss == peaks.peak - 163_840).all()


def test_somebody_elses_gata2_scores_name_gata():
    data = np.load(DATA / "gata2_attributions.npz")
    registry = Registry.discover()
    caller, scanner = registry.create("peaks", "scipy"), registry.create("motifs", "jaspar")
    named = []
    for i, (sequence, scores) in enumerate(zip(data["one_hot"], data["attributions"], strict=True)):
        codes = from_one_hot(sequence)
        record = GeneRecord(gene=f"window{i}", codes=codes)
        attribution = Attribution(gene=record.gene, values=scores).projected(record)
        peaks = caller.call(attribution)
        hits = scanner.scan(record, attribution, peaks)
        named.append(hits_table(Interpretation(record=record, attribution=attribution, peaks=peaks, hits=hits)))
    hits = pd.concat(named)
    assert_names_gata(hits)


def test_somebody_elses_gata2_scores_by_the_command(tmp_path):
    """The same windows: the command projects them by itself, and writes what Python gives."""
    scores = DATA / "gata2_attributions.npz"
    result = run("--scores", str(scores), "--hypothetical", "-o", "out", cwd=tmp_path, command="annotate")
    assert (result.returncode, result.stderr) == (0, "")
    assert "Scores for bases that the sequence does not have in 6 of 6 windows: hypothetical" in result.stdout
    assert_names_gata(table(tmp_path / "out/hits.tsv"))
    make = Registry.discover().create
    with open_scores(scores) as reader:
        results = list(annotate(reader, make("peaks", "scipy"), make("motifs", "jaspar")))
    text = pd.concat([hits_table(r) for r in results]).to_csv(sep="\t", index=False, float_format="%.9g")
    lines = (tmp_path / "out/hits.tsv").read_text().splitlines()
    assert text.splitlines() == [line for line in lines if not line.startswith("#")]
    data = np.load(scores)
    for each, sequence, values in zip(results, data["one_hot"], data["attributions"], strict=True):
        np.testing.assert_array_equal(each.attribution.values, (sequence * values).astype(np.float32))


def assert_names_gata(hits: pd.DataFrame) -> None:
    hits["gata"] = hits.motif_name.str.upper().str.contains("GATA")
    # The motifs that carry most of the attribution over all windows are GATA's, and TRPS1's, a GATA-type zinc finger.
    carried = hits.groupby("motif_name").motif_attr_score.sum().sort_values(ascending=False)
    assert "GATA" in carried.index[0].upper()
    assert carried.index[:5].str.upper().str.contains("GATA|TRPS1").all()
    assert carried.iloc[0] > 4 * carried[~carried.index.str.upper().str.contains("GATA|TRPS1")].max()
    # In most windows the best-supported motif is GATA; so is one under the highest peak.
    best = hits.sort_values("motif_attr_score").groupby("gene").last()
    assert best.gata.sum() >= 4
    assert hits[hits.peak == hits.groupby("gene").peak.transform("first")].groupby("gene").gata.any().sum() >= 4
