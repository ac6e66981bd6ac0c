"""Reading text files, with errors that say what is wrong and what to do."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from decima_core.errors import DataError, first_line


def text_lines(path: Path, what: str) -> Iterator[str]:
    """The lines of a UTF-8 text file, plain or compressed with gzip or bgzip, without their ends.

    Raises
    ------
    DataError
        If the file cannot be read, is not UTF-8 text, or its compressed data are cut short or damaged.
    """
    try:
        with path.open("rb") as head:
            packed = head.read(2) == b"\x1f\x8b"
        opener = gzip.open if packed else open
        with opener(path, "rt", encoding="utf-8-sig") as file:
            for line in file:
                if "\0" in line:
                    raise UnicodeError("it holds a zero byte")
                yield line.rstrip("\r\n")
    except UnicodeError:
        raise DataError(
            f"The {what} '{path}' is not text in UTF-8; give a text file, or convert it to UTF-8."
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"The compressed data of the {what} '{path}' are cut short or damaged ({first_line(error)}); copy or "
            "download the file again."
        ) from None
    except OSError as error:
        raise DataError(f"The {what} '{path}' cannot be read ({first_line(error)}); check its permissions.") from None
