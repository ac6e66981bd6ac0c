"""What goes wrong ends in one line that names the culprit and the next step, and leaves nothing that looks finished."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from support import random_codes, word_ppm, write_meme

from decima_core.records import Peaks

ODD = f"{Path(__file__).with_name('odd_models.py')}:"
Refused = Callable[..., str]
RESULTS = ["attributions.h5", "hits.bed", "hits.tsv", "peaks.bed", "peaks.tsv", "run.json", "run.log"]


def snapshot(folder: Path) -> dict[str, bytes]:
    """The files of a folder; what an unfinished run keeps lies in a folder of its own."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} if folder.is_dir() else {}


@pytest.fixture
def refused(run, workspace) -> Refused:
    """Run, expect failure, and return the one line on stderr; the output folder is as it was."""

    def call(*arguments: object, output: str = "results", code: int = 1) -> str:
        before = snapshot(workspace / output)
        result = run(*arguments)
        assert result.code == code, result
        lines = result.err.strip().splitlines()  # after an interrupt the terminal's ^C gets a line of its own
        assert len(lines) == 1, result.err
        assert "Traceback" not in result.err
        assert snapshot(workspace / output) == before
        return lines[0].removeprefix("decima-core: error: ")

    return call


def edited(edit: Callable[[h5py.File], Any]) -> None:
    with h5py.File("genes.h5", "r+") as file:
        edit(file)


