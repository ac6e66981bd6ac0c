"""Gene tables with named columns, from text or from a DataFrame: which column is which, and what a row means.

Two layouts, told apart by the column ``gene_mask_start``:

* genes: ``start`` and ``end`` are the gene's own bounds;
* windows, as in Decima's AnnData: ``start`` and ``end`` are the window's, ``gene_mask_start`` and ``gene_mask_end`` the
  gene's bounds in it, counted from the window's left end in transcript orientation.

All are 0-based half-open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from decima_core.errors import DataError, shorten
from decima_fasta.rows import Rows, text_of, whole

BED_COLUMNS = {"chrom": 0, "start": 1, "end": 2, "gene": 3, "strand": 5}
_SPELLINGS = {
    "chrom": ("chrom", "chr", "chromosome", "seqname", "seqnames", "contig"),
    "start": ("start", "chromstart", "chrom_start"),
    "end": ("end", "chromend", "chrom_end"),
    "strand": ("strand",),
    "gene": ("gene", "", "name", "gene_name", "symbol", "gene_symbol", "gene_id"),
    "id": ("gene_id",),
    "split": ("split", "dataset"),
    "mask_start": ("gene_mask_start",),
    "mask_end": ("gene_mask_end",),
    "gene_start": ("gene_start",),
    "gene_end": ("gene_end",),
}


def is_header(fields: Sequence[str]) -> bool:
    """Whether a line of text names columns."""
    names = set(map(_fold, fields))
    return any(names & {*_SPELLINGS[key], f"gene_{key}"} for key in ("start", "end")) and bool(
        names & {*_SPELLINGS["chrom"], "strand"}
    )


def names_a_gene(field: str) -> bool:
    """Whether a column of this name holds genes."""
    return _fold(field) in _SPELLINGS["gene"]


def find_columns(fields: Sequence[str], where: str) -> dict[str, int]:
    """Position of each column that is there, by its canonical name.

    A column without a name is the table's index: the gene, unless a column ``gene`` is there too.

    Raises
    ------
    DataError
        If one that is needed is not there; ``where`` begins the message.
    """
    names = [_fold(field) for field in fields]
    columns = {}
    for key, spellings in _SPELLINGS.items():
        at = next((names.index(s) for s in spellings if s in names), None)
        if at is not None:
            columns[key] = at
    if ("mask_start" in columns) != ("mask_end" in columns):
        raise DataError(f"{where} has only one of gene_mask_start and gene_mask_end; give both or neither.")
    if "mask_start" not in columns and {"gene_start", "gene_end"} <= set(columns):
        # Beside start and end, which may then be anything's, these can only be the gene's.
        columns["start"], columns["end"] = columns["gene_start"], columns["gene_end"]
    missing = [key for key in ("chrom", "start", "end", "strand", "gene") if key not in columns]
    if missing:
        raise DataError(f"{where} has no column '{missing[0]}'; it has {shorten(f for f in fields if f)}.")
    return columns


def _fold(field: str) -> str:
    return field.strip().lstrip("#").strip().lower()


def add_rows(rows: Rows, records: Iterable[tuple[int, Sequence[Any]]], columns: dict[str, int], kind: str) -> None:
    """Add each record, ``(number, values)``, read by ``columns``.

    Raises
    ------
    DataError
        Naming the line, if a record has too few values, or one is missing or wrong. ``kind`` says what a full one has.
    """
    needed = max(columns.values()) + 1
    for number, values in records:
        if len(values) < needed:
            lacks = "no strand: it has" if len(values) <= columns["strand"] else "only"
            raise rows.fail(number, f"has {lacks} {len(values)} columns; {kind}.")
        _add(rows, number, {key: values[at] for key, at in columns.items()})


def _add(rows: Rows, number: int, value: dict[str, Any]) -> None:
    text = {key: text_of(value[key]) for key in ("gene", "chrom", "strand", "id", "split") if key in value}
    interval = rows.interval(number, value["start"], value["end"])
    window = None
    if "mask_start" in value:
        window = interval
        interval = _body(rows, number, window, text["strand"], value)
    rows.add(
        number,
        name=text["gene"],
        id=text.get("id", ""),
        chrom=text["chrom"],
        interval=interval,
        strand=text["strand"],
        split=text.get("split") or None,
        window=window,
    )


def _body(rows: Rows, number: int, window: tuple[int, int], strand: str, value: dict[str, Any]) -> tuple[int, int]:
    """The gene's bounds on the genome, from its bounds in the window.

    A mask ends with the window where the gene does not; ``gene_start`` and ``gene_end``, if there and of the same
    transcription start site, say where it ends.
    """
    on, off = rows.interval(number, value["mask_start"], value["mask_end"], of="gene_mask_")
    length = window[1] - window[0]
    if not 0 <= on < length:
        raise rows.fail(
            number, f"has gene_mask_start {on:,} in a window of {length:,} bases; it must lie in the window."
        )
    gene = whole(value.get("gene_start")), whole(value.get("gene_end"))
    if strand == "-":
        start, end = window[1] - off, window[1] - on
        if off >= length and gene[1] == end and gene[0] is not None:
            start = min(start, gene[0])
        return start, end
    start, end = window[0] + on, window[0] + off
    if off >= length and gene[0] == start and gene[1] is not None:
        end = max(end, gene[1])
    return start, end
