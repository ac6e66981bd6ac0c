"""A run in parts: each by a process of its own, and put together."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
from run_results import assert_same_results
from support import plant, random_codes, write_gene_file

from decima_core.errors import ConfigError
from decima_core.outputs.unfinished import Unfinished
from decima_core.shards import Shard


@pytest.fixture
def seven(run, workspace):
    """``decima-core run`` on seven genes; the whole run is in 'whole'."""
    codes = random_codes(9, 7, 240)
    for row in codes:
        plant(row, "GATAAGC", 60)
    write_gene_file(workspace / "seven.h5", codes, mask=slice(100, 140))

    def call(*arguments: object) -> object:
        return run("--source", "seven.h5", *arguments)

    assert call("-o", "whole").code == 0
    return call


@pytest.mark.parametrize("count", [1, 3, 7, 9])
def test_merged_shards_equal_one_run(seven, decima, count):
    for number in reversed(range(1, count + 1)):
        result = seven("--shard", f"{number}/{count}", "--resume")
        assert (result.code, result.err) == (0, "")
        assert not Path("results/run.json").exists()
    assert "when all shards are done: decima-core merge results" in result.out
    result = decima("merge", "results")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("7 genes, ")
    assert_same_results(Path("whole"), Path("results"))
    assert sorted(path.name for path in Path("results").iterdir()) == sorted(
        path.name for path in Path("whole").iterdir()
    )
    record, whole = (json.loads(Path(folder, "run.json").read_text()) for folder in ("results", "whole"))
    assert record["genes"] == whole["genes"]
    assert record["counts"] == whole["counts"]
    again = decima("merge", "results")
    assert again.code == 0
    assert "finished already" in again.out
    assert "finished already" in seven("--shard", f"1/{count}", "--resume").out


def test_what_is_missing_is_named(seven, decima):
    assert "There is nothing to merge in 'results'" in decima("merge", "results").err
    assert not Path("results").exists()
    for shard in ("1/4", "3/4"):
        assert seven("--shard", shard).code == 0
    result = decima("merge", "results")
    assert result.code == 1
    assert "3 of 7 genes of the run in 'results' are not done: shards 2/4, 4/4." in result.err
    assert "--shard 2/4 --resume" in result.err
    begun = seven("--shard", "1/4")
    assert begun.code == 1
    assert "Shard 1/4 of the run in 'results' has begun: 2 of 2 genes are done" in begun.err
    assert "2 done before" in seven("--shard", "1/4", "--resume").out


def test_a_run_without_shards_does_what_is_missing(seven):
    assert seven("--shard", "2/3").code == 0
    assert "holds an unfinished run: 2 of 7 genes are done" in seven().err
    result = seven("--resume")
    assert result.code == 0, result
    assert "2 done before" in result.out
    assert_same_results(Path("whole"), Path("results"))


def test_a_shard_of_another_run_is_refused(seven):
    assert seven("--shard", "1/2").code == 0
    result = seven("--shard", "2/2", "--seed", "1")
    assert result.code == 1
    assert "seed was 0 and is 1" in result.err
    with h5py.File("seven.h5", "r+") as file:
        file["sequences"][0, 0] = (file["sequences"][0, 0] + 1) % 4
    assert "seven.h5' has changed" in seven("--shard", "2/2").err


def test_genes_that_fail_in_a_shard(seven, decima):
    with h5py.File("seven.h5", "r+") as file:
        file["sequences"][1, 7] = 9
    assert seven("-o", "whole", "--overwrite").code == 3
    result = seven("--shard", "2/3")
    assert result.code == 3
    assert "1 gene failed; --resume tries again" in result.out
    for shard in ("1/3", "3/3"):
        assert seven("--shard", shard).code == 0
    assert decima("merge", "results", "--quiet").code == 3
    assert_same_results(Path("whole"), Path("results"))


def test_nobody_merges_while_a_shard_is_at_work(seven, decima):
    pytest.importorskip("fcntl")
    assert seven("--shard", "1/2").code == 0
    other = Unfinished("results")
    with other.claimed(shared=True):
        for result in (decima("merge", "results"), seven("--resume")):
            assert result.code == 1
            assert "another run is writing there" in result.err
        assert seven("--shard", "2/2").code == 0
    assert decima("merge", "results").code == 0


def test_shards_replace_a_finished_run_when_they_are_merged(seven, decima):
    assert seven("--genes", "G1").code == 0
    assert "already holds a finished run" in seven("--shard", "1/2").err
    for shard in ("1/2", "2/2"):
        assert seven("--shard", shard, "--overwrite").code == 0
        assert json.loads(Path("results/run.json").read_text())["genes"] == ["G1"]
    assert decima("merge", "results").code == 0
    assert_same_results(Path("whole"), Path("results"))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "2", "a/b", "1/2/3", "-1/4", ""])
def test_a_shard_that_there_is_not(run, text):
    result = run("--shard", text)
    assert result.code == 1
    assert "shard" in result.err


def test_every_gene_is_in_one_shard():
    genes = [f"G{n}" for n in range(23)]
    for count in range(1, 30):
        parts = [Shard(number, count).of(genes) for number in range(1, count + 1)]
        assert sorted((gene for part in parts for gene in part), key=genes.index) == genes
    with pytest.raises(ConfigError, match="numbered 1/4 to 4/4"):
        Shard(5, 4)
