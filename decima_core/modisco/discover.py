"""Runs TF-MoDISco on inputs that were written, and makes motifs of what it finds."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress

from decima_core.errors import DataError, MotifError, PluginError
from decima_core.modisco.inputs import HYPOTHETICAL, ONE_HOT, PATTERNS, RESULT, ModiscoInputs
from decima_core.modisco.meme import write_meme
from decima_core.modisco.options import ModiscoOptions
from decima_core.modisco.patterns import Pattern, read_modisco_patterns
from decima_core.outputs.partial_folder import explained

INSTALL = 'pip install "decima-core[modisco]"'


def is_installed() -> bool:
    """Whether TF-MoDISco is there."""
    return importlib.util.find_spec("modiscolite") is not None


def require_installed() -> None:
    """Refuse to go on without TF-MoDISco, before anything is computed for it.

    Raises
    ------
    PluginError
        If it is not there; names what to install.
    """
    if not is_installed():
        raise PluginError(f"TF-MoDISco is not installed; install it with {INSTALL}, or leave --run out.")


def run_modisco(
    inputs: ModiscoInputs,
    options: ModiscoOptions | None = None,
    *,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[Pattern, ...]:
    """Run TF-MoDISco in a process of its own; writes ``modisco.h5`` and ``patterns.meme`` beside its inputs.

    Both appear under their names only when they are whole. TF-MoDISco draws with seeds of its own, always the same, so the
    same inputs give the same patterns on one machine. ``told`` gets each line that it prints. If the process here is
    interrupted, that one ends too.

    Raises
    ------
    PluginError
        If TF-MoDISco is not installed.
    DataError
        If the inputs are not there any more.
    MotifError
        If it fails, with its own last words, or finds no pattern.
    OutputError
        If the disk refuses.
    """
    require_installed()
    chosen, folder = options or ModiscoOptions(), inputs.output
    for name in (ONE_HOT, HYPOTHETICAL):
        if not (folder / name).is_file():
            raise DataError(f"There is no '{folder / name}'; write the inputs again with write_modisco_inputs.")
    partial = folder / f"{RESULT}.partial"
    arguments = [folder / ONE_HOT, folder / HYPOTHETICAL, partial, inputs.width, chosen.max_seqlets, chosen.leiden_runs]
    try:
        _work([str(argument) for argument in arguments], told)
        with explained(folder):
            partial.replace(folder / RESULT)
    finally:
        partial.unlink(missing_ok=True)
    patterns = read_modisco_patterns(folder / RESULT, trim=chosen.trim)
    write_meme(folder / PATTERNS, patterns)
    return patterns


def _work(arguments: Sequence[str], told: Callable[[str], None]) -> None:
    """Run the worker to its end."""
    command = [sys.executable, "-u", "-m", "decima_core.modisco.worker", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        # A session of its own, so that it and what it starts can be ended together.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, errors="replace", start_new_session=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                told(line.rstrip())
            status = process.wait()
        except BaseException:
            _end(process)
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
        if status:
            complaints.seek(0)
            raise MotifError(_explained(status, complaints.read()))


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _explained(status: int, complaints: str) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        return (
            f"TF-MoDISco was ended by the signal {name}, which is what happens where memory runs out; take fewer windows, a "
            "smaller --width or --max-seqlets."
        )
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit status {status}"
    return (
        f"TF-MoDISco failed: {last.rstrip('.')}. Its inputs are whole; give it more windows, or run it by hand to see all "
        "that it says."
    )
