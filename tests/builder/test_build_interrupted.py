"""Ctrl-C, whenever it comes, ends a build with one line and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from decima_core.outputs.interrupts import held, uninterrupted
from decima_core.sequence import decode


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell starts what it puts in the background with Ctrl-C ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_signals_wait_until_the_block_ends() -> None:
    seen = []

    def interrupted() -> None:
        with held():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            seen.append("whole")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert seen == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_goes_first() -> None:
    @uninterrupted
    def fails() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        fails()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    bases = decode(np.random.default_rng(0).integers(0, 4, 200_000).astype(np.int8))
    (tmp_path / "g.fa").write_text(f">chr1\n{bases}\n", encoding="utf-8")
    genes = "".join(f"chr1\t{i * 180}\t{i * 180 + 100}\tG{i}\t0\t+\n" for i in range(1_000))
    (tmp_path / "g.bed").write_text(genes, encoding="utf-8")
    command = [sys.executable, "-m", "decima_core", "build", "--source", "g.fa", "--gene-table", "g.bed"]
    command += ["--upstream", "30000", "--seq-len", "100000", "-o", "k.h5"]
    for wait in np.linspace(0.2, 2.0, 8):
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not (tmp_path / "k.h5.partial").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(float(wait))
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert len(err.strip().splitlines()) == 1, err
        assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("k.h5")) == []


def test_the_output_is_none_of_the_inputs(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(f">chr1\n{'ACGT' * 500}\n", encoding="utf-8")
    (tmp_path / "g.bed").write_text("chr1\t500\t700\tA\t0\t+\n", encoding="utf-8")
    for output in ("g.fa", "g.bed"):
        before = (tmp_path / output).read_bytes()
        command = [
            sys.executable,
            "-m",
            "decima_core",
            "build",
            "--source",
            "g.fa",
            "--gene-table",
            "g.bed",
            "--overwrite",
        ]
        command += ["--upstream", "100", "--seq-len", "400", "-o", output]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "give another name with --output" in done.stderr
        assert (tmp_path / output).read_bytes() == before
