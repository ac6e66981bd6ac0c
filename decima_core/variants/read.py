"""Variants from wherever they are: VCF, BCF, TSV, CSV, a DataFrame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decima_core.errors import DataError, shorten
from decima_core.variants.alleles import Variant
from decima_core.variants.delimited import (
    TRANSCRIPT,
    column_names,
    is_transcript_header,
    read_header,
    read_table,
    to_variant,
)
from decima_core.variants.vcf import is_vcf, read_vcf

if TYPE_CHECKING:
    import pandas as pd

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
        Positions are 1-based, alleles on the forward strand.

    Raises
    ------
    DataError
        If a file cannot be read or a row not understood, naming the file and the line.
    """
    if isinstance(variants, (str, os.PathLike)):
        path = existing(variants)
        yield from read_vcf(path) if _kind(path) == "vcf" else read_table(path)
    elif hasattr(variants, "to_dict") and hasattr(variants, "columns"):
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
    path = existing(variants)
    if _kind(path) == "vcf":
        return None
    header = read_header(path)
    if not is_transcript_header(header.columns):
        return None
    import pandas as pd

    try:
        return pd.read_csv(path, sep=header.separator, skiprows=header.line - 1)
    except (OSError, ValueError) as error:
        raise DataError(f"The table of variants '{path}' cannot be read: {str(error).strip()}.") from error


def files_of(variants: Any) -> tuple[str, ...]:
    """Paths of the files that variants come from; empty for those from memory."""
    return (os.fspath(variants),) if isinstance(variants, (str, os.PathLike)) else ()


def existing(path: str | os.PathLike[str]) -> Path:
    """The path of a file that exists. Raises DataError otherwise."""
    full = Path(path).expanduser()
    if full.is_dir():
        raise DataError(f"The variants '{full}' are a folder; give the path of a file in it.")
    if not full.exists():
        raise DataError(f"There is no file of variants '{full}'; check the path.")
    return full


def _kind(path: Path) -> str:
    """``vcf`` or ``table``, by the file's ending, else by what it begins with."""
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    if name.endswith(VCFS):
        return "vcf"
    return "table" if name.endswith(TABLES) or not is_vcf(path) else "vcf"


def _from_frame(frame: pd.DataFrame) -> Iterator[Variant]:
    names = column_names([str(name) for name in frame.columns])
    missing = [name for name in ("chrom", "pos", "ref", "alt") if name not in names]
    if missing:
        raise DataError(
            f"The table of variants has no column '{missing[0]}'; it has {shorten(frame.columns)}. It needs chrom, pos, ref and "
            f"alt, or {', '.join(TRANSCRIPT)}."
        )
    columns = {key: frame[frame.columns[at]].tolist() for key, at in names.items()}
    for number in range(len(frame)):
        row: Mapping[str, Any] = {key: values[number] for key, values in columns.items()}
        yield to_variant(row, f"row {number} of the table of variants")
