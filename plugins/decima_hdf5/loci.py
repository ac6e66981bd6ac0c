"""Each gene's window on the genome, from a BED6 or TSV file.

Coordinates are 0-based half-open on the forward strand. BED columns: chrom, start, end, name (the gene), score, strand.
A TSV file starts with a line of column names, among them chrom, start, end, strand and gene (or name), in any order.
"""

from __future__ import annotations

from pathlib import Path

from decima_core.errors import DataError, shorten
from decima_core.records import Locus

_BED = {"chrom": 0, "start": 1, "end": 2, "gene": 3, "strand": 5}
_SPELLINGS = {
    "chrom": ("chrom", "chr", "chromosome"),
    "start": ("start", "chromstart"),
    "end": ("end", "chromend"),
    "gene": ("gene", "name", "gene_name", "gene_id"),
    "strand": ("strand",),
}


def read_loci(path: Path) -> dict[str, Locus]:
    """The windows in the file, by gene.

    Raises
    ------
    DataError
        If the file cannot be read, a line is not understood, or a gene comes twice; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The loci file '{path}' cannot be read as text ({type(error).__name__}); check it.") from error
    columns: dict[str, int] | None = None
    loci: dict[str, Locus] = {}
    for number, line in enumerate(lines, start=1):
        where = f"Line {number} of the loci file '{path}'"
        fields = [field.strip() for field in line.split("\t")]
        if columns is None and _is_header(fields):
            columns = _columns(fields, where)
            continue
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        columns = columns or _BED
        gene, locus = _parse(fields, columns, where)
        if gene in loci:
            raise DataError(f"{where} gives gene '{gene}' a second window; leave one line for each gene.")
        loci[gene] = locus
    if not loci:
        raise DataError(f"The loci file '{path}' holds no windows; give a BED6 file with one line for each gene.")
    return loci


def _is_header(fields: list[str]) -> bool:
    names = {field.lstrip("#").strip().lower() for field in fields}
    return bool(names & set(_SPELLINGS["start"])) and bool(names & set(_SPELLINGS["end"]))


def _columns(fields: list[str], where: str) -> dict[str, int]:
    names = [field.lstrip("#").strip().lower() for field in fields]
    columns: dict[str, int] = {}
    for key, spellings in _SPELLINGS.items():
        at = next((names.index(s) for s in spellings if s in names), None)
        if at is None:
            raise DataError(f"{where} has no column '{key}'; it has {shorten(fields)}.")
        columns[key] = at
    return columns


def _parse(fields: list[str], columns: dict[str, int], where: str) -> tuple[str, Locus]:
    if len(fields) <= max(columns.values()):
        raise DataError(
            f"{where} has {len(fields)} tab-separated columns; BED6 has six: chrom, start, end, name, score, strand."
        )
    value = {key: fields[at] for key, at in columns.items()}
    if not value["gene"]:
        raise DataError(f"{where} names no gene; write its name in column {columns['gene'] + 1}.")
    try:
        start, end = int(value["start"]), int(value["end"])
    except ValueError:
        raise DataError(
            f"{where} has start '{value['start']}' and end '{value['end']}'; both must be whole numbers."
        ) from None
    try:
        return value["gene"], Locus(chrom=value["chrom"], start=start, end=end, strand=value["strand"])
    except DataError as error:
        raise DataError(f"{where} is wrong. {error}") from None
