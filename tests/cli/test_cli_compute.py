"""How a run is computed: what the flags change in its files, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from run_results import assert_same_results

DEEP = f"{Path(__file__).parents[1] / 'deep_models.py'}:Residual"


def record(folder: str) -> dict:
    return json.loads((Path(folder) / "run.json").read_text())


def test_low_memory_changes_no_byte_and_is_recorded(run):
    assert run("--model", DEEP, "-o", "plain").code == 0
    assert run("--model", DEEP, "-o", "low", "--low-memory").code == 0
    assert_same_results(Path("plain"), Path("low"))
    assert "compute" not in record("plain")["config"]
    assert record("low")["config"]["compute"]["low_memory"] is True


def test_another_precision_is_measured_on_the_first_gene_and_told_once(run, caplog):
    result = run("--model", DEEP, "--precision", "bf16")
    assert result.code == 0, result
    told = record("results")["deviation"]
    assert told["precision"] == "bf16"
    assert told["gene"] == record("results")["genes"][0]
    assert 0 < told["attribution"]["largest"] < 0.2
    assert 0.9 < told["attribution"]["correlation"] <= 1
    assert caplog.text.count("In bf16 instead of float32") == 1
    assert "In bf16 instead of float32" in (Path("results") / "run.log").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--precision", "tf32"), "tf32 is one of CUDA GPUs"),
        (("--compile", "--low-memory"), "low_memory and compile cannot both be on"),
        (("-O", "compute.precision=int8"), "must be one of float32, tf32, bf16, fp16"),
    ],
)
def test_what_cannot_be_is_one_line(run, flags, said):
    result = run("--model", DEEP, *flags)
    assert result.code == 1
    assert said in result.err
    assert result.err.count("\n") == 1
    assert not Path("results").exists()


def test_a_missing_compiler_is_told_before_anything_is_computed(run, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    result = run("--model", DEEP, "--compile")
    assert result.code == 1
    assert "there is no 'no-such-compiler' on the PATH" in result.err


def test_what_low_memory_wins_is_told_in_the_log(run):
    assert run("--model", DEEP, "--low-memory").code == 0
    assert "Low memory: model '" in (Path("results") / "run.log").read_text()


# --- decima-core compare ----------------------------------------------------------------------------------------------

METHODS = ("--method", "input-x-gradient,saliency")


@pytest.fixture
def compare(decima):
    """``decima-core compare`` of two methods on the folder's files with the deep model; what is given here may follow."""

    def call(*arguments: object):
        return decima(
            *("compare", "--source", "genes.h5", "--model", DEEP, "--tasks", "0", "--device", "cpu", *METHODS),
            *("-O", "motifs.path=motifs.meme", *arguments),
        )

    return call


def measured(folder: str) -> str:
    """The table of genes without its seconds."""
    table = pd.read_csv(Path(folder) / "comparison_genes.tsv", sep="\t", comment="#")
    return table.drop(columns=["attribute_s", "peaks_s", "motifs_s"]).to_csv()


def test_compare_with_low_memory_finds_the_same(compare, caplog):
    caplog.set_level("INFO", "decima_core")
    assert compare("-o", "plain").code == 0
    assert "Low memory" not in caplog.text
    result = compare("-o", "low", "--low-memory")
    assert caplog.text.count("Low memory: model '") == 1, "it reaches the model"
    assert result.code == 0, result
    assert measured("plain") == measured("low")
    assert "compute" not in record("plain")["config"]
    assert record("low")["config"]["compute"]["low_memory"] is True


def test_compare_measures_another_precision_for_each_method(compare, caplog):
    result = compare("-o", "out", "--precision", "bf16")
    assert result.code == 0, result
    told = record("out")["deviation"]
    assert list(told) == ["input-x-gradient", "saliency"]
    for label, deviation in told.items():
        assert (deviation["precision"], deviation["gene"]) == ("bf16", "SPI1")
        assert 0 < deviation["attribution"]["largest"] < 0.2
        assert caplog.text.count(f"{label}: In bf16 instead of float32, on gene 'SPI1'") == 1
    assert record("out")["config"]["compute"]["precision"] == "bf16"
    assert compare("-o", "exact").code == 0
    assert "deviation" not in record("exact")
    assert measured("out") != measured("exact")


def test_compare_is_repeated_from_its_record_in_its_precision(compare, decima, workspace):
    (workspace / "bf16.toml").write_text('[compute]\nprecision = "bf16"\n')
    assert compare("bf16.toml", "-o", "first").code == 0
    assert decima("compare", "first/run.json", "-o", "again").code == 0
    assert measured("first") == measured("again")
    assert record("again")["deviation"] == record("first")["deviation"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--precision", "tf32"), "tf32 is one of CUDA GPUs"),
        (("--compile", "--low-memory"), "low_memory and compile cannot both be on"),
        (("--compile",), "there is no 'no-such-compiler' on the PATH"),
    ],
)
def test_what_cannot_be_compared_is_one_line(compare, flags, said, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    result = compare(*flags, "-o", "out")
    assert result.code == 1
    assert said in result.err
    assert result.err.splitlines()[-1].startswith("decima-core: error: ")
    assert not Path("out").exists()


# --- several targets, which run alone knows ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [("compare", *METHODS), ("variants", "--variants", "genes.h5"), ("variants", "--variants", "genes.h5", "--attribute")],
)  # fmt: skip
def test_several_targets_are_refused(decima, workspace, command):
    (workspace / "several.toml").write_text(
        f'source = "genes.h5"\nmodel = "{DEEP}"\n[targets.one]\ntasks = ["0"]\n[targets.two]\ntasks = ["1"]\n'
    )
    name, *arguments = command
    result = decima(name, "several.toml", *arguments, "-o", "out")
    assert result.code == 1
    assert result.err == (
        f"decima-core: error: [targets] is read by decima-core run alone, and not by decima-core {name}; give one [target], or leave "
        "it out.\n"
    )
    assert not Path("out").exists()


LARGE = """
import torch
from deep_models import Residual

class Large(Residual):
    \"\"\"Too large for the memory in float32.\"\"\"

    def forward(self, x):
        if not torch.is_autocast_enabled("cpu"):
            raise MemoryError("out of memory")
        return super().forward(x)
"""


def test_where_float32_does_not_fit_the_other_precision_is_computed_all_the_same(run):
    Path("large.py").write_text(LARGE)
    result = run("--model", "large.py:Large", "--precision", "bf16", "--fail-fast")
    assert result.code == 0, result
    assert "deviation" not in record("results")
    assert "How far this precision lies from float32 could not be measured" in (Path("results") / "run.log").read_text()
