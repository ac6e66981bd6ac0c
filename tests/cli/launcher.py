"""Starts ``decima-core`` as processes of their own without importing everything anew for each.

    python launcher.py

Reads lines of arguments (JSON) from standard input; for each it forks a process and writes its number. An empty line has it wait for
that process, and write how it ended: its exit status, or minus the signal.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

MODULES = (
    "support",
    "decima_captum.gradients",
    "decima_core.cli.merge",
    "decima_core.cli.run",
    "decima_core.merging",
    "decima_core.runner",
    "decima_hdf5.source",
    "decima_jaspar.scanner",
    "decima_scipy_peaks.caller",
    "decima_torch.load",
    "rich.progress",
    "scipy.signal",
)


def serve() -> None:
    # Imported but not used here: a forked process must find no threads of libraries begun.
    import torch

    from decima_core.cli import main

    for name in MODULES:
        importlib.import_module(name)

    child = 0
    say("ready")
    for line in sys.stdin:
        if line.strip():
            child = os.fork()
            if not child:
                run(main, json.loads(line), torch)
            say(str(child))
        else:
            say(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def run(main: object, arguments: list[str], torch: object) -> None:
    """The command, in the forked process, which ends with it."""
    status = 70
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        torch.set_num_threads(1)  # type: ignore[attr-defined]
        main(arguments)  # type: ignore[operator]
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(status)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