def replace(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        values = change(file[name][:])
        del file[name]
        file[name] = values

    return edit


# --- the gene file ----------------------------------------------------------------------------------------------------


def test_a_missing_file(refused):
    assert "gones.h5' does not exist; did you mean genes.h5?" in refused("--source", "gones.h5")


def test_a_folder_for_a_file(refused):
    Path("folder.h5").mkdir()
    assert "folder.h5" in refused("--source", "folder.h5")


@pytest.mark.parametrize("content", [b"", b"not HDF5 " * 100, "truncated"])
def test_a_file_that_is_not_hdf5(refused, content):
    whole = Path("genes.h5").read_bytes()
    Path("bad.h5").write_bytes(whole[: len(whole) // 2] if content == "truncated" else content)
    assert "bad.h5" in refused("--source", "bad.h5")


@pytest.mark.parametrize("name", ["genes", "sequences", "masks"])
def test_a_missing_dataset(refused, name):
    edited(lambda file: file.pop(name))
    message = refused()
    assert f"lacks the dataset {name}" in message
    assert "genes.h5" in message


def first_code(value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(codes: np.ndarray) -> np.ndarray:
        codes[1, 7] = value
        return codes

    return change


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (replace("masks", lambda m: m[:, :200]), ["200", "240"]),
        (replace("masks", lambda m: m[:2]), ["2", "3"]),
        (replace("genes", lambda g: g[:2]), ["2", "3"]),
        (replace("sequences", first_code(9)), ["'CD68'", "9"]),
        (replace("sequences", first_code(-1)), ["'CD68'", "-1"]),
        (replace("masks", lambda m: m * 0), ["'SPI1'", "mask"]),
    ],
)
def test_contents_that_do_not_fit(refused, edit, words):
    edited(edit)
    message = refused("--fail-fast")
    for word in [*words, "genes.h5"]:
        assert word in message


# --- names that do not exist ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--genes", "SPI1,SPI"), ["gene 'SPI'", "Did you mean SPI1"]),
        (("--genes", "xyzzy"), ["gene 'xyzzy'", "SPI1", "genes.h5"]),
        (("--split", "tests"), ["split 'tests'", "Did you mean test"]),
        (("-O", "model.tasks=blood,skin", "--tasks", "blod"), ["task 'blod'", "Did you mean blood"]),
        (("--tasks", "7"), ["7", "2 tasks"]),
        (("--tasks", "0", "--off-tasks", "9"), ["9", "2 tasks"]),
        (("--tasks", "0", "--off-tasks", "0"), ["off-task", "off_tasks"]),
        (("--tasks", "0,1"), ["All tasks are on", "--tasks"]),
        (("--transform", "specifity"), ["transform", "'specifity'", "did you mean specificity"]),
        (("--method", "integrated-gradient"), ["'integrated-gradient'", "Did you mean integrated-gradients"]),
        (("--peaks", "scipi"), ["peak caller 'scipi'", "Did you mean scipy"]),
        (("--motifs", "jasper"), ["motif scanner 'jasper'", "Did you mean jaspar"]),
        (("--model", "dmo"), ["model 'dmo'", "Did you mean demo"]),
        (("--source", "hdf6"), ["data source 'hdf6'", "Did you mean hdf5"]),
        (("--source", "genes.loom"), ["genes.loom", ".h5", ".fa"]),
        (("--source", "genes.fasta"), ["'fasta' needs a gene table", "source.genes"]),
        (("-O", "peeks.number=3"), ["stage 'peeks'", "Did you mean peaks"]),
        (("-O", "peaks.numbr=3"), ["option 'numbr'", "Did you mean number"]),
        (("-O", "method.n_steps=3"), ["option 'n_steps'", "input-x-gradient", "Known: hypothetical"]),
        (("-O", "target.task=0"), ["option 'task'", "Did you mean tasks"]),
        (("-O", "peaks.number=many"), ["'number'", "scipy", "whole number", "'many'"]),
        (("-O", "peaks.sign=upward"), ["'sign'", "positive", "'upward'"]),
        (("-O", "peaks.distance=0"), ["'distance'", "at least 1"]),
        (("-O", "peaks"), ["'peaks'", "stage.key=value"]),
        (("-O", "scores.path=a.h5"), ["scores.path", "decima-core annotate"]),
        (("-O", "variants.strict=true"), ["variants.strict", "decima-core variants"]),
        (("-O", "compare.top=3"), ["compare.top", "decima-core compare"]),
        (("-O", "motifs.names=M9"), ["motif 'M9'", "motifs.meme", "M1"]),
        (("-O", "motifs.path=none.meme"), ["none.meme"]),
        (("-O", "motifs.path=genes.h5"), ["genes.h5"]),
        (("-O", "motifs.path=none", "-O", "motifs.release=JASPAR2025"), ["JASPAR2025", "JASPAR2024"]),
        (("-O", "motifs.path=none", "-O", "motifs.names=GATA-1"), ["GATA-1", "GATA1"]),
        (("--seed", "-1"), ["'seed'", "-1"]),
        (("--seq-len", "0"), ["'seq_len'", "0"]),
        (("--seq-len", "1000"), ["1,000", "240", "genes.h5"]),
        (("--device", "warp"), ["'warp'", "cpu"]),
        (("--genes", ""), ["--genes"]),
        (("--tasks", " , "), ["--tasks"]),
        (("--genes", "@absent.txt"), ["absent.txt"]),
        (("--genes", "@empty.txt"), ["empty.txt", "is empty"]),
        (("-O", "source.loci=absent.bed"), ["absent.bed"]),
        (("absent.toml",), ["absent.toml"]),
    ],
)
def test_what_does_not_exist_is_named(refused, arguments, words):
    Path("empty.txt").write_text("\n \n")
    message = refused(*arguments)
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("kind", ["method", "motif"])
def test_an_unknown_provider_or_kind_is_named(decima, kind):
    result = decima("show", *(("method", "salency") if kind == "method" else ("moti", "jaspar")))
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    assert ("Did you mean saliency" if kind == "method" else "'moti'") in result.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_an_absent_gpu(refused):
    message = refused("--device", "cuda")
    assert "'cuda'" in message
    assert "--device cpu" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("seed = 1\ngenes = [1 2]\n", ["bad.toml", "line 2"]),
        ("genez = 3\n", ["'genez'", "Did you mean genes", "bad.toml"]),
        ('seed = "x"\n', ["'seed'", "bad.toml", "whole number"]),
        ("[method]\nprovider = 3.5\n", ["'provider'", "[method]", "bad.toml"]),
        ("[peaks]\nheigth = 1\n", ["'heigth'", "Did you mean height"]),
        ("target = 3\n", ["'target'", "bad.toml", "table"]),
        ('[target]\ntransform = "x"\n', ["'transform'", "bad.toml", "'x'"]),
    ],
)
def test_a_bad_toml_file(refused, content, words):
    Path("bad.toml").write_text(content)
    message = refused("bad.toml")
    for word in words:
        assert word in message, message


def test_an_empty_split(refused):
    edited(lambda file: file["genes"].__setitem__((slice(None), 1), "train"))
    message = refused("--split", "test")
    assert "'test'" in message
    assert "train" in message


