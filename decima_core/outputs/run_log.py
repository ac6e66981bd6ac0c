"""What one process did for a run, and when: a line of text each, beside its journal."""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from decima_core.outputs.own_logger import infos_to


class RunLog:
    """Adds lines to a file; they are held back until :meth:`open` says that there is one.

    Warnings are lines too, and so is what the package itself tells its loggers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: list[str] = []
        self._open = False
        self._stack = ExitStack()
        self._handler = _Handler(self)

    def say(self, text: str) -> None:
        """Add a line. Raises OSError if the disk refuses."""
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {' '.join(text.split())}\n"
        self._held.append(line)
        if self._open:
            self.open()

    def open(self) -> None:
        """Write what was held back, and from now on every line at once."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(self._held))
        self._held, self._open = [], True

    def __enter__(self) -> Self:
        self.say(f"process {os.getpid()} on {socket.gethostname()} begins")
        logging.getLogger().addHandler(self._handler)
        self._stack.callback(logging.getLogger().removeHandler, self._handler)
        self._stack.enter_context(infos_to(self._handler))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class _Handler(logging.Handler):
    """Puts what loggers are told into the log."""

    def __init__(self, log: RunLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # a full disk is told by whoever writes results
            self._log.say(f"{'warning: ' if record.levelno >= logging.WARNING else ''}{record.getMessage()}")
