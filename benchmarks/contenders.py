"""Contenders: processes that do the same task, each under its own interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

WORKERS = Path(__file__).parent / "workers"
_VERSIONS = """
import importlib.metadata as m, importlib.util as u, json, platform, sys
def version(name):
    try:
        return m.version(name)
    except m.PackageNotFoundError:
        return None
found = {name: version(name) for name in sys.argv[1:]}
print(json.dumps({"python": platform.python_version(), **found}))
"""


class ContenderError(RuntimeError):
    """A contender could not be started, or failed at a task."""


@attrs.frozen
class Reply:
    """What came back: seconds of one call, the most memory the process has held so far, and what is to be compared."""

    seconds: float
    peak_mib: float | None
    answer: Any = None


def versions(python: str, packages: Sequence[str]) -> dict[str, str | None]:
    """The version of Python and of some packages under an interpreter; None for a package that it has not."""
    done = subprocess.run([python, "-c", _VERSIONS, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ContenderError(f"{python} does not run: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


class Contender:
    """A worker script, running.

    Parameters
    ----------
    label
        What it is called in the results.
    script
        File of ``benchmarks/workers``, without ``.py``.
    python
        The interpreter; by default this one.
    threads
        Threads that its numerical libraries may use.
    folder
        Where its temporary files go.
    """

    def __init__(
        self,
        label: str,
        script: str,
        python: str = sys.executable,
        *,
        threads: int,
        folder: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.label = label
        limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
        environment = {**os.environ, **limits, "TMPDIR": str(folder), **(variables or {})}
        # The script's folder is first on the path, where serve.py is; nothing of ours may shadow what is theirs.
        for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
            environment.pop(name, None)
        self._said = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, str(WORKERS / f"{script}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            cwd=folder,
            env=environment,
        )

    def ask(self, task: str, *, times: int = 1, answer: bool = False, **given: Any) -> Reply:
        """Do a task ``times`` times in a row, and wait for it.

        Raises
        ------
        ContenderError
            If it fails.
        """
        request = {"task": task, "given": given, "times": times, "answer": answer}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ContenderError(f"{self.label} stopped: {self._last_words()}")
        reply = json.loads(line)
        if "error" in reply:
            raise ContenderError(f"{self.label}, {task}: {reply['error']}")
        found = reply.get("value")
        if "array" in reply:
            found = np.load(reply["array"])
            Path(reply["array"]).unlink()
        return Reply(seconds=reply["seconds"], peak_mib=reply["peak_mib"], answer=found)

    def _last_words(self) -> str:
        self._said.seek(0)
        return (self._said.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._said.close()
