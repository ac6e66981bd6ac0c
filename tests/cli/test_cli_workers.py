"""``decima-core run`` with workers: what comes out is what one process makes, whoever dies meanwhile."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from killing_models import MARK
from process_watch import HERE, descendants, gone
from run_results import assert_same_results
from support import plant, random_codes, write_gene_file

from decima_core.choice import StageChoice
from decima_core.config import RunConfig
from decima_core.errors import ConfigError, PluginError
from decima_core.outputs.unfinished import Unfinished
from decima_core.runner import run as run_config

GENES = [f"G{i}" for i in range(12)]
MARKED = "G4"
MODELS = f"{HERE / 'killing_models.py'}:"

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="distributed is not installed; the extra dask has it"
)
EXECUTORS = [
    pytest.param(["--workers", "2"], id="processes"),
    pytest.param(["--workers", "2", "--dask", "local"], id="dask", marks=[pytest.mark.slow, needs_dask]),
]


@pytest.fixture(autouse=True)
def genes(workspace) -> Path:
    """Twelve genes in many.h5, each with the motif; G4 is marked for the models that die of it."""
    codes = random_codes(11, len(GENES), 600)
    for i, row in enumerate(codes):
        plant(row, "GATAAGC", 100 + 20 * i)
    codes[:, 0] = 3
    codes[GENES.index(MARKED), :MARK] = 0
    return write_gene_file(workspace / "many.h5", codes, names=GENES, mask=slice(300, 400))


@pytest.fixture
def many(run):
    """``decima-core run`` on many.h5 with a model of killing_models.py, by its name and with one thread."""

    def call(folder, model, *arguments):
        return run(
            "--source", "many.h5", "--model", MODELS + model, "--threads", 1, "-o", folder, *arguments
        )  # the last of two equal flags holds

    return call


def record(folder: str) -> dict:
    return json.loads(Path(folder, "run.json").read_text())


# --- the same results -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "workers",
    [
        pytest.param(["--workers", "1"], marks=pytest.mark.slow),
        ["--workers", "2"],
        pytest.param(["--workers", "3"], marks=pytest.mark.slow),
        pytest.param(["--workers", "3", "--dask", "local"], marks=[pytest.mark.slow, needs_dask]),
    ],
    ids=" ".join,
)
def test_workers_make_what_one_process_makes(many, workers):
    # A method that draws random numbers: what it draws depends on the gene alone, not on who is before it.
    method = ("--method", "gradient-shap", "-O", "method.n_samples=3", "--seed", 7)
    assert many("one", "Marked", *method).code == 0
    assert len({*Path("begun").read_text().split()}) == 1
    Path("begun").unlink()
    result = many("several", "Marked", *method, *workers)
    assert (result.code, result.err) == (0, "")
    assert_same_results(Path("one"), Path("several"))
    pids = {*Path("begun").read_text().split()}
    assert str(os.getpid()) not in pids
    assert 1 <= len(pids) <= int(workers[1])
    firsts = [line.partition(":")[0] for line in result.out.splitlines()]
    assert sorted(first for first in firsts if first in GENES) == sorted(GENES), "a line for each, in any order"
    ours, theirs = record("several"), record("one")
    told = ours.pop("workers")
    assert told == {
        "executor": "dask" if "--dask" in workers else "processes",
        **({"scheduler": "local"} if "--dask" in workers else {}),
        "count": int(workers[1]),
        "threads": 1,
        "retried": 0,
    }
    assert set(ours) == set(theirs)
    for same in ("genes", "model", "target", "providers", "inputs", "counts", "software", "device"):
        assert ours[same] == theirs[same], same
    assert ours["config"]["threads"] == 1
    assert "workers" not in ours["config"], "who did it is told apart from what is repeated"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_shards_with_workers_are_merged_into_what_one_process_makes(many, decima, executor):
    method = ("--method", "gradient-shap", "-O", "method.n_samples=3", "--seed", 7)
    assert many("one", "Marked", *method).code == 0
    Path("begun").unlink()
    for shard in ("2/2", "1/2"):
        result = many("results", "Marked", *method, "--shard", shard, *executor)
        assert (result.code, result.err) == (0, "")
        assert "when all shards are done" in result.out
    assert str(os.getpid()) not in Path("begun").read_text().split()
    assert not Path("results/run.json").exists()
    assert decima("merge", "results").code == 0
    assert_same_results(Path("one"), Path("results"))
    assert record("results")["counts"] == record("one")["counts"]
    assert record("results")["genes"] == GENES


READS = """
import os, threading
from decima_hdf5.source import HDF5Source
from killing_models import Marked

