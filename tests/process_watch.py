"""Processes that a test starts, and whether all of them are gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from toy_work import begun

HERE = Path(__file__).parent

SCRIPT = """
import sys
from pathlib import Path
from toy_work import MakeToy
{imports}

if __name__ == "__main__":
    with {executor} as executor:
        for name, value in executor.results(["A", "B", "long-1", "long-2", "C"]):
            print(name, flush=True)
"""


def descendants(pid: int) -> list[psutil.Process]:
    """The children of a process, and theirs."""
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process], seconds: float = 10) -> bool:
    """Whether all of them end within ``seconds``."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


def started(tmp_path: Path, imports: str, executor: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A process of its own whose two workers are both in the middle of something long; and its descendants.

    ``executor`` is the code that makes it; the diary's path is the script's first argument.
    """
    script, diary = tmp_path / "script.py", tmp_path / "diary"
    script.write_text(SCRIPT.format(imports=imports, executor=executor))
    main = subprocess.Popen(
        [sys.executable, script, diary],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        start_new_session=True,  # a process group of its own, as a terminal gives to what it starts
    )
    deadline = time.monotonic() + 60
    while not {"long-1", "long-2"} <= set(begun(diary)):
        assert main.poll() is None, main.stderr and main.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return main, descendants(main.pid)
