"""Runs that end early, and genes that fail: what is kept, what is told, and how a run goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from run_results import assert_same_results
from support import plant, random_codes, write_gene_file

from decima_core.outputs.unfinished import Unfinished

ODD = f"{Path(__file__).with_name('odd_models.py')}:"
DEEP = f"{Path(__file__).parents[1] / 'deep_models.py'}:Residual"


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def done_in(folder: str) -> list[str]:
    """The genes that an unfinished run keeps."""
    return list(Unfinished(folder).contents().places)


@pytest.fixture
def stopped(run):
    """A run in 'results' that was interrupted as its third gene began; the whole run is in 'whole'."""
    assert run("-o", "whole").code == 0
    with reading(GATA1=KeyboardInterrupt):
        result = run()
    assert result.code == 130, result
    assert "interrupted; 2 of 3 genes are kept in 'results'; go on with --resume." in result.err
    return result


@contextmanager
def reading(**raised: type[BaseException]) -> Iterator[None]:
    """Reading some genes raises, inside."""
    from decima_hdf5.source import HDF5Source

    read = HDF5Source.read

    def stop(self: HDF5Source, gene: str, seq_len: int | None = None) -> object:
        if gene in raised:
            raise raised[gene]
        return read(self, gene, seq_len)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HDF5Source, "read", stop)
        yield


# --- going on ---------------------------------------------------------------------------------------------------------


def test_a_resumed_run_equals_an_uninterrupted_one(run, stopped):
    assert names_in("results") == ["unfinished"]
    assert done_in("results") == ["SPI1", "CD68"]
    result = run("--resume")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "3 genes, input-x-gradient, on cpu; 2 done before"
    assert [line.partition(":")[0] for line in lines[1:2]] == ["GATA1"]
    assert_same_results(Path("whole"), Path("results"))
    assert names_in("results") == names_in("whole")
    record, whole = (json.loads(Path(folder, "run.json").read_text()) for folder in ("results", "whole"))
    assert record["counts"] == whole["counts"]
    assert record["inputs"] == whole["inputs"]
    assert set(record["seconds"]) == set(whole["seconds"])
    log = Path("results/run.log").read_text()
    assert "interrupted" in log
    assert log.count(" begins\n") == 2


def test_an_unfinished_run_is_neither_gone_on_with_nor_replaced_unasked(run, stopped):
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    result = run()
    assert result.code == 1
    assert "holds an unfinished run: 2 of 3 genes are done" in result.err
    assert "--resume" in result.err
    assert "--overwrite" in result.err
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before
    anew = run("--overwrite", "--genes", "CD68")
    assert (anew.code, anew.err) == (0, "")
    assert "done before" not in anew.out
    assert names_in("results") == names_in("whole")


def test_resume_without_a_run_begins_one(run):
    assert run("--resume").code == 0
    assert names_in("results") == sorted([*names_in("results")])
    assert Path("results/run.json").exists()


def test_resume_of_a_finished_run_says_so(run):
    assert run().code == 0
    before = {path: path.read_bytes() for path in Path("results").iterdir()}
    result = run("--resume")
    assert (result.code, result.err) == (0, "")
    assert "The run in 'results' was finished already: 3 genes, 3 peaks, 3 motif hits" in result.out
    assert {path: path.read_bytes() for path in Path("results").iterdir()} == before
    other = run("--resume", "--seed", "5")
    assert other.code == 1
    assert "The finished run in 'results' is another one: seed was 0 and is 5" in other.err
    assert run("--resume", "--overwrite", "--seed", "5").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seed", "3"), "seed was 0 and is 3"),
        (("--tasks", "1"), "target"),
        (("--genes", "SPI1,CD68"), "the genes are others (without GATA1)"),
        (("--genes", "CD68,SPI1,GATA1"), "the genes are others (in another order)"),
        (("-O", "peaks.number=3"), "the peaks options number was 10 and is 3"),
        (("--method", "saliency"), "the method provider was 'input-x-gradient' and is 'saliency'"),
        (("--attributions", "projected"), "attributions was not given and is 'projected'"),
    ],
)
def test_another_run_is_refused_with_the_difference(run, stopped, arguments, words):
    result = run("--resume", *arguments)
    assert result.code == 1
    assert words in result.err
    assert len(result.err.splitlines()) == 1
    assert done_in("results") == ["SPI1", "CD68"]


def test_a_changed_input_is_refused(run, stopped):
    with h5py.File("genes.h5", "r+") as file:
        file["sequences"][2, 5] = (file["sequences"][2, 5] + 1) % 4
    result = run("--resume")
    assert result.code == 1
    assert "genes.h5' has changed" in result.err
    assert "motifs.meme" not in result.err


def test_another_version_of_a_plugin_is_refused(run, stopped):
    plan = Path("results/unfinished/plan.json")
    described = json.loads(plan.read_text())
    described["manifest"]["providers"]["peaks"]["version"] = "0.0.1"
    plan.write_text(json.dumps(described))
    result = run("--resume")
    assert result.code == 1
    assert "the peaks version was '0.0.1' and is" in result.err


def test_the_settings_may_be_given_in_another_way(run, stopped):
    """Names of genes in place of none, an option's default in place of nothing."""
    assert run("--resume", "--genes", "SPI1,CD68,GATA1", "-O", "peaks.number=10").code == 0


