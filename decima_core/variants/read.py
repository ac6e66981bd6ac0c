"""Variants from wherever they are: VCF, BCF, TSV, CSV, a DataFrame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from decima_core.errors import DataError
from decima_core.files import existing_file
from decima_core.variants.alleles import Variant
from decima_core.variants.cells import NEEDED, TRANSCRIPT, column_names, genome_columns, to_variants
from decima_core.variants.delimited import read_header, read_table, read_transcript_table
from decima_core.variants.vcf import is_vcf, read_vcf

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

TABLES = (".tsv", ".csv", ".txt")
VCFS = (".vcf", ".bcf")
_COMPRESSED = (".gz", ".bgz")


def read_variants(variants: Any) -> Iterator[Variant]:
    """One :class:`Variant` for each alternative allele, in order, read as they are asked for.

    Parameters
    ----------
    variants
        Path of a VCF or BCF file, or of a TSV or CSV with a line of column names (``chrom``, ``pos``, ``ref``, ``alt``,
        perhaps ``gene`` and ``id``), any of them perhaps compressed; a DataFrame with those columns; or Variants.
        Positions are 1-based, alleles on the forward strand. A record that is there twice is read twice.

    Raises
    ------
    DataError
        If a file cannot be read or a row not understood, naming the file and the line.
    """
    if isinstance(variants, (str, os.PathLike)):
        path = existing_file(variants, "file of variants")
        yield from read_vcf(path) if _kind(path) == "vcf" else read_table(path)
    elif hasattr(variants, "iloc") and hasattr(variants, "columns"):
        yield from _from_frame(variants)
    elif isinstance(variants, Iterable):
        for number, variant in enumerate(variants):
            if not isinstance(variant, Variant):
                raise DataError(f"Item {number} of the variants is {type(variant).__name__}, not a Variant.")
            yield variant
    else:
        raise DataError(f"Variants are a file, a DataFrame or Variant objects, not {type(variants).__name__}.")


def is_transcript_table(variants: Any) -> bool:
    """Whether a DataFrame is a table in transcript orientation: it has ``gene, rel_pos, ref_tx, alt_tx``."""
    return hasattr(variants, "columns") and set(TRANSCRIPT) <= {str(name) for name in variants.columns}


def transcript_table(variants: Any) -> pd.DataFrame | None:
    """The table in transcript orientation that a DataFrame, or a TSV or CSV file, is; None for all other variants.

    A file is one if its header has ``gene, rel_pos, ref_tx, alt_tx`` and no ``chrom`` and ``pos``; a DataFrame that has
    both is taken in transcript orientation.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if is_transcript_table(variants):
        frame: pd.DataFrame = variants
        return frame
    if not isinstance(variants, (str, os.PathLike)):
        return None
    path = existing_file(variants, "file of variants")
    return None if _kind(path) == "vcf" else read_transcript_table(path)


def files_of(variants: Any) -> tuple[str, ...]:
    """Paths of the files that variants come from; empty for those from memory."""
    return (str(Path(variants).expanduser()),) if isinstance(variants, (str, os.PathLike)) else ()


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of ``size``, of which the last may be shorter; no more than one list is held."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _kind(path: Path) -> str:
    """``vcf`` or ``table``: by what the file begins with, else by its ending, else by its column names."""
    if is_vcf(path):
        return "vcf"
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    if name.endswith(VCFS):
        return "vcf"
    if name.endswith(TABLES) or _has_names(path):
        return "table"
    raise DataError(
        f"'{path}' is neither a VCF nor a table of variants: it begins neither with ##fileformat=VCF nor with the column names "
        f"chrom, pos, ref, alt. Files of variants end in {', '.join(VCFS + TABLES)}, perhaps with {' or '.join(_COMPRESSED)}."
    )


def _has_names(path: Path) -> bool:
    try:
        columns = read_header(path).columns
    except DataError:  # no text, or empty: the caller says what a file of variants is
        return False
    return set(NEEDED) <= set(column_names(columns)) or set(TRANSCRIPT) <= set(columns)


def _from_frame(frame: pd.DataFrame) -> Iterator[Variant]:
    names = genome_columns([str(name) for name in frame.columns], "The table of variants")
    columns = {key: frame.iloc[:, at].tolist() for key, at in names.items()}
    for number in range(len(frame)):
        row: Mapping[str, Any] = {key: values[number] for key, values in columns.items()}
        yield from to_variants(row, f"row {number} of the table of variants")
