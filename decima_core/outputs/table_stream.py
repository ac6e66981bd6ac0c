"""Tables written part by part: text (TSV, BED) and Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from decima_core.errors import OutputError

# 9 significant digits hold a float32 exactly; p-values need no more.
FLOAT_FORMAT = "%.9g"


class TextTable:
    """A tab-separated file: lines ``# key: value``, a line of column names, rows.

    The first part that has rows decides on the columns: one without rows may lack some.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str], *, comment_header: bool = False) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._metadata = metadata
        self._mark = "#" if comment_header else ""
        self._columns: list[str] | None = None
        self._empty: pd.DataFrame | None = None

    def append(self, table: pd.DataFrame, what: str) -> None:
        """Write rows; ``what`` they are of is named in errors.

        Raises
        ------
        OutputError
            If they have other columns than the rows before them.
        """
        if table.empty:
            self._empty = table if self._empty is None else self._empty
            return
        if self._columns is None:
            self._write_header(table)
        check_columns(list(table.columns), self._columns or [], what)
        table.to_csv(
            self._stream, sep="\t", index=False, header=False, float_format=FLOAT_FORMAT, lineterminator="\n"
        )
        self._stream.flush()

    def finish(self) -> None:
        """Close the file; one that got no rows has its header."""
        if self._columns is None and self._empty is not None:
            self._write_header(self._empty)
        self._stream.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._stream.close()

    def _write_header(self, table: pd.DataFrame) -> None:
        self._stream.writelines(f"# {key}: {value}\n" for key, value in self._metadata.items())
        self._stream.write(self._mark + "\t".join(table.columns) + "\n")
        self._columns = list(table.columns)


def check_columns(found: list[str], expected: list[str], what: str) -> None:
    """Refuse rows with other columns than those before them."""
    if found != expected:
        differing = sorted(set(found) ^ set(expected)) or found
        raise OutputError(
            f"The rows of {what} have other columns than those before them ({', '.join(differing)}); every part must have "
            "the same ones."
        )