@pytest.mark.parametrize(("begun", "gone_on"), [((), ("--low-memory",)), (("--low-memory",), ())])
def test_a_run_may_go_on_with_less_memory_or_more(run, begun, gone_on):
    """It changes no number, so it is no other run."""
    deep = ("--model", DEEP)
    assert run(*deep, "-o", "whole").code == 0
    with reading(GATA1=KeyboardInterrupt):
        assert run(*deep, *begun).code == 130
    result = run(*deep, *gone_on, "--resume")
    assert (result.code, result.err) == (0, "")
    assert "; 2 done before" in result.out
    assert_same_results(Path("whole"), Path("results"))
    assert "finished already" in run(*deep, *begun, "--resume").out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--precision", "bf16"), "compute.precision was 'float32' and is 'bf16'"),
        (("--compile",), "compute.compile was False and is True"),
    ],
)
def test_what_changes_numbers_makes_another_run(run, flags, words, monkeypatch):
    monkeypatch.setattr("decima_core.compute.computation.check_compiler", lambda device: None)
    deep = ("--model", DEEP)
    with reading(GATA1=KeyboardInterrupt):
        assert run(*deep).code == 130
    for more in ((), ("--low-memory",) if "--compile" not in flags else ()):
        result = run(*deep, *flags, *more, "--resume")
        assert result.code == 1
        assert words in result.err
        assert "low_memory" not in result.err
    assert done_in("results") == ["SPI1", "CD68"]


def test_a_torn_end_is_cut_off(run, stopped):
    journal = Path("results/unfinished/genes.journal")
    journal.write_bytes(journal.read_bytes()[:-7])
    assert done_in("results") == ["SPI1"]
    assert "; 1 done before" in run("--resume").out
    assert_same_results(Path("whole"), Path("results"))


@pytest.mark.parametrize("place", [0, 20, 2_000])
def test_a_damaged_journal_loses_no_more_than_what_is_damaged(run, stopped, place):
    journal = Path("results/unfinished/genes.journal")
    content = bytearray(journal.read_bytes())
    content[place] ^= 0xFF
    journal.write_bytes(content)
    assert run("--resume").code == 0
    assert_same_results(Path("whole"), Path("results"))


def test_a_replacement_that_is_interrupted_leaves_the_old_run_and_goes_on(run):
    assert run("--genes", "CD68,GATA1").code == 0
    old = {path: path.read_bytes() for path in Path("results").iterdir()}
    with reading(GATA1=KeyboardInterrupt):
        assert run("--overwrite").code == 130
    assert {path: path.read_bytes() for path in Path("results").iterdir() if path.is_file()} == old
    assert run("--resume").code == 0
    assert json.loads(Path("results/run.json").read_text())["genes"] == ["SPI1", "CD68", "GATA1"]


def test_what_a_run_left_that_was_killed_after_its_end_is_put_away(run, stopped):
    kept = {path.name: path.read_bytes() for path in Path("results/unfinished").iterdir()}
    assert run("--resume").code == 0
    Path("results/unfinished").mkdir()
    for name, content in kept.items():
        (Path("results/unfinished") / name).write_bytes(content)
    assert "already holds a finished run" in run().err
    assert "unfinished" not in names_in("results")


def test_the_pace_is_told_now_and_then(run, monkeypatch):
    monkeypatch.setattr("decima_core.cli.run.EVERY", 0.0)
    lines = run().out.splitlines()
    assert re.fullmatch(r"1 of 3 done, [\d.]+ a (second|minute), about \d+ (s|min) left", lines[2])
    assert re.fullmatch(r"3 of 3 done, [\d.]+ a (second|minute)", lines[6])


# --- genes that fail --------------------------------------------------------------------------------------------------


@pytest.fixture
def bad_gene(workspace):
    """The gene file with a base of CD68 that is none."""
    with h5py.File("genes.h5", "r+") as file:
        file["sequences"][1, 7] = 9


def test_a_gene_that_fails_is_told_and_the_others_go_on(run, bad_gene):
    result = run()
    assert (result.code, result.err) == (3, "")
    assert "CD68: failed (read): " in result.out
    assert "1 gene failed; see results/failures.tsv" in result.out
    failures = pd.read_csv("results/failures.tsv", sep="\t", comment="#")
    assert list(failures.columns) == ["gene", "stage", "error", "reason"]
    assert failures.loc[0, ["gene", "stage", "error"]].tolist() == ["CD68", "read", "DataError"]
    assert "9" in failures.loc[0, "reason"]
    with h5py.File("results/attributions.h5") as file:
        assert [gene.decode() for gene in file["genes"][:]] == ["SPI1", "GATA1"]
        assert file["attribution"].shape[0] == 2
    assert set(pd.read_csv("results/hits.tsv", sep="\t", comment="#")["gene"]) == {"SPI1", "GATA1"}
    record = json.loads(Path("results/run.json").read_text())
    assert [failure["gene"] for failure in record["failures"]] == ["CD68"]
    assert record["counts"]["genes"] == 2
    again = run("--resume")
    assert again.code == 3
    assert "finished already" in again.out


