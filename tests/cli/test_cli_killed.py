"""A real process, killed at random moments a hundred times: whoever goes on with the run ends with the same results."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_results import assert_same_results
from support import plant, random_codes, write_gene_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here, which this system cannot"),
]

KILLS = int(os.environ.get("DECIMA_KILLS", "100"))
GENES, LENGTH = 24, 2_000


class Launcher:
    """Starts processes, and tells how they ended (:mod:`launcher`)."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("launcher.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        )
        assert self._answer() == "ready"

    def start(self, *arguments: str) -> int:
        """The number of a process that begins now."""
        self._say(json.dumps(arguments))
        return int(self._answer())

    def wait(self) -> int:
        """How it ended: its exit status, or minus the signal."""
        self._say("")
        return int(self._answer())

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def launcher(workspace: Path) -> Iterator[Launcher]:
    started = Launcher(workspace)
    yield started
    started.close()


def moment(rng: random.Random, output: Path, usual: float) -> None:
    """Wait for some moment of a run: any, or one while its results are being put together."""
    if rng.random() < 0.6:
        time.sleep(rng.uniform(0, usual))
        return
    sign = output / rng.choice(["attributions.h5.partial", "hits.bed.partial", "run.json.partial", "run.json"])
    until = time.monotonic() + 3 * usual
    while time.monotonic() < until and not sign.exists():
        time.sleep(0.0005)
    time.sleep(rng.choice([0, rng.uniform(0, 0.005), rng.uniform(0, 0.05)]))


def test_a_run_that_is_killed_again_and_again(workspace: Path, launcher: Launcher) -> None:
    codes = random_codes(5, GENES, LENGTH)
    for row in codes:
        plant(row, "GATAAGC", LENGTH // 2 - 30)
    write_gene_file(workspace / "many.h5", codes, mask=slice(LENGTH // 2, LENGTH // 2 + 40))
    command = ["run", "--source", "many.h5", "--model", "support:MotifDetector", "-O", "motifs.path=motifs.meme"]
    command += ["--device", "cpu", "--tasks", "0", "-q"]
    began = time.monotonic()
    launcher.start(*command, "-o", "whole")
    assert launcher.wait() == 0
    usual = time.monotonic() - began

    seed = int(os.environ.get("DECIMA_KILL_SEED", random.SystemRandom().randrange(10**6)))
    print(f"DECIMA_KILL_SEED={seed}, a whole run takes {usual:.2f} s")  # noqa: T201
    rng = random.Random(seed)
    kills = rounds = assembling = 0
    while kills < KILLS:
        rounds += 1
        output = workspace / f"round{rounds}"
        parts = [[*command, "-o", output.name, "--resume"]]
        if rounds % 4 == 0:
            parts = [[*parts[0], "--shard", f"{number}/2"] for number in (1, 2)] + [["merge", output.name, "-q"]]
        for part in parts:
            left = 6 if kills < KILLS else 0
            while True:
                process = launcher.start(*part)
                if left:
                    moment(rng, output, usual)
                    assembling += (output / "attributions.h5.partial").exists()
                    os.kill(process, signal.SIGKILL)
                status = launcher.wait()
                assert status in (0, -signal.SIGKILL), (status, part)
                if (output / "run.json").exists():
                    assert_same_results(workspace / "whole", output)
                if status == 0:
                    break
                kills, left = kills + 1, left - 1
        assert_same_results(workspace / "whole", output)
        launcher.start(*parts[-1])  # what was killed after its end is put away by the next
        assert launcher.wait() == 0
        assert sorted(path.name for path in output.iterdir()) == sorted(
            path.name for path in (workspace / "whole").iterdir()
        )
    print(f"{kills} kills in {rounds} runs, {assembling} of them while the results were put together")  # noqa: T201
    assert assembling >= KILLS // 20
