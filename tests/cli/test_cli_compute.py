"""How a run is computed: what the flags change in its files, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

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
