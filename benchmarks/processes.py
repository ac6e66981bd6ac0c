"""Whole programs, from their start to their end or to a line that they print."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from benchmarks.contenders import ContenderError


@attrs.frozen
class Ran:
    """Seconds until what was waited for, and the most memory the program held.

    Linux counts what the process that started it held at that time as the program's own, so where that is more, it is what is told.
    """

    seconds: float
    peak_mib: float


def environment(folder: Path) -> dict[str, str]:
    """Variables under which programs start as an installed package does: with its bytecode compiled, kept in ``folder``."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def run(command: Sequence[str], variables: Mapping[str, str], folder: Path, until: str | None = None) -> Ran:
    """Run a program to its end; the clock stops at the first line that begins with ``until``, if given.

    Raises
    ------
    ContenderError
        If it fails, or never prints such a line.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(variables), cwd=folder
    )
    assert process.stdout is not None
    seconds, last = None, ""
    for line in process.stdout:
        if until is not None and seconds is None and line.startswith(until):
            seconds = time.perf_counter() - started
        last = line.strip() or last
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.perf_counter() - started
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ContenderError(f"{Path(command[0]).name} failed: {last}")
    if until is not None and seconds is None:
        raise ContenderError(f"{Path(command[0]).name} never printed a line that begins with {until!r}.")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Ran(ended if seconds is None else seconds, kilobytes / 1024)
