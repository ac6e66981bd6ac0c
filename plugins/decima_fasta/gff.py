"""Gene tables in GTF and GFF3: 1-based, both ends included."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from decima_fasta.files import text_lines
from decima_fasta.rows import Rows

_PARTS = ("transcript", "mrna", "exon")
_GFF3 = re.compile(r"\s*[^\s=\";]+=")
_GTF_PAIR = re.compile(r'\s*([^\s;"]+)\s+(?:"([^"]*)"|([^;"]*))\s*(?:;|$)')
_NAMES = ("gene_name", "Name", "gene")
_IDS = ("gene_id", "ID")


def read_gff(path: Path, rows: Rows) -> None:
    """Add the genes of a GTF or GFF3 file: its rows of a feature that ends in "gene".

    A file without such rows gives each ``gene_id`` the span of its transcripts and exons.

    Raises
    ------
    DataError
        If a line that matters is not understood.
    """
    spans: dict[tuple[str, str, str], _Span] | None = {}  # None once a gene has been seen
    for number, line in enumerate(text_lines(path, "gene table"), start=1):
        if line.startswith("#") or not line.strip():
            if line.startswith("##FASTA"):
                break
            continue
        fields = line.split("\t", 8)
        if len(fields) < 9:
            raise rows.fail(number, f"has {len(fields)} tab-separated columns; GTF and GFF3 have nine.")
        feature = fields[2].lower()
        if feature.endswith("gene"):
            spans = None
            _add_gene(rows, number, fields)
        elif spans is not None and feature in _PARTS:
            _widen(spans, rows, number, fields)
    for (gene_id, chrom, strand), span in (spans or {}).items():
        rows.add(span.number, name=span.name, id=gene_id, chrom=chrom, interval=span.interval, strand=strand)


class _Span:
    """The bounds of one gene's transcripts and exons so far."""

    def __init__(self, number: int, name: str, interval: tuple[int, int]) -> None:
        self.number = number
        self.name = name
        self.interval = interval

    def take_in(self, interval: tuple[int, int]) -> None:
        self.interval = min(self.interval[0], interval[0]), max(self.interval[1], interval[1])


def _add_gene(rows: Rows, number: int, fields: list[str]) -> None:
    known = attributes(fields[8])
    rows.add(
        number,
        name=_first(known, _NAMES),
        id=_first(known, _IDS),
        chrom=_contig(fields[0]),
        interval=rows.interval(number, fields[3], fields[4], one_based=True),
        strand=fields[6],
    )


def _widen(spans: dict[tuple[str, str, str], _Span], rows: Rows, number: int, fields: list[str]) -> None:
    known = attributes(fields[8])
    gene_id = known.get("gene_id") or known.get("gene") or ""
    if not gene_id and fields[2].lower() != "exon":  # the parent of an exon is a transcript
        gene_id = _without_prefix(known.get("Parent", ""))
    if not gene_id:
        return
    interval = rows.interval(number, fields[3], fields[4], one_based=True)
    key = gene_id, _contig(fields[0]), fields[6]
    if key in spans:
        spans[key].take_in(interval)
    else:
        spans[key] = _Span(number, known.get("gene_name") or known.get("gene") or "", interval)


def attributes(text: str) -> dict[str, str]:
    """The attributes of a line, of the form ``key=value;`` (GFF3, percent-decoded) or ``key "value";`` (GTF).

    Of a key that comes twice, the first value counts.
    """
    known: dict[str, str] = {}
    if _GFF3.match(text):
        for pair in text.split(";"):
            key, _, value = pair.partition("=")
            known.setdefault(unquote(key.strip()), unquote(value.strip()))
        if "ID" in known:
            known["ID"] = _without_prefix(known["ID"])
    else:
        for match in _GTF_PAIR.finditer(text):
            known.setdefault(match[1], (match[2] if match[2] is not None else match[3]).strip())
    return known


def _without_prefix(gene_id: str) -> str:
    """An id without the ``gene:`` that Ensembl writes before it."""
    return gene_id.removeprefix("gene:")


def _contig(field: str) -> str:
    """A contig's name; GFF3 writes blanks and the like as %20."""
    return unquote(field.strip())


def _first(known: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((known[key] for key in keys if known.get(key)), "")
