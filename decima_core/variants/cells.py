"""Variants out of the cells of one row, whether of a file or of a DataFrame."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decima_core.errors import DataError, shorten
from decima_core.variants.alleles import Variant, spelled

TRANSCRIPT = ("gene", "rel_pos", "ref_tx", "alt_tx")
NEEDED = ("chrom", "pos", "ref", "alt")
_SPELLINGS = {
    "chrom": ("chrom", "chr", "chromosome", "contig", "seqname"),
    "pos": ("pos", "position", "bp"),
    "ref": ("ref", "reference", "ref_allele", "reference_allele"),
    "alt": ("alt", "alternate", "alternative", "alt_allele", "alternate_allele"),
    "gene": ("gene", "gene_name", "gene_symbol"),
    "id": ("id", "variant_id", "rsid", "snp"),
}
# No exponent: a spreadsheet that writes 1.5E+08 has lost digits. A comma parts thousands and nothing else.
_WHOLE = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.0*)?", re.ASCII)
_LIMIT = 2**63


def column_names(columns: Sequence[str]) -> dict[str, int]:
    """Which column is which, by its name in any usual spelling and case."""
    folded = _folded(columns)
    found = {}
    for key, spellings in _SPELLINGS.items():
        at = next((folded.index(s) for s in spellings if s in folded), None)
        if at is not None:
            found[key] = at
    return found


def genome_columns(columns: Sequence[str], table: str) -> dict[str, int]:
    """The same for a table of variants on the genome, which must have ``chrom``, ``pos``, ``ref`` and ``alt`` once.

    Raises
    ------
    DataError
        If one is missing or there twice; ``table`` names the table, in words that begin a sentence.
    """
    names, folded = column_names(columns), _folded(columns)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise DataError(
            f"{table} has no column '{missing[0]}'; it has {shorten(columns)}. It needs chrom, pos, ref and alt, or "
            f"{', '.join(TRANSCRIPT)}, separated by tabs or commas."
        )
    for at in names.values():
        if folded.count(folded[at]) > 1:
            raise DataError(f"{table} has the column '{columns[at]}' more than once; rename or remove all but one.")
    return names


def is_transcript_header(columns: Sequence[str]) -> bool:
    """Whether the columns are those of a table in transcript orientation, and not of one on the genome."""
    return set(TRANSCRIPT) <= set(columns) and not {"chrom", "pos"} <= set(column_names(columns))


def to_variants(row: Mapping[str, Any], where: str) -> Iterator[Variant]:
    """The variants of one row, one for each allele in its ``alt``, which commas separate as in VCF.

    Raises
    ------
    DataError
        If ``pos`` is not a whole number or the contig is missing; ``where`` names the row.
    """
    chrom = word(row["chrom"])
    if not chrom:
        raise DataError(f"The chrom in {where} is empty; give the contig's name.")
    if isinstance(row["chrom"], float):
        chrom = chrom.removesuffix(".0")  # pandas makes 1.0 of a column of numbers that has a gap
    pos, ref = whole_number(row["pos"], "pos", where), spelled(word(row["ref"]))
    name, gene = word(row.get("id")), word(row.get("gene"))
    for alt in word(row["alt"]).split(","):
        yield Variant(
            chrom=chrom,
            pos=pos,
            ref=ref,
            alt=spelled(alt.strip()),
            id="" if name == "." else name,
            gene=gene or None,
            where=where,
        )


def word(value: Any) -> str:
    """A cell as text without blanks at its ends; empty for whatever pandas writes where there is nothing."""
    try:
        missing = value is None or bool(value != value)  # NaN and NaT
    except TypeError:  # pandas.NA is neither
        missing = True
    return "" if missing else str(value).strip()


def whole_number(value: Any, column: str, where: str) -> int:
    """A cell as a whole number; text may have commas between thousands and a decimal part of zeros.

    Raises
    ------
    DataError
        If it is none, naming the column and the row.
    """
    number = _whole(word(value) if isinstance(value, str) else value)
    if number is None or not -_LIMIT <= number < _LIMIT:
        custom = ", 1-based as in VCF" if column == "pos" else ""
        raise DataError(f"The {column} in {where} is {word(value)!r}; it must be a whole number{custom}.")
    return number


def _whole(value: Any) -> int | None:
    if isinstance(value, str):
        return int(value.partition(".")[0].replace(",", "")) if len(value) < 30 and _WHOLE.fullmatch(value) else None
    try:
        return int(value) if int(value) == value else None
    except (TypeError, ValueError, OverflowError):  # no number, NaN, infinity
        return None


def _folded(columns: Sequence[str]) -> list[str]:
    return [name.strip().lstrip("#").strip().lower().replace(" ", "_") for name in columns]
