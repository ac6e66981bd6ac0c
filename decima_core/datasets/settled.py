"""Variants settled against the genes of a source: which can be put into which window, and why others cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np

from decima_core.datasets.numbers import whole
from decima_core.errors import DataError, guarded
from decima_core.pipeline import read_gene
from decima_core.providers import DataSource, FlankedSource, PlacedSource
from decima_core.records import GeneRecord, Locus
from decima_core.sequence import N_CODE
from decima_core.variants.check import WideWindow, normalised, settle
from decima_core.variants.edit import Edit
from decima_core.variants.place import Placed, WindowIndex

# Bases read beside a window to see how far an indel can be moved to the left: at first, and at most.
FARTHER, FARTHEST = 256, 131_072


class Windows:
    """A source's gene windows with as many bases beside them as edits and shifts need.

    Parameters
    ----------
    source
        Where genes come from. If it cannot read beyond its windows, there is nothing beside them.
    seq_len
        Length of the windows; None for the source's own.
    pad_with_n
        Fill with N where the source holds no more bases.

    Raises
    ------
    DataError
        If the source holds no gene, or cannot read the first.
    ConfigError
        If ``seq_len`` is not a whole number, 1 or more.
    """

    def __init__(self, source: DataSource, seq_len: int | None, *, pad_with_n: bool = False) -> None:
        genes = source.genes()
        if not genes:
            raise DataError(f"There is no gene in {', '.join(source.files) or 'the source'}.")
        own = len(read_gene(source, genes[0], None))
        self.source = source
        self.length = own if seq_len is None else whole("seq_len", seq_len, 1)
        self.pad_with_n = pad_with_n
        self.own_length = own
        self._is_own = self.length == own
        self._own_tss: dict[str, int | None] = {}

    def read(self, gene: str, flank: int) -> WideWindow:
        """The window of a gene with up to ``flank`` bases on each side; exactly so many with ``pad_with_n``.

        Raises
        ------
        DataError
            If the source cannot read the gene.
        """
        if flank and isinstance(self.source, FlankedSource):
            flanked = self.source
            record, start = guarded(
                lambda: flanked.read_flanked(gene, self.length, flank), DataError, f"Reading gene '{gene}'"
            )
        else:
            record, start = read_gene(self.source, gene, self.length), 0
        if self.pad_with_n:
            record, start = _padded(record, start, self.length, flank)
        origin = start + self._own_start(gene, record, start)
        return WideWindow(record=record, start=start, length=self.length, origin=origin)

    def _own_start(self, gene: str, record: GeneRecord, start: int) -> int:
        """Where the source's own window starts, counted from the start of this one: the TSS is the same base in both."""
        if self._is_own or record.tss is None:
            return 0
        if gene not in self._own_tss:
            self._own_tss[gene] = read_gene(self.source, gene, None).tss
        own = self._own_tss[gene]
        return 0 if own is None else record.tss - start - own


def _padded(record: GeneRecord, start: int, length: int, flank: int) -> tuple[GeneRecord, int]:
    left = max(0, flank - start)
    right = max(0, flank - (len(record) - start - length))
    if not left and not right:
        return record, start
    wider = attrs.evolve(
        record,
        codes=np.pad(record.codes, (left, right), constant_values=N_CODE),
        mask=np.pad(record.mask, (left, right)),
        tss=None if record.tss is None else record.tss + left,
        locus=None if record.locus is None else record.locus.crop(-left, len(record) + left + right),
    )
    return wider, start + left


