"""Variants in TSV and CSV files: a line of column names, then a variant a line."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import attrs

from decima_core.errors import DataError, shorten
from decima_core.variants.alleles import Variant

TRANSCRIPT = ("gene", "rel_pos", "ref_tx", "alt_tx")
_NEEDED = ("chrom", "pos", "ref", "alt")
_SPELLINGS = {
    "chrom": ("chrom", "chr", "chromosome", "contig", "seqname"),
    "pos": ("pos", "position", "bp"),
    "ref": ("ref", "reference", "ref_allele", "reference_allele"),
    "alt": ("alt", "alternate", "alternative", "alt_allele", "alternate_allele"),
    "gene": ("gene", "gene_name", "gene_symbol"),
    "id": ("id", "variant_id", "rsid", "snp"),
}


@attrs.frozen
class Header:
    """A file's column names, what separates them, and the number of their line, from 1."""

    columns: tuple[str, ...]
    separator: str
    line: int


def column_names(columns: Sequence[str]) -> dict[str, int]:
    """Which column is which, by its name in any usual spelling and case."""
    folded = [name.strip().lstrip("#").strip().lower().replace(" ", "_") for name in columns]
    found = {}
    for key, spellings in _SPELLINGS.items():
        at = next((folded.index(s) for s in spellings if s in folded), None)
        if at is not None:
            found[key] = at
    return found


def is_transcript_header(columns: Sequence[str]) -> bool:
    """Whether the columns are those of a table in transcript orientation, and not of one on the genome."""
    names = column_names(columns)
    return set(TRANSCRIPT) <= set(columns) and not {"chrom", "pos"} <= set(names)


def read_header(path: Path) -> Header:
    """The line of column names: the first that is neither empty nor a comment (``##`` or ``# ``).

    Raises
    ------
    DataError
        If the file cannot be read or has no such line.
    """
    with OpenText(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip() or line.startswith(("##", "# ")):
                continue
            separator = "\t" if "\t" in line else ","
            return Header(tuple(next(csv.reader([line.rstrip("\r\n")], delimiter=separator))), separator, number)
    raise DataError(
        f"The table of variants '{path}' is empty; it needs a line of column names with chrom, pos, ref and alt."
    )


def read_table(path: Path) -> Iterator[Variant]:
    """The variants of a TSV or CSV file, read as they are asked for.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or a line is not understood, naming file and line.
    """
    header = read_header(path)
    names = column_names(header.columns)
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise DataError(
            f"The table of variants '{path}' has no column '{missing[0]}'; it has {shorten(header.columns)}. It needs chrom, pos, "
            f"ref and alt, or {', '.join(TRANSCRIPT)}."
        )
    with OpenText(path) as stream:
        for _ in range(header.line):
            next(stream)
        for number, cells in enumerate(csv.reader(stream, delimiter=header.separator), start=header.line + 1):
            if not cells or cells == [""]:
                continue
            where = f"line {number} of '{path}'"
            if len(cells) <= max(names[name] for name in _NEEDED):
                raise DataError(
                    f"{where[0].upper()}{where[1:]} has {len(cells)} cells, fewer than the columns; correct or remove the line."
                )
            yield to_variant({key: cells[at] for key, at in names.items() if at < len(cells)}, where)


def to_variant(row: Mapping[str, Any], where: str) -> Variant:
    """A variant out of the cells of one row.

    Raises
    ------
    DataError
        If ``pos`` is not a whole number or the contig is missing; ``where`` names the row.
    """
    chrom, ref, alt = (_word(row[name]) for name in ("chrom", "ref", "alt"))
    if not chrom:
        raise DataError(f"The chrom in {where} is empty; give the contig's name.")
    if chrom.endswith(".0") and isinstance(row["chrom"], float):
        chrom = chrom.removesuffix(".0")  # pandas makes 1.0 of a column of numbers that has a gap
    return Variant(
        chrom=chrom,
        pos=_position(row["pos"], where),
        ref=ref.upper(),
        alt=alt if alt.startswith("<") else alt.upper(),
        id=_word(row.get("id")).removeprefix("."),
        gene=_word(row.get("gene")) or None,
        where=where,
    )


def _word(value: Any) -> str:
    if value is None or value != value:  # NaN
        return ""
    text = str(value).strip()
    return "" if text == "<NA>" else text


def _position(value: Any, where: str) -> int:
    try:
        number = float(str(value).replace(",", "") if isinstance(value, str) else value)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise DataError(f"The pos in {where} is {_word(value)!r}; it must be a whole number, 1-based as in VCF.")


class OpenText:
    """A text file, perhaps compressed, whose faults are told as DataErrors."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Iterator[str]:
        try:
            raw = self._path.open("rb")
        except OSError as error:
            raise DataError(f"The table of variants '{self._path}' cannot be read: {error.strerror}.") from error
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        binary: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        self._stream: TextIO = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        self._raw = raw
        return self._lines()

    def _lines(self) -> Iterator[str]:
        try:
            yield from self._stream
        except UnicodeDecodeError as error:
            raise DataError(f"The table of variants '{self._path}' is not text (UTF-8); check the file.") from error
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"The table of variants '{self._path}' is cut short or damaged; copy, download or write it again."
            ) from error

    def __exit__(self, *exc: object) -> None:
        self._stream.close()
        self._raw.close()
