"""pyBigWig, which reads and writes BigWig; it is optional, and prints to the standard error of C."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from decima_core.errors import DataError, PluginError, first_line
from decima_core.scores.files import head_of

MAGIC = (b"\x26\xfc\x8f\x88", b"\x88\x8f\xfc\x26")  # in either order of bytes
_BIGBED = (b"\xeb\xf2\x89\x87", b"\x87\x89\xf2\xeb")


def library() -> Any:
    """The module. Raises PluginError if it is not installed."""
    try:
        import pyBigWig
    except ImportError:
        raise PluginError("BigWig needs pyBigWig, which is not installed; pip install 'decima-core[scores]'.") from None
    return pyBigWig


def open_bigwig(path: Path) -> Any:
    """A BigWig opened for reading.

    Raises
    ------
    PluginError
        If pyBigWig is not installed.
    DataError
        If the file is no BigWig, or is cut short or damaged.
    """
    module = library()
    check_is_bigwig(path)
    try:
        with quiet():
            opened = module.open(str(path))
    except RuntimeError as error:
        raise DataError(
            f"The BigWig '{path}' cannot be opened ({first_line(error)}); it is cut short or damaged: copy, download or write it "
            "again."
        ) from error
    if not is_whole(path):
        opened.close()
        raise DataError(f"The BigWig '{path}' is cut short: its end is missing; copy, download or write it again.")
    return opened


def check_is_bigwig(path: Path) -> None:
    """Refuse a file that does not begin as a BigWig does. Raises DataError."""
    head = head_of(path, "BigWig", 4)
    if head not in MAGIC:
        what = "a BigBed, which has no value a base" if head in _BIGBED else "no BigWig"
        raise DataError(f"The file of scores '{path}' is {what}; give a BigWig.")


def is_whole(path: Path) -> bool:
    """Whether a BigWig ends with its first four bytes, as the format has it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(path.stat().st_size - 4, 0))
        return head in MAGIC and file.read(4) == head


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the library from printing on standard error; what goes wrong is raised instead."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error has nothing to keep quiet
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
