"""Gene tables as text: BED6, and TSV or CSV with a line of column names."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from decima_core.errors import DataError
from decima_fasta.columns import BED_COLUMNS, add_rows, find_columns, is_header
from decima_fasta.files import text_lines
from decima_fasta.rows import Rows

_BED = "BED6 has six: chrom, start, end, name, score, strand"
_NO_DATA = ("#", "track ", "track\t", "browser ", "browser\t")


def read_bed(path: Path, rows: Rows) -> None:
    """Add the genes of a BED6 file, 0-based half-open; fields are apart by tabs, or by blanks where a line has none.

    A line of column names at its head is understood, as in a TSV file.

    Raises
    ------
    DataError
        If a line is not understood.
    """
    columns: dict[str, int] | None = None

    def records() -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(text_lines(path, "gene table"), start=1):
            if line.strip() and not line.startswith(_NO_DATA):
                yield number, [f.strip() for f in (line.split("\t") if "\t" in line else line.split())]

    for number, fields in _first_lines(path):
        if is_header(fields):
            columns = find_columns(fields, f"Line {number:,} of the {rows.title}")
            break
        if not fields[0].startswith("#"):
            break
    lines = records()
    if columns is not None:
        lines = ((number, fields) for number, fields in lines if not is_header(fields))
    add_rows(rows, lines, columns or BED_COLUMNS, _BED)


def _first_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of the lines that may name columns: up to and with the first that is no comment."""
    for number, line in enumerate(text_lines(path, "gene table"), start=1):
        if line.strip() and not line.startswith(_NO_DATA[1:]):
            yield number, line.split("\t")


def read_delimited(path: Path, rows: Rows) -> None:
    """Add the genes of a file whose first line names its columns, apart by tabs or commas.

    Raises
    ------
    DataError
        If there is no such line, it lacks a column that is needed, or a line is not understood.
    """
    lines = list(text_lines(path, "gene table"))
    at = _header(lines, rows)
    if at is None:
        return
    where = f"Line {at + 1:,} of the {rows.title}"
    names = _split(lines[at])
    reader = csv.reader(lines[at + 1 :], delimiter=_delimiter(lines[at]))
    try:
        records = [
            (at + 1 + reader.line_num, fields) for fields in reader if any(fields) and not fields[0].startswith("#")
        ]
    except csv.Error as error:
        raise DataError(f"Line {at + 1 + reader.line_num:,} of the {rows.title} is not understood ({error}).") from None
    numbered = (
        bool(records) and "" in names and all(f[names.index("")].isdigit() for _, f in records if len(f) == len(names))
    )
    if numbered:  # pandas writes the numbers of rows as a column without a name; they are no genes
        names[names.index("")] = "row number"
    columns = find_columns(names, where)
    add_rows(rows, records, columns, f"the line of column names has {len(names)}")


def _header(lines: list[str], rows: Rows) -> int | None:
    """Index of the line of column names: a comment, or the first line that is none; None in an empty file."""
    for at, line in enumerate(lines):
        if is_header(_split(line)):
            return at
        if line.strip() and not line.startswith("#"):
            raise DataError(
                f"Line {at + 1:,} of the {rows.title} does not name its columns; begin the file with a line such as "
                "chrom, start, end, strand, gene, apart by tabs or commas."
            )
    return None


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line or "," not in line else ","


def _split(line: str) -> list[str]:
    return next(csv.reader([line], delimiter=_delimiter(line)), [])
