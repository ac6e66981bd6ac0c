"""Several targets in one run: each one's folder is that of a run of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_results import assert_same_results

DEEP = f"{Path(__file__).parents[1] / 'deep_models.py'}:Residual"
TARGETS = {"one": ("0", "1"), "two": ("1", "2"), "three/all": ("2", "")}


@pytest.fixture
def many(decima, workspace):
    """``decima-core run`` of three targets; further arguments may follow."""
    rows = ["name\ttasks\toff_tasks", *("\t".join((name, *tasks)) for name, tasks in TARGETS.items())]
    Path("targets.tsv").write_text("\n".join(rows) + "\n")

    def call(*arguments):
        return decima(
            "run", "--source", "genes.h5", "--model", DEEP, "--targets", "targets.tsv",
            "-O", "motifs.path=motifs.meme", "-O", "peaks.z=1", *arguments,
        )  # fmt: skip

    return call


def alone(decima, name, *arguments):
    on, off = TARGETS[name]
    return decima(
        "run", "--source", "genes.h5", "--model", DEEP, "--tasks", on, *(["--off-tasks", off] if off else []),
        "-O", "motifs.path=motifs.meme", "-O", "peaks.z=1", *arguments,
    )  # fmt: skip


def record(folder) -> dict:
    return json.loads((Path(folder) / "run.json").read_text())


def test_each_folder_is_that_of_a_run_of_its_own(many, decima):
    # A method that cannot share a forward pass, so that the numbers are the same to the last bit.
    method = ("--method", "integrated-gradients", "-O", "method.n_steps=3")
    result = many(*method)
    assert result.code == 0, result
    assert "SPI1: 3 targets" in result.out
    assert sorted(p.name for p in Path("results").iterdir()) == ["one", "run.json", "run.log", "three_all", "two"]
    for name, folder in (("one", "one"), ("two", "two"), ("three/all", "three_all")):
        assert alone(decima, name, *method, "-o", f"alone-{folder}").code == 0
        assert_same_results(Path("results") / folder, Path(f"alone-{folder}"))
        own, whole = record(Path("results") / folder), record("results")
        assert own["id"] == whole["id"]
        assert own["counts"] == record(f"alone-{folder}")["counts"]
        assert own["target"] == record(f"alone-{folder}")["target"] == whole["targets"][name]["target"]
        assert whole["targets"][name]["folder"] == folder
    assert whole["counts"]["peaks"] == sum(
        record(Path("results") / f)["counts"]["peaks"] for f in ("one", "two", "three_all")
    )


def test_the_record_of_a_part_repeats_that_part_and_that_of_the_whole_all(many, decima):
    assert many().code == 0
    assert decima("run", "results/two/run.json", "-o", "again").code == 0
    assert record("again")["target"] == record("results/two")["target"]
    assert decima("run", "results/run.json", "-o", "whole").code == 0
    for folder in ("one", "two", "three_all"):
        assert_same_results(Path("results") / folder, Path("whole") / folder)


def test_a_part_can_be_annotated_anew(many, decima):
    assert many().code == 0
    result = decima(
        "annotate",
        "--scores",
        "results/one/attributions.h5",
        "-O",
        "motifs.path=motifs.meme",
        "-O",
        "peaks.z=1",
        "-o",
        "named",
    )
    assert result.code == 0, result
    assert (Path("named") / "peaks.tsv").read_text().splitlines()[-1] == (
        Path("results/one/peaks.tsv").read_text().splitlines()[-1]
    )


def test_shards_are_merged(many, decima):
    assert many("-o", "whole").code == 0
    for number in (1, 2):
        assert many("--shard", f"{number}/2").code == 0
    assert decima("merge", "results").code == 0
    for folder in ("one", "two", "three_all"):
        assert_same_results(Path("results") / folder, Path("whole") / folder)


def test_what_is_there_is_not_replaced_unless_asked(many):
    assert many().code == 0
    (Path("results") / "run.json").unlink()
    result = many()
    assert result.code == 1
    assert "'results/one' already holds a finished run" in result.err
    assert many("--overwrite").code == 0


def test_one_target_and_a_list_contradict_each_other(many):
    result = many("--tasks", "1")
    assert result.code == 1
    assert "Both one target" in result.err