plain = HDF5Source.read

def read(self, gene, seq_len=None):
    with open("reads", "a") as file:
        file.write(f"{os.getpid()} {gene} {threading.current_thread().name}\\n")
    return plain(self, gene, seq_len)

HDF5Source.read = read
"""


def test_a_worker_reads_the_next_gene_while_it_computes_one(many, run, monkeypatch):
    from decima_hdf5.source import HDF5Source

    monkeypatch.setattr(HDF5Source, "read", HDF5Source.read)  # put back: this process loads the model too
    Path("reads.py").write_text(READS)
    model = ("--source", "many.h5", "--model", "reads.py:Marked", "--threads", 1)
    assert run(*model, "-o", "several", "--workers", "1").code == 0
    lines = [line.split() for line in Path("reads").read_text().splitlines()]
    assert str(os.getpid()) not in {pid for pid, _, _ in lines}
    assert [gene for _, gene, _ in lines] == GENES, "each once"
    ahead = [thread.startswith("read-ahead") for _, _, thread in lines]
    assert ahead == [False, *[True] * (len(GENES) - 1)]


def test_a_file_may_say_how_many_workers(decima, workspace):
    (workspace / "run.toml").write_text(
        f"""
        genes = ["G0", "G1"]
        workers = 2
        threads = 1
        output = "told"
        source = "many.h5"
        model = {{ provider = "torch", path = "{MODELS}Marked" }}
        target = {{ tasks = ["0"] }}
        motifs = {{ path = "motifs.meme" }}
        """
    )
    result = decima("run", "run.toml")
    assert (result.code, result.err) == (0, "")
    assert record("told")["workers"]["count"] == 2


def test_windows_of_scores_are_annotated_by_workers_too(many, decima):
    assert many("scores", "Marked", "--workers", "2").code == 0
    scores = ("annotate", "--scores", "scores/attributions.h5", "-O", "motifs.path=motifs.meme")
    assert decima(*scores, "-o", "one").code == 0
    result = decima(*scores, "-o", "several", "--workers", "2")
    assert (result.code, result.err) == (0, "")
    assert_same_results(Path("one"), Path("several"))


# --- who dies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", EXECUTORS)
def test_a_worker_killed_in_mid_run_changes_nothing(many, workers, caplog):
    assert many("one", "Marked").code == 0
    result = many("several", "KillsOnce", *workers)
    sys.stdout.write(f"\nkilled: process {Path('killed').read_text()}\n{caplog.text}{result.out}")
    assert result.code == 0
    assert "it is tried again" in caplog.text
    for name in ("peaks.tsv", "hits.tsv"):  # the models' names differ in the headers
        ours, theirs = (re.sub(r"(?m)^# model: .*$", "", Path(f, name).read_text()) for f in ("several", "one"))
        assert ours == theirs
    assert record("several")["workers"]["retried"] >= 1
    assert "failures" not in record("several")


@pytest.mark.parametrize("workers", EXECUTORS)
def test_a_gene_that_kills_its_workers_is_a_failure_and_the_others_go_on(many, workers):
    result = many("results", "Kills", *workers)
    sys.stdout.write(f"\n{result.err}{result.out}")
    assert result.code == 3
    assert record("results")["genes"] == GENES
    assert record("results")["counts"]["genes"] == len(GENES) - 1
    (failure,) = record("results")["failures"]
    assert (failure["gene"], failure["stage"], failure["error"]) == (MARKED, "worker", "WorkerError")
    assert re.search(r"(was killed \(signal 9\) 3 times|[3-9] Dask workers were lost)", failure["reason"])
    assert "memory ran out, most likely" in failure["reason"]
    assert MARKED in Path("results/failures.tsv").read_text()


# --- a run that ends early --------------------------------------------------------------------------------------------


def begin(folder: str, *arguments: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """The command in a process group of its own, when two genes are done; and its descendants."""
    command = [sys.executable, "-m", "decima_core", "run", "--source", "many.h5", "--model", f"{MODELS}Slow"]
    command += ["--tasks", "0", "-O", "motifs.path=motifs.meme", "--device", "cpu", "--threads", "1", "-o", folder]
    main = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(Unfinished(folder).contents().places) < 2:
        assert main.poll() is None, main.stderr and main.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return main, descendants(main.pid)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("workers", EXECUTORS)
def test_ctrl_c_keeps_what_is_done_and_another_number_of_workers_goes_on(many, workers):
    assert many("one", "Slow").code == 0
    main, others = begin("results", *workers)
    assert len(others) >= 2
    os.killpg(main.pid, signal.SIGINT)
    _, err = main.communicate(timeout=60)
    assert main.returncode == 130, err
    assert re.fullmatch(
        r"decima-core: interrupted; \d+ of 12 genes are kept in 'results'; go on with --resume\.\n", err.lstrip()
    ), err
    assert gone(others, 10)
    result = many("results", "Slow", "--resume", "--workers", 3)
    assert result.code == 0
    assert " done before" in result.out
    assert_same_results(Path("one"), Path("results"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", EXECUTORS)
def test_a_run_whose_main_process_was_killed_goes_on(many, workers):
    assert many("one", "Slow").code == 0
    main, others = begin("results", *workers)
    main.kill()
    main.communicate()
    assert gone(others, 20), "workers end with the main process"
    done = len(Unfinished("results").contents().places)
    assert done >= 2
    result = many("results", "Slow", "--resume")
    assert f"; {done} done before" in result.out.splitlines()[0]
    assert_same_results(Path("one"), Path("results"))
    assert "workers" not in record("results"), "the last call had none"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "'workers' in the command line must be at least 1, not 0."),
        (["--threads", "0"], "'threads' in the command line must be at least 1, not 0."),
        (["--dask", ""], "'dask' in the command line is empty; give a scheduler's address, or local."),
    ],
)
def test_numbers_that_make_no_sense(many, arguments, message):
    result = many("results", "Marked", *arguments)
    assert (result.code, result.err) == (1, f"decima-core: error: {message}\n")
    assert not Path("results").exists()


@needs_dask
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dask", "local"], "A local Dask cluster has as many processes as you say; give --workers N."),
        (["--dask", "tcp://127.0.0.1:9", "--workers", "2"], "has the workers that were started for it; leave out --workers."),
        (["--dask", "nowhere.json"], "There is no Dask scheduler file 'nowhere.json'; give an address such as"),
    ],
)  # fmt: skip
def test_dask_is_told_plainly(many, arguments, message):
    result = many("results", "Marked", *arguments)
    assert result.code == 1
    assert message in result.err
    assert not Path("results").exists()


def test_dask_that_is_not_installed(many, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "distributed" else find(name, *a))
    result = many("results", "Marked", "--dask", "local", "--workers", 2)
    assert result.code == 1
    assert "not installed; pip install 'decima-core[dask]'." in result.err
    assert PluginError.__name__ not in result.err


def test_what_cannot_be_sent_is_refused_before_anything_starts():
    class Cutting(torch.nn.Module):  # of a function, so it cannot be found by its name in another process
        channels = 4

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sum(dim=(1, 2))[:, None]

    config = RunConfig(
        stages={
            "source": StageChoice("hdf5", {"path": "many.h5"}),
            "model": StageChoice("torch", {"path": f"{MODELS}Marked", "arguments": {"odd": Cutting()}}),
            "motifs": StageChoice("jaspar", {"path": "motifs.meme"}),
        },
        workers=2,
        output="results",
    ).with_changes(target={"transform": "aggregate"})
    with pytest.raises(
        ConfigError, match=r"cannot be sent to workers, .* cannot be pickled \(.*Cutting.*\); give a file"
    ):
        run_config(config)
    assert not Path("results").exists()


def test_errors_of_the_run_are_told_once_and_by_the_main_process(many):
    result = many("results", "Marked", "--workers", 2, "--tasks", "nobody")
    assert result.code == 1
    assert result.err.count("nobody") == 1
    assert not psutil.Process().children() or all(
        "resource_tracker" in " ".join(p.cmdline()) for p in psutil.Process().children()
    )


def test_values_do_not_depend_on_who_computes_them_twice(many):
    """Two runs with workers, whose genes come in different orders, are equal too."""
    for folder in ("first", "second"):
        assert many(folder, "Marked", "--workers", 2).code == 0
    assert_same_results(Path("first"), Path("second"))
    assert np.isfinite(record("first")["seconds"]["total"])
