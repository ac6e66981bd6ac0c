"""What a long command shows: lines, a progress bar where a person is watching, warnings; and how it is ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


@contextmanager
def watching(*, quiet: bool, stderr: bool = False) -> Iterator[tuple[Console, Progress]]:
    """A console that a closed pipe does not stop, and a progress bar that is shown on a terminal alone.

    With ``stderr`` both write there, and leave standard output to a table.

    Warnings of the stages, such as a method whose promise does not hold, take the form of this program's errors. A
    scheduler's way to end a job becomes an interrupt, so that nothing unfinished stays behind.
    """
    import logging
    import signal
    import threading

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class PatientConsole(Console):
        def on_broken_pipe(self) -> None:
            """The reader of the lines, such as `head`, went away: the run goes on in silence."""
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if stderr else sys.stdout).fileno())

    logging.basicConfig(level=logging.WARNING, format="decima-core: warning: %(message)s")
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), _interrupt)
    console = PatientConsole(quiet=quiet, stderr=stderr, highlight=False, soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        yield console, progress


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
