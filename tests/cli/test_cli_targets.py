"""Several targets in one run: each one's folder is that of a run of its own."""

from __future__ import annotations

import json
import shutil
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


# --- what is replaced -------------------------------------------------------------------------------------------------


def everything(folder: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_one_target_in_place_of_several_leaves_none_of_their_folders(many, decima):
    assert many().code == 0
    Path("results/two/notes.txt").write_text("mine")
    Path("results/plots").mkdir()
    assert alone(decima, "one", "-o", "results", "--overwrite").code == 0
    assert alone(decima, "one", "-o", "alone").code == 0
    assert names_in("results") == sorted([*names_in("alone"), "plots", "two"])
    assert names_in("results/two") == ["notes.txt"], "what the run did not write stays"
    assert_same_results(Path("results"), Path("alone"))


def test_other_targets_take_the_place_of_the_former_ones(many):
    assert many().code == 0
    before = record("results/two")["id"]
    Path("targets.tsv").write_text("name\ttasks\toff_tasks\ntwo\t1\t2\nfour\t0\t2\n")
    assert many("--overwrite").code == 0
    assert names_in("results") == ["four", "run.json", "run.log", "two"]
    assert record("results")["id"] == record("results/two")["id"] == record("results/four")["id"] != before


def test_another_command_leaves_no_folder_of_a_target_either(many, decima):
    assert many().code == 0
    result = decima(
        "compare", "--source", "genes.h5", "--model", DEEP, "--tasks", "0", "--method", "input-x-gradient,saliency",
        "-O", "motifs.path=motifs.meme", "-o", "results", "--overwrite",
    )  # fmt: skip
    assert result.code == 0, result
    assert names_in("results") == ["comparison.tsv", "comparison_genes.tsv", "comparison_pairs.tsv", "run.json"]


def test_a_replacement_that_fails_leaves_the_former_targets(many, decima):
    assert many().code == 0
    before = everything("results")
    odd = f"{Path(__file__).with_name('odd_models.py')}:NaN"
    assert alone(decima, "one", "-o", "results", "--overwrite", "--model", odd).code == 1
    assert everything("results") == before


def test_a_folder_of_another_run_stays(many, decima):
    """What lies under the name of a former target, but is of another run, is not that run's to take away."""
    assert many().code == 0
    assert many("-o", "others").code == 0
    shutil.rmtree("results/one")
    shutil.copytree("others/one", "results/one")
    stranger = everything("results/one")
    assert alone(decima, "two", "-o", "results", "--overwrite").code == 0
    assert "two" not in names_in("results")
    assert everything("results/one") == stranger


def test_a_record_that_points_elsewhere_is_not_followed(many, decima):
    assert many().code == 0
    shutil.copytree("results/one", "outside")
    told = record("results")
    told["targets"]["one"]["folder"] = "../outside"
    Path("results/run.json").write_text(json.dumps(told))
    outside = everything("outside")
    assert alone(decima, "two", "-o", "results", "--overwrite").code == 0
    assert everything("outside") == outside


def test_who_is_ended_between_the_folders_takes_the_former_ones_away_when_it_goes_on(many, monkeypatch):
    from decima_core.outputs.run_folder import RunFolder

    assert many().code == 0
    Path("targets.tsv").write_text("name\ttasks\toff_tasks\ntwo\t1\t2\nfour\t0\t2\n")
    publish = RunFolder.publish

    def end(self: RunFolder) -> None:
        if self.path.name == "four":
            raise KeyboardInterrupt
        publish(self)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "publish", end)
        assert many("--overwrite").code == 130
    assert not Path("results/run.json").exists()
    assert {"one", "three_all", "two", "unfinished"} <= {*names_in("results")}
    result = many("--resume")
    assert result.code == 0, result
    assert names_in("results") == ["four", "run.json", "run.log", "two"]


def test_one_target_and_a_list_contradict_each_other(many):
    result = many("--tasks", "1")
    assert result.code == 1
    assert "Both one target" in result.err
