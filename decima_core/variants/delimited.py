"""Variants in TSV and CSV files: a line of column names, then a variant a line."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import attrs

from decima_core.errors import DataError
from decima_core.variants.alleles import Variant
from decima_core.variants.cells import (
    NEEDED,
    TRANSCRIPT,
    column_names,
    genome_columns,
    is_transcript_header,
    to_variants,
    whole_number,
)

if TYPE_CHECKING:
    import pandas as pd


@attrs.frozen
class Header:
    """A file's column names, what separates them, and the number of their line, from 1."""

    columns: tuple[str, ...]
    separator: str
    line: int


def read_header(path: Path) -> Header:
    """The line of column names: the first that is neither empty nor a comment (``##`` or ``# ``).

    Raises
    ------
    DataError
        If the file cannot be read or has no such line.
    """
    with open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip() or line.startswith("##"):
                continue
            separator = next((s for s in "\t,;" if s in line), "\t")
            _, cells = next(_rows(iter([line]), separator, number, path))
            # A blank may part the hash from the first name.
            if line.startswith("# ") and not set(NEEDED) <= set(column_names(cells)):
                continue
            return Header(tuple(cells), separator, number)
    raise DataError(
        f"The table of variants '{path}' is empty; it needs a line of column names with chrom, pos, ref and alt."
    )


def read_table(path: Path) -> Iterator[Variant]:
    """The variants of a TSV or CSV file, read as they are asked for.

    ``pos`` is 1-based, as in VCF. Commas in ``alt`` separate alleles, each of which is a variant.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or a line is not understood, naming file and line.
    """
    header = read_header(path)
    names = genome_columns(header.columns, f"The table of variants '{path}'")
    for where, cells in _cells(path, header, max(names[name] for name in NEEDED)):
        yield from to_variants({key: cells[at] for key, at in names.items() if at < len(cells)}, where)


def read_transcript_table(path: Path) -> pd.DataFrame | None:
    """The table ``gene, rel_pos, ref_tx, alt_tx`` in transcript orientation that a file is; None for one on the genome.

    ``rel_pos`` is a whole number, 0-based in the gene's window, or missing; all other columns are text, in which an empty
    cell is missing and ``NA`` is a name like others.

    Raises
    ------
    DataError
        If the file cannot be read or a line is not understood, naming file and line.
    """
    header = read_header(path)
    if not is_transcript_header(header.columns):
        return None
    import pandas as pd

    places = {name: header.columns.index(name) for name in TRANSCRIPT}
    columns: dict[str, list[Any]] = {name: [] for name in header.columns}
    if len(columns) < len(header.columns):
        raise DataError(f"The table of variants '{path}' has two columns of one name; rename or remove one.")
    for where, cells in _cells(path, header, max(places.values())):
        cells += [""] * (len(header.columns) - len(cells))
        for name, cell in zip(header.columns, cells, strict=False):
            columns[name].append(cell.strip() or None)
        position = columns["rel_pos"]
        position[-1] = None if position[-1] is None else whole_number(position[-1], "rel_pos", where)
    frame = pd.DataFrame(columns, dtype=object)
    frame["rel_pos"] = pd.array(columns["rel_pos"], dtype="Int64")
    if not frame["rel_pos"].isna().any():
        frame["rel_pos"] = frame["rel_pos"].astype("int64")
    return frame


def _cells(path: Path, header: Header, last: int) -> Iterator[tuple[str, list[str]]]:
    """Each row's place in words and its cells, which reach the column ``last`` at least."""
    width = len(header.columns)
    with open_text(path) as stream:
        for _ in range(header.line):
            next(stream)
        for number, cells in _rows(stream, header.separator, header.line + 1, path):
            if not any(cell.strip() for cell in cells):
                continue
            # Cells beyond the names would mean that the names stand over the wrong columns.
            if len(cells) <= last or any(cell.strip() for cell in cells[width:]):
                raise DataError(
                    f"Line {number} of '{path}' has {len(cells)} cells, {'fewer' if len(cells) <= last else 'more'} than the "
                    "columns; correct or remove the line."
                )
            yield f"line {number} of '{path}'", cells


def _rows(lines: Iterator[str], separator: str, first: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number of the line at which each row begins, and its cells."""
    if separator == "\t":
        # Not through csv: there a stray quote would swallow lines, and cells have a greatest length.
        for number, line in enumerate(lines, start=first):
            yield number, [_unquoted(cell) for cell in line.rstrip("\r\n").split("\t")]
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        number = first + reader.line_num
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"Line {number} of '{path}' is not understood: {error}; check its quotes, or write the table with tabs."
            ) from error
        if cells is None:
            return
        yield number, cells


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text file, perhaps compressed, whose faults are told as DataErrors; its lines keep their ends."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            binary: Any = gzip.GzipFile(fileobj=raw) if packed else raw
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as stream:
                yield stream
    except UnicodeDecodeError as error:
        raise DataError(f"The table of variants '{path}' is not text (UTF-8); check the file.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"The table of variants '{path}' is cut short or damaged; copy, download or write it again."
        ) from error
    except OSError as error:
        raise DataError(f"The table of variants '{path}' cannot be read: {error.strerror}.") from error
