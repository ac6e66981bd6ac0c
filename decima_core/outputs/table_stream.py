"""Tables written part by part: text (TSV, BED) and Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from decima_core.errors import OutputError
from decima_core.outputs.text_rows import FLOAT_FORMAT

# A Parquet row group: so many rows, or fewer where a row has thousands of columns.
_ROW_GROUP, _CELLS = 8_192, 2_000_000
_BUFFER = 1 << 18  # bytes of text held back


class TextTable:
    """A tab-separated file: lines ``# key: value``, a line of column names, rows.

    The first part that has rows decides on the columns: one without rows may lack some.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str], *, comment_header: bool = False) -> None:
        self._stream = path.open("wb", buffering=_BUFFER)
        self._metadata = metadata
        self._mark = "#" if comment_header else ""
        self._columns: list[str] | None = None
        self._empty: list[str] | None = None

    def append(self, table: pd.DataFrame, what: str) -> None:
        """Write rows; ``what`` they are of is named in errors.

        Raises
        ------
        OutputError
            If they have other columns than the rows before them.
        """
        rows = ""
        if not table.empty:
            rows = table.to_csv(
                None, sep="\t", index=False, header=False, float_format=FLOAT_FORMAT, lineterminator="\n"
            )
        self.append_rows(list(table.columns), rows, what)

    def append_rows(self, columns: Sequence[str], rows: str | bytes, what: str) -> None:
        """Write rows that are text already (UTF-8); as :meth:`append`."""
        if not rows:
            self._empty = list(columns) if self._empty is None else self._empty
            return
        if self._columns is None:
            self._write_header(columns)
        check_columns(list(columns), self._columns or [], what)
        self._stream.write(rows.encode() if isinstance(rows, str) else rows)

    def finish(self) -> None:
        """Close the file; one that got no rows has its header."""
        if self._columns is None and self._empty is not None:
            self._write_header(self._empty)
        self._stream.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._stream.close()

    def _write_header(self, columns: Sequence[str]) -> None:
        self._stream.writelines(f"# {key}: {value}\n".encode() for key, value in self._metadata.items())
        self._stream.write((self._mark + "\t".join(columns) + "\n").encode())
        self._columns = list(columns)


def check_columns(found: list[str], expected: list[str], what: str) -> None:
    """Refuse rows with other columns than those before them."""
    if found != expected:
        differing = sorted(set(found) ^ set(expected)) or found
        raise OutputError(
            f"The rows of {what} have other columns than those before them ({', '.join(differing)}); every part must have "
            "the same ones."
        )


class ParquetTable:
    """A Parquet file with the same columns; run metadata as key/value of the schema.

    Rows are held back until there are enough for a row group, some thousands.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self._path = path
        self._metadata = metadata
        self._writer: Any = None
        self._schema: Any = None
        self._held: list[pd.DataFrame] = []
        self._empty: pd.DataFrame | None = None
        path.touch()

    def append(self, table: pd.DataFrame, what: str) -> None:
        """Write rows; as :meth:`TextTable.append`."""
        if table.empty:
            self._empty = table if self._empty is None else self._empty
            return
        if self._schema is None:
            self._open(table)
        check_columns(list(table.columns), self._schema.names, what)
        self._held.append(table)
        if sum(len(held) for held in self._held) >= min(_ROW_GROUP, max(1, _CELLS // max(1, table.shape[1]))):
            self._write_held()

    def finish(self) -> None:
        """Close the file; one that got no rows has its columns."""
        if self._schema is None:
            self._open(pd.DataFrame() if self._empty is None else self._empty)
        self._write_held()
        self._writer.close()

    def close(self) -> None:
        """Close the file as it is."""
        if self._writer is not None:
            self._writer.close()

    def _write_held(self) -> None:
        import pyarrow

        if not self._held:
            return
        columns = {
            # Column by column: pandas would guess a new type for one that is empty in some part.
            field.name: pyarrow.concat_arrays(
                [pyarrow.array(held[field.name], type=field.type, from_pandas=True) for held in self._held]
            )
            for field in self._schema
        }
        self._writer.write_table(pyarrow.table(columns, schema=self._schema))
        self._held = []

    def _open(self, table: pd.DataFrame) -> None:
        import pyarrow
        import pyarrow.parquet

        fields = [(name, _arrow_type(table[name].dtype)) for name in table.columns]
        self._schema = pyarrow.schema(fields, metadata=dict(self._metadata))
        self._writer = pyarrow.parquet.ParquetWriter(self._path, self._schema, compression="zstd")


def _arrow_type(dtype: Any) -> Any:
    """By kind, not by the values of the first rows, which may all be missing."""
    import pyarrow

    if pd.api.types.is_bool_dtype(dtype):
        return pyarrow.bool_()
    if pd.api.types.is_integer_dtype(dtype):
        return pyarrow.int64()
    return pyarrow.float64() if pd.api.types.is_float_dtype(dtype) else pyarrow.string()


class Tables:
    """One table in several formats side by side.

    ``kinds`` maps a format, ``tsv`` or ``parquet``, to the path of its file.
    """

    def __init__(self, kinds: Mapping[str, Path], metadata: Mapping[str, str]) -> None:
        self._tables: list[TextTable | ParquetTable] = []
        for kind, path in kinds.items():
            self._tables.append(ParquetTable(path, metadata) if kind == "parquet" else TextTable(path, metadata))

    def append(self, table: pd.DataFrame, what: str) -> None:
        """Write rows to every file; as :meth:`TextTable.append`."""
        for each in self._tables:
            each.append(table, what)

    def finish(self) -> None:
        """Close every file, complete."""
        for each in self._tables:
            each.finish()

    def close(self) -> None:
        """Close every file as it is."""
        for each in self._tables:
            with suppress(OSError):
                each.close()