def test_a_motif_longer_than_the_window(refused):
    word = "".join("ACGT"[code] for code in random_codes(0, 1, 80)[0])
    write_meme(Path("long.meme"), {"LONG": word_ppm(word), "M1": word_ppm("GATAAGC")})
    message = refused("--seq-len", "60", "-O", "motifs.path=long.meme", "--genes", "GATA1")
    for word in ("LONG", "80", "60", "names"):
        assert word in message


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Fitz", ["'Fitz'", "Did you mean Fits"]),
        ("SixChannels", ["channels", "model.channels"]),
        ("FiveSaidFour", ["(1, 4, 240)", "5 channels", "model.channels"]),
        ("FixedWindow", ["(1, 4, 240)", "--seq-len"]),
        ("TooLong", ["1,000", "240", "genes.h5"]),
        ("Scalar", ["shape ()", "(batch, tasks)"]),
        ("FourAxes", ["(1, 2, 1, 1)", "(batch, tasks)"]),
        ("Pair", ["tuple", "one tensor"]),
        ("Raises", ["ValueError: no luck today", "(1, 4, 240)", "'SPI1'"]),
        ("NaN", ["nan", "'SPI1'", "weights"]),
        ("NaNGradients", ["'SPI1'", "input-x-gradient", "NaN", "weights"]),
    ],
)
def test_a_model_that_does_not_work(refused, name, words):
    message = refused("--model", f"{ODD}{name}")
    for word in words:
        assert word in message, message


def test_a_model_that_needs_another_window(refused):
    message = refused("--model", f"{ODD}NeedsHundred", "--seq-len", "60")
    assert "60" in message
    assert "100" in message


def test_a_window_that_misses_the_gene(refused):
    edited(replace("masks", lambda masks: np.roll(masks, 100, axis=1)))
    message = refused("--seq-len", "20")
    assert "'SPI1'" in message
    assert "seq_len" in message


def test_more_task_names_than_tasks(refused):
    message = refused("-O", "model.tasks=a,b,c", "--tasks", "a")
    assert "2 tasks" in message
    assert "3 task names" in message


def test_weights_that_do_not_match(refused):
    torch.save({"conv.wait": torch.zeros(1), "conv.bias": torch.zeros(1)}, "w.pt")
    message = refused("--weights", "w.pt")
    for word in ("'w.pt'", "conv.weight", "conv.wait"):
        assert word in message
    assert "'v.pt'" in refused("--weights", "v.pt")


# --- plugins that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("decima_scipy_peaks.caller.ScipyPeaks.call", ["Peak calling", "'SPI1'", "KeyError: 'oops'"]),
        ("decima_jaspar.scanner.JasparScanner.scan", ["Motif scanning", "'SPI1'", "KeyError: 'oops'"]),
        (
            "decima_captum.gradients.InputXGradientMethod.attribute",
            ["'input-x-gradient'", "'SPI1'", "KeyError: 'oops'"],
        ),
        ("decima_scipy_peaks.caller.ScipyPeaks.__init__", ["peak caller 'scipy'", "decima_scipy_peaks", "'oops'"]),
    ],
)
def test_a_provider_that_raises(refused, monkeypatch, target, words):
    def fail(*arguments: object, **named: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(target, fail)
    message = refused()
    for word in words:
        assert word in message, message


def test_a_peak_caller_that_returns_something_else(refused, monkeypatch):
    monkeypatch.setattr("decima_scipy_peaks.caller.ScipyPeaks.call", lambda self, attribution: Peaks.empty(3))
    message = refused()
    assert "peak caller" in message
    assert "'SPI1'" in message


def peaks_with(extra: dict[str, float], length: int) -> Peaks:
    columns = {name: np.array([value]) for name, value in extra.items()}
    return Peaks(position=[90], start=[85], end=[95], height=[1], length=length, extra=columns)


def test_a_peak_caller_with_other_columns_for_each_gene(refused, monkeypatch):
    extras = iter([{"p_value": 0.1}, {"q_value": 0.1}])
    monkeypatch.setattr("decima_scipy_peaks.caller.ScipyPeaks.call", lambda self, a: peaks_with(next(extras), len(a)))
    message = refused()
    assert "'CD68'" in message
    assert "p_value, q_value" in message
    assert "1 of 3 genes are kept in 'results'; go on with --resume." in message


def test_a_gene_without_peaks_may_lack_the_callers_own_columns(run, monkeypatch):
    found = iter([{}, {"p_value": 0.25}, {}])

    def call(self: object, attribution: Any) -> Peaks:
        extra = next(found)
        return peaks_with(extra, len(attribution)) if extra else Peaks.empty(len(attribution))

    monkeypatch.setattr("decima_scipy_peaks.caller.ScipyPeaks.call", call)
    assert run().code == 0
    header, row = [line.split("\t") for line in Path("results/peaks.tsv").read_text().splitlines() if line[0] != "#"]
    assert dict(zip(header, row, strict=True))["p_value"] == "0.25"


# --- the output folder ------------------------------------------------------------------------------------------------


def test_a_finished_run_is_not_overwritten_unasked(run, refused):
    assert run().code == 0
    message = refused("--genes", "CD68")
    assert "'results'" in message
    assert "--overwrite" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ("--genes", "nobody"),
        ("--model", f"{ODD}NaN"),
        ("--model", f"{ODD}SecondGeneFails", "--fail-fast"),
        ("--tasks", "5"),
        ("-O", "source.loci=absent.bed"),
    ],
)
def test_a_failed_overwrite_leaves_the_old_run_whole(run, refused, workspace, arguments):
    assert run().code == 0
    refused("--overwrite", *arguments)  # compares every byte of the folder
    assert (workspace / "results/run.json").exists()