def window_index(source: DataSource, windows: Windows, loci: Mapping[str, Locus] | None = None) -> WindowIndex:
    """The genes' places on the genome, as the source knows them or as given.

    Genes are looked up by the windows that are scored where those are wider than the source's own; positions count from the
    source's own.

    Raises
    ------
    DataError
        If none is known, or one that is given has not the length of the source's windows.
    """
    contigs = dict(source.contigs()) if isinstance(source, PlacedSource) else {}
    reach: dict[str, Locus] | None = None
    if loci is not None:
        known = frozenset(source.genes())
        loci = {gene: locus for gene, locus in loci.items() if gene in known}
        for gene, locus in loci.items():
            own = source.locus(gene) if isinstance(source, PlacedSource) else None
            if own is not None and (own.start, own.end, own.strand) != (locus.start, locus.end, locus.strand):
                raise DataError(
                    f"The window of gene '{gene}' is at {locus.start:,}-{locus.end:,} ({locus.strand}) in the table of genes (.var), but "
                    f"at {own.start:,}-{own.end:,} ({own.strand}) in {', '.join(source.files) or 'the source'}; they are not of one "
                    "making: leave the table out."
                )
            if len(locus) != windows.own_length:
                raise DataError(
                    f"The window of gene '{gene}' spans {len(locus):,} bases in the table of genes (.var), but "
                    f"{windows.own_length:,} in {', '.join(source.files) or 'the source'}; give the places of the source's own windows."
                )
    elif isinstance(source, PlacedSource):
        places = _places(source, source.genes(), None)
        loci = places
        if windows.length > windows.own_length:
            reach = _places(source, places, windows.length)
    if not loci:
        raise DataError(
            f"Variants have places on the genome, but the windows of {', '.join(source.files) or 'the source'} have none; "
            "give them with the option source.loci, use a genome and a gene table as source, or give a table of gene, "
            "rel_pos, ref_tx and alt_tx."
        )
    return WindowIndex(loci, contigs, reach)


def _places(source: PlacedSource, genes: Iterable[str], length: int | None) -> dict[str, Locus]:
    found = ((gene, source.locus(gene, length)) for gene in genes)
    return {gene: locus for gene, locus in found if locus is not None}


@attrs.frozen(kw_only=True, eq=False)
class Settled:
    """Rows of the table of variants, the edit of each (None where its status is not ``ok``), and each gene's flank."""

    rows: list[Placed]
    edits: list[Edit | None]
    flanks: dict[str, int]

    def pairs(self) -> Iterator[tuple[Placed, Edit | None]]:
        """Each row with its edit."""
        return zip(self.rows, self.edits, strict=True)


def settle_all(
    rows: Iterable[Placed],
    windows: Windows,
    shifts: Sequence[int],
    *,
    normalise: bool = False,
    seen: set[int] | None = None,
) -> Settled:
    """Hold every row against the bases of its gene; each gene is read once.

    ``seen`` remembers changes from call to call, so that a second one is called a duplicate; None to allow them.
    """
    listed = list(rows)
    by_gene: dict[str, list[int]] = {}
    for i, row in enumerate(listed):
        if row.rel_pos is not None:
            by_gene.setdefault(row.gene, []).append(i)
    edits: list[Edit | None] = [None] * len(listed)
    flanks: dict[str, int] = {}
    most = max(abs(shift) for shift in shifts)
    for gene, numbers in by_gene.items():
        lost = (len(listed[i].ref_tx) - len(listed[i].alt_tx) for i in numbers if listed[i].status == "ok")
        # A deletion longer than the window could never fit: it must not make the source read that much.
        flanks[gene] = most + max((n for n in lost if 0 < n <= windows.length), default=0)
        window = windows.read(gene, flanks[gene])
        for i in numbers:
            if normalise:
                listed[i], edits[i] = _settle_normalised(listed[i], windows, window, shifts)
            else:
                edits[i] = settle(listed[i], window, shifts)
    if seen is not None:
        _mark_duplicates(listed, edits, seen)
    return Settled(rows=listed, edits=edits, flanks=flanks)


def _settle_normalised(
    row: Placed, windows: Windows, window: WideWindow, shifts: Sequence[int]
) -> tuple[Placed, Edit | None]:
    """The row in normal form and its edit; as given where the normal form leaves the window and the given one does not."""
    normal, wide, flank = attrs.evolve(row), window, FARTHER
    while not normalised(normal, wide) and flank <= FARTHEST:
        # The alleles roll up to the first base that is known here: what lies before decides how far they go.
        wider = windows.read(row.gene, flank)
        if len(wider.record) == len(wide.record):  # the source holds no more
            break
        normal, wide, flank = attrs.evolve(row), wider, 8 * flank
    edit = settle(normal, window, shifts)
    if normal.status not in ("out_of_window", "no_flank"):
        return normal, edit
    return row, settle(row, window, shifts)


def _mark_duplicates(rows: Sequence[Placed], edits: list[Edit | None], seen: set[int]) -> None:
    for i, (row, edit) in enumerate(zip(rows, edits, strict=True)):
        if edit is None:
            continue
        change = hash((row.gene, edit.start, edit.ref.tobytes(), edit.alt.tobytes()))
        if change in seen:
            row.status, edits[i] = "duplicate", None
        seen.add(change)