def test_fail_fast_stops_at_the_first(run, bad_gene):
    result = run("--fail-fast")
    assert result.code == 1
    assert "'CD68'" in result.err
    assert "1 of 3 genes are kept" in result.err
    assert names_in("results") == ["unfinished"]
    assert run("--resume").code == 3


def test_a_gene_that_failed_is_tried_again(run, workspace):
    assert run("-o", "whole").code == 0
    with reading(CD68=MemoryError, GATA1=KeyboardInterrupt):
        assert run().code == 130
    assert list(Unfinished("results").contents().failures) == ["CD68"]
    assert run("--resume").code == 0
    assert_same_results(Path("whole"), Path("results"))


def test_a_model_that_fails_on_every_gene_is_an_error(run):
    result = run("--model", f"{ODD}NaN")
    assert result.code == 1
    assert "predicts nan for gene 'SPI1'" in result.err
    assert "None of the 3 genes could be explained." in result.err
    assert not Path("results").exists()


def test_a_task_that_the_model_lacks_stops_the_run_at_once(run):
    result = run("--model", f"{ODD}Fits", "--tasks", "7")
    assert result.code == 1
    assert "task number" in result.err
    assert "None of" not in result.err


def test_a_model_that_a_failed_gene_left_hooks_on_is_cleaned(run, workspace):
    """What a gene leaves behind when it fails must not change the next one."""
    Path("hooked.py").write_text(
        "import torch\n"
        "from support import MotifDetector\n"
        "class Hooked(MotifDetector):\n"
        "    calls = 0\n"
        "    def forward(self, x):\n"
        "        type(self).calls += 1\n"
        "        if type(self).calls == 2:\n"
        "            self.conv.register_forward_hook(lambda m, i, o: 0 * o)\n"
        "            raise RuntimeError('no luck')\n"
        "        return super().forward(x)\n"
    )
    assert run("--model", "hooked.py:Hooked").code == 3
    assert run("-o", "whole").code == 0
    one, whole = (pd.read_csv(f"{folder}/hits.tsv", sep="\t", comment="#") for folder in ("results", "whole"))
    pd.testing.assert_frame_equal(one, whole[whole["gene"] != "CD68"].reset_index(drop=True))


# --- what is random ---------------------------------------------------------------------------------------------------

DRAWING = """
import numpy as np, random, torch
from support import MotifDetector

class Drawing(MotifDetector):
    def forward(self, x):
        noise = torch.randn(1) + np.random.rand() + random.random()
        return super().forward(x) * noise.abs().to(x)
"""


def test_what_a_model_draws_depends_on_the_seed_and_the_gene_alone(run, workspace):
    codes = random_codes(9, 5, 240)
    for row in codes:
        plant(row, "GATAAGC", 60)
    write_gene_file(workspace / "five.h5", codes, mask=slice(100, 140))
    Path("drawing.py").write_text(DRAWING)
    drawing = ("--source", "five.h5", "--model", "drawing.py:Drawing")
    assert run(*drawing, "-o", "whole").code == 0
    assert run(*drawing, "-o", "backwards", "--genes", "G4,G3,G2,G1,G0").code == 0
    with reading(G3=KeyboardInterrupt):
        assert run(*drawing).code == 130
    assert run(*drawing, "--resume").code == 0
    assert_same_results(Path("whole"), Path("results"))
    with h5py.File("whole/attributions.h5") as one, h5py.File("backwards/attributions.h5") as other:
        np.testing.assert_array_equal(one["attribution"][:], other["attribution"][:][::-1])
        predictions = one["prediction"][:]
    assert len(set(predictions.tolist())) == 5
    assert run(*drawing, "--seed", "1", "-o", "seeded").code == 0
    with h5py.File("seeded/attributions.h5") as file:
        assert (file["prediction"][:] != predictions).all()


def test_an_input_that_goes_away_meanwhile_is_told_in_the_record(run, workspace):
    """A model's code may be gone once it is loaded; results are not lost for want of a checksum."""
    Path("vanishing.py").write_text(
        "from pathlib import Path\n"
        "from support import MotifDetector as Base\n"
        "class Net(Base):\n"
        "    pass\n"
        "Path(__file__).unlink()\n"
    )
    assert run("--model", "vanishing.py:Net").code == 0
    (entry,) = [entry for entry in json.loads(Path("results/run.json").read_text())["inputs"] if "error" in entry]
    assert entry["path"].endswith("vanishing.py")
