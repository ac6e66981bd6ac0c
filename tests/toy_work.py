"""Works for worker processes: small, quick, and able to go wrong in each of the ways that there are."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import time
from pathlib import Path

import attrs

from decima_core.errors import DataError


@attrs.define
class Toy:
    """Answers with the name in small letters and its process; some names do something else.

    Each call leaves a line in ``diary``, so that a test sees how often a name was begun, also by processes that died.
    """

    diary: Path
    seconds: float = 0.0

    def __call__(self, name: str, following: str | None = None) -> tuple[str, int]:
        with self.diary.open("a") as file:
            file.write(f"{name} {os.getpid()} {following}\n")
        time.sleep(self.seconds)
        what, _, _ = name.partition("-")
        if (
            what == "poison"
            or (what == "once" and begun(self.diary).count(name) == 1)
            or following == "unreadable"
            or what == "unreadable"
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "segfault":
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGSEGV)
        elif what == "leave":
            os._exit(3)
        elif what == "refuse":
            raise DataError(f"'{name}' is damaged.")
        elif what == "bug":
            raise ZeroDivisionError("a bug in the work")
        elif what == "warn":
            logging.getLogger("toy").warning("%s is odd", name)
        elif what == "long":
            time.sleep(600)
        elif what == "draw":
            return f"{random.random()}", os.getpid()
        return name.lower(), os.getpid()

    def close(self) -> None:
        with self.diary.open("a") as file:
            file.write(f"closed {os.getpid()}\n")


@attrs.define
class Large:
    """Answers with many bytes."""

    size: int

    def __call__(self, name: str, following: str | None = None) -> bytes:
        return name.encode() * (self.size // len(name))

    def close(self) -> None:
        pass


def begun(diary: Path) -> list[str]:
    """The names that were begun, in their order."""
    return [line.split()[0] for line in diary.read_text().splitlines()] if diary.exists() else []


@attrs.define
class MakeToy:
    """Makes the work; ``how`` may be ``refuse``, ``die``, ``warn`` or ``exit``."""

    diary: Path
    seconds: float = 0.0
    how: str = ""

    def __call__(self) -> Toy:
        if self.how == "refuse":
            raise DataError("There is no file 'genes.h5' here.")
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "exit":
            sys.exit("nothing to be had")
        if self.how == "warn":
            logging.getLogger("toy").warning("The work is odd.")
        return Toy(self.diary, self.seconds)


@attrs.define
class MakeLarge:
    size: int

    def __call__(self) -> Large:
        return Large(self.size)
