"""How ``decima-core variants`` is computed: what the flags change in its files, and what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from support import random_codes

DEEP = f"{Path(__file__).parents[1] / 'deep_models.py'}:Residual"


@pytest.fixture
def variants(decima, workspace):
    """``decima-core variants`` of five variants in one gene with the deep model; further arguments may follow."""
    bases = "".join("ACGT"[code] for code in random_codes(5, 1, 400)[0])
    Path("genome.fa").write_text(f">chr1\n{bases}\n")
    Path("genes.bed").write_text("chr1\t150\t260\tPLUS\t0\t+\n")
    rows = [f"chr1\t{at + 1}\t{bases[at]}\t{'ACGT'[('ACGT'.index(bases[at]) + 1) % 4]}" for at in range(150, 200, 10)]
    Path("in.tsv").write_text("\n".join(["chrom\tpos\tref\talt", *rows]) + "\n")

    def call(*arguments: object):
        return decima(
            *("variants", "--variants", "in.tsv", "--source", "genome.fa", "--gene-table", "genes.bed"),
            *("-O", "source.seq_len=200", "-O", "source.upstream=80", "-O", "variants.formats=tsv"),
            *("--model", DEEP, "--tasks", "0,1", "--device", "cpu", "-O", "motifs.path=motifs.meme", *arguments),
        )

    return call


def record(folder: str) -> dict:
    return json.loads((Path(folder) / "run.json").read_text())


def effects(folder: str) -> pd.DataFrame:
    return pd.read_csv(Path(folder) / "effects.tsv", sep="\t", comment="#")


def attributions(folder: str) -> np.ndarray:
    with h5py.File(Path(folder) / "alleles.h5") as file:
        return np.stack([file[name][f"{allele}_attribution"][:] for name in file for allele in ("ref", "alt")])


def test_low_memory_changes_no_number_and_is_recorded(variants, caplog):
    caplog.set_level("INFO", "decima_core")
    assert variants("--attribute", "-o", "plain").code == 0
    assert "Low memory" not in caplog.text
    result = variants("--attribute", "-o", "low", "--low-memory")
    assert (result.code, result.err) == (0, "")
    assert (Path("plain") / "effects.tsv").read_bytes() == (Path("low") / "effects.tsv").read_bytes()
    assert (Path("plain") / "motif_changes.tsv").read_bytes() == (Path("low") / "motif_changes.tsv").read_bytes()
    np.testing.assert_array_equal(attributions("plain"), attributions("low"))
    assert "compute" not in record("plain")["config"]
    assert record("low")["config"]["compute"]["low_memory"] is True
    assert caplog.text.count("Low memory: model '") == 1, "it reaches the model"


def test_low_memory_without_attributions_is_told_to_be_of_no_use(variants, caplog):
    caplog.set_level("INFO", "decima_core")
    assert variants("-o", "plain").code == 0
    result = variants("-o", "low", "--low-memory")
    assert result.code == 0, result
    assert caplog.text.count("low_memory is without effect") == 1
    assert "Low memory: model '" not in caplog.text
    assert (Path("plain") / "effects.tsv").read_bytes() == (Path("low") / "effects.tsv").read_bytes()


@pytest.mark.parametrize(
    ("flags", "on"),
    [
        ((), "the first 5 variants"),
        (("--batch-size", "4"), "the first 2 variants"),
        (("--shifts=-8,0,8",), "the first 5 variants"),
        (("--shifts=-8,0,8", "--batch-size", "2"), "the first variant"),
    ],
)
def test_another_precision_is_measured_on_the_first_batch_and_told_once(variants, caplog, flags, on):
    result = variants("--precision", "bf16", "-o", "half", *flags)
    assert result.code == 0, result
    assert caplog.text.count("instead of float32") == 1
    assert f"In bf16 instead of float32, on {on}: effects on the tasks with " in caplog.text
    told = record("half")["deviation"]
    assert (told["precision"], told["gene"]) == ("bf16", "PLUS")
    assert "attribution" not in told
    assert record("half")["config"]["compute"]["precision"] == "bf16"
    assert variants("-o", "exact", *flags).code == 0
    assert "deviation" not in record("exact")
    # What was told is what the files show: of the tasks that are in them, on the variants that were measured.
    ours, theirs = (
        effects(folder).iloc[: told["variants"]][["difference:0", "difference:1"]] for folder in ("half", "exact")
    )
    off = np.abs(ours - theirs).to_numpy().max()
    assert off > 0
    assert told["effect"]["largest"] > 0.1 * off / np.abs(theirs).to_numpy().max()
    # The differences of alleles are far smaller than the predictions, and so further off.
    assert 0 < told["prediction"]["largest"] < told["effect"]["largest"]


def test_of_attributions_the_precision_is_measured_too(variants, caplog):
    result = variants("--precision", "bf16", "--attribute", "-o", "half")
    assert result.code == 0, result
    told = record("half")["deviation"]
    assert 0 < told["attribution"]["largest"] < 0.2
    assert "attribution of the first with correlation" in caplog.text
    assert variants("--attribute", "-o", "exact").code == 0
    first, exact = (attributions(folder)[:2] for folder in ("half", "exact"))
    found = np.nanmax(np.abs(first - exact)) / np.nanmax(np.abs(exact))
    assert told["attribution"]["largest"] == pytest.approx(found, rel=1e-5)


def test_a_list_without_a_variant_that_can_be_used_measures_nothing(variants):
    Path("in.tsv").write_text("chrom\tpos\tref\talt\nchr9\t5\tA\tC\n")
    assert variants("--precision", "bf16", "-o", "none").code == 0
    assert "deviation" not in record("none")


def test_a_file_says_how_and_the_record_repeats_it(variants, decima):
    Path("compute.toml").write_text('[compute]\nprecision = "bf16"\n')
    assert variants("compute.toml", "-o", "first", "--replicate", "w.safetensors").code == 1
    assert variants("compute.toml", "-o", "first").code == 0
    assert decima("variants", "first/run.json", "-o", "again").code == 0
    pd.testing.assert_frame_equal(effects("first"), effects("again"))
    assert record("again")["deviation"] == record("first")["deviation"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs g++")
def test_compiled_effects_are_the_same(variants):
    assert variants("-o", "plain").code == 0
    result = variants("-o", "compiled", "--compile")
    assert result.code == 0, result
    pd.testing.assert_frame_equal(effects("plain"), effects("compiled"), rtol=1e-4, atol=1e-6)
    assert record("compiled")["config"]["compute"]["compile"] is True


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--precision", "tf32"), "tf32 is one of CUDA GPUs"),
        (("--compile", "--low-memory"), "low_memory and compile cannot both be on"),
        (("--compile",), "there is no 'no-such-compiler' on the PATH"),
        (("-O", "compute.precision=int8"), "must be one of float32, tf32, bf16, fp16"),
    ],
)
def test_what_cannot_be_is_one_line(variants, flags, said, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    result = variants(*flags, "-o", "out")
    assert result.code == 1
    assert said in result.err
    assert result.err.count("\n") == 1
    assert not Path("out").exists()
