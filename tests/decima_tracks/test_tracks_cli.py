"""``decima-core run`` with both models, in a process of its own, on a small genome; and what it says of bad input."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from small_track_models import LENGTH, write_table
from support import random_codes

from decima_core.sequence import decode, reverse_complement

ABSENT = [name for name in ("borzoi_pytorch", "enformer_pytorch") if importlib.util.find_spec(name) is None]


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "decima_core", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    """A gene on the forward strand of chr1, and the same gene on the reverse strand of chr2."""
    codes = random_codes(3, 1, 3 * LENGTH)[0]
    contigs = {"chr1": decode(codes), "chr2": decode(reverse_complement(codes))}
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    start, end, length = LENGTH + 900, LENGTH + 1700, len(codes)
    rows = [("chr1", start, end, "PLUS", 0, "+"), ("chr2", length - end, length - start, "MINUS", 0, "-")]
    (tmp_path / "genes.bed").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


def explain(genome: Path, *arguments: object) -> Path:
    output = genome.parent / "results"
    source = ("--source", genome, "--gene-table", genome.with_name("genes.bed"), "--output", output)
    lengths = ("-O", "source.seq_len=2048", "-O", "source.upstream=900", "-O", "model.seq_len=2048")
    done = command("run", *source, *lengths, *arguments)
    assert done.returncode == 0, done.stderr
    return output


def check_results(output: Path, model: str, target: str) -> None:
    """Both genes have the same attribution: it lives in transcript orientation, on either strand of the genome."""
    with h5py.File(output / "attributions.h5") as file:
        values = file["attribution"][:]
        assert values.shape == (2, 4, LENGTH)
        assert np.abs(values).max() > 0
        np.testing.assert_allclose(values[0], values[1], rtol=1e-4, atol=1e-4 * np.abs(values).max())
        assert file.attrs["model_name"] == model
    record = json.loads((output / "run.json").read_text())
    assert target in json.dumps(record)
    assert len(pd.read_csv(output / "peaks.tsv", sep="\t", comment="#")) > 0


@pytest.mark.slow
def test_borzoi_runs(genome: Path, saved_borzoi: Path) -> None:
    output = explain(
        genome, "--model", "borzoi", "-O", f"model.path={saved_borzoi}", "-O", "model.keep=CNhs1061*",
        "--tasks", "CNhs10610+", "--off-tasks", "CNhs10610-",
    )  # fmt: skip
    check_results(output, "small-borzoi (human)", "CNhs10610+")


@pytest.mark.slow
def test_enformer_runs(genome: Path, saved_enformer: Path, tmp_path: Path) -> None:
    table = write_table(tmp_path / "targets.txt", 4, first=5313, description=["DNASE:a", "CAGE:b", "CAGE:b", "ATAC:c"])
    output = explain(
        genome, "--model", "enformer", "-O", f"model.path={saved_enformer}", "-O", "model.head=mouse",
        "-O", f"model.tracks={table}", "-O", "model.names=description", "--tasks", "CAGE:b [1],CAGE:b [2]",
        "--off-tasks", "DNASE:a", "--method", "integrated-gradients", "-O", "method.n_steps=4",
    )  # fmt: skip
    check_results(output, "small-enformer (mouse)", "CAGE:b [1], CAGE:b [2]")
    inputs = json.dumps(json.loads((output / "run.json").read_text()))
    assert all(name in inputs for name in ("config.json", "pytorch_model.bin", "targets.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["borzoi", "enformer"])
def test_deep_lift_says_why_it_cannot(genome: Path, name: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(f"saved_{name}")
    done = command(
        "run", "--source", genome, "--gene-table", genome.with_name("genes.bed"), "--output", genome.parent / "results",
        "--model", name, "-O", f"model.path={path}", "-O", "model.seq_len=2048", "-O", "model.keep=0,1",
        "--transform", "aggregate", "--method", "deep-lift",
    )  # fmt: skip
    assert done.returncode == 1
    assert "deep-lift cannot explain a model that uses one activation module more than once" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["model.path=johahi/nothing"], "hf download johahi/nothing"),
        (["model.path={model}", "model.bins=31"], "31 bins cannot lie in the middle of the 64"),
        (["model.path={model}", "model.tracks={genome}"], "has no column 'identifier'"),
    ],
)
def test_bad_input_is_one_line(genome: Path, saved_borzoi: Path, options: list[str], message: str) -> None:
    pairs = [word for text in options for word in ("-O", text.format(model=saved_borzoi, genome=genome))]
    done = command(
        "run", "--source", genome, "--gene-table", genome.with_name("genes.bed"), "--output", genome.parent / "results",
        "--model", "borzoi", "-O", "model.seq_len=2048", "--transform", "aggregate", *pairs,
    )  # fmt: skip
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (genome.parent / "results").exists()


def test_the_list_of_plugins_says_what_is_missing() -> None:
    done = command("plugins", "--json")
    assert done.returncode == 0, done.stderr
    found = {p["name"]: p for p in json.loads(done.stdout)["providers"] if p["plugin"] == "decima_tracks"}
    assert set(found) == {"borzoi", "enformer"}
    for name, package in (("borzoi", "borzoi_pytorch"), ("enformer", "enformer_pytorch")):
        assert (f"decima-core[{name}]" in json.dumps(found[name])) == (package in ABSENT)