def test_leftovers_of_a_killed_run_do_not_matter(run, workspace):
    (workspace / "results").mkdir()
    for name in ("attributions.h5.partial", "peaks.tsv.partial", "run.json.partial"):
        (workspace / "results" / name).write_text("half of")
    assert run().code == 0
    assert not list((workspace / "results").glob("*.partial"))


def test_a_folder_that_another_run_is_writing_to(refused, workspace):
    fcntl = pytest.importorskip("fcntl")
    (workspace / "results/unfinished").mkdir(parents=True)
    with (workspace / "results/unfinished/lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        message = refused()
    assert "'results'" in message
    assert "another run" in message


def test_an_output_that_is_a_file(refused):
    Path("taken").write_text("mine")
    message = refused("-o", "taken")
    assert "'taken' is a file" in message
    assert Path("taken").read_text() == "mine"
    assert "taken/inner" in refused("-o", "taken/inner")


def test_a_read_only_folder(refused, workspace):
    (workspace / "locked").mkdir(mode=0o555)
    if os.access(workspace / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    message = refused("-o", "locked/results", output="locked/results")
    assert "permission denied" in message
    assert "--output" in message


def test_a_folder_that_may_not_be_made(refused, monkeypatch):
    def mkdir(self: Path, *arguments: object, **named: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    message = refused("-o", "locked")
    assert "'locked': permission denied" in message
    assert "--output" in message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("name", ["peaks.tsv", "hits.bed", "run.json"])
def test_a_full_disk(run, workspace, name):
    (workspace / "results").mkdir()
    (workspace / "results" / f"{name}.partial").symlink_to("/dev/full")
    result = run()
    assert result.code == 1
    assert len(result.err.splitlines()) == 1, result.err
    assert "The disk is full" in result.err
    assert "3 of 3 genes are kept in 'results'; go on with --resume." in result.err
    assert snapshot(workspace / "results") == {}
    resumed = run("--resume")
    assert resumed.code == 0, resumed
    assert "3 genes, input-x-gradient, on cpu; 3 done before" in resumed.out


LIMITED = """
import resource, sys
from decima_core.cli import main
import decima_core.runner
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
main(sys.argv[2:])
"""


@pytest.mark.parametrize("limit", [0, 4_000, 9_000, 15_000])
def test_a_file_that_may_not_grow(workspace, limit):
    """A disk that refuses half-way must not take the process down, as HDF5 does when it cannot write as it closes."""
    arguments = [
        "run",
        "--source",
        "genes.h5",
        "--model",
        "demo",
        "--tasks",
        "0",
        "--device",
        "cpu",
        "-O",
        "motifs.path=motifs.meme",
    ]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "File too large" in done.stderr
    assert snapshot(workspace / "results") == {}
    command = [sys.executable, "-m", "decima_core", *arguments, "--resume"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert sorted(path.name for path in (workspace / "results").iterdir()) == RESULTS


def test_an_interrupt(refused, workspace):
    message = refused("--model", f"{ODD}Interrupted", code=130)
    assert "interrupted; 1 of 3 genes are kept in 'results'; go on with --resume." in message
    assert not (workspace / "results/run.json").exists()


SLOW_MODEL = """
import time
import torch

class Slow(torch.nn.Module):
    channels, tasks = 4, ["a", "b"]

    def forward(self, x):
        time.sleep(0.3)
        return torch.stack([x.sum((1, 2)), x[:, 0].sum(1)], dim=1)
"""


def test_a_job_that_the_scheduler_ends(workspace):
    (workspace / "slow.py").write_text(SLOW_MODEL)
    arguments = ["run", "--source", "genes.h5", "--model", "slow:Slow", "--tasks", "a", "-O", "motifs.path=motifs.meme"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "decima_core", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "3 genes" in process.stdout.readline()  # from here on the results are being written
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in told
    assert not (workspace / "results").exists()
