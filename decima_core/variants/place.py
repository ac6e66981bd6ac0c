"""Which genes' windows a variant lies in, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs
import numpy as np

from decima_core.records import Locus
from decima_core.records.contigs import contig_key
from decima_core.variants.alleles import Variant, flip, problem

COLUMNS = ("chrom", "pos", "ref", "alt", "gene", "strand", "rel_pos", "ref_tx", "alt_tx", "tss_dist", "status", "id")


@attrs.define(kw_only=True)
class Placed:
    """A variant and one gene: a row of the table of variants.

    ``rel_pos`` is the position in the gene's window, in transcript orientation, of the first base of ``ref_tx``; None where
    the variant lies in no window, and the alleles are then empty.
    """

    variant: Variant
    gene: str
    strand: str = ""
    rel_pos: int | None = None
    ref_tx: str = ""
    alt_tx: str = ""
    tss_dist: int | None = None
    status: str = "ok"


class WindowIndex:
    """The windows of all genes, to find those that an interval touches.

    Parameters
    ----------
    loci
        Each gene's window; genes whose place is not known are left out.
    contigs
        Length of each contig, None where it is not known.
    reach
        The window by which a gene is found, where it is not that of ``loci``, from which positions count.
    """

    def __init__(
        self,
        loci: Mapping[str, Locus],
        contigs: Mapping[str, int | None],
        reach: Mapping[str, Locus] | None = None,
    ) -> None:
        self.loci = dict(loci)
        self._reach = {**self.loci, **(reach or {})}
        self.contigs: dict[str, int | None] = {
            **dict.fromkeys(locus.chrom for locus in self.loci.values()),
            **contigs,
        }
        by_chrom: dict[str, list[str]] = {}
        for gene, locus in self.loci.items():
            by_chrom.setdefault(locus.chrom, []).append(gene)
        self._by_chrom = {}
        for chrom, genes in by_chrom.items():
            genes.sort(key=lambda gene: self._reach[gene].start)
            starts = np.array([self._reach[gene].start for gene in genes])
            self._by_chrom[chrom] = genes, starts, max(len(self._reach[gene]) for gene in genes)
        self._alike: dict[str, list[str]] = {}
        for chrom in self.contigs:
            self._alike.setdefault(contig_key(chrom), []).append(chrom)

    def contig(self, name: str) -> str | None:
        """The source's name of a contig, which may say ``chr1`` for ``1`` or ``chrM`` for ``MT``; None if there is none.

        One that carries genes goes before one that does not; of two that do, neither is meant by a third spelling.
        """
        alike = self._alike.get(contig_key(name), [])
        with_genes = [chrom for chrom in alike if chrom in self._by_chrom]
        candidates = with_genes or alike
        if name in candidates:
            return name
        return candidates[0] if len(candidates) == 1 else None

    def genes(self, chrom: str, start: int, end: int) -> list[str]:
        """Genes whose windows overlap ``[start, end)``, by window start. An empty interval lies between two bases."""
        if chrom not in self._by_chrom:
            return []
        genes, starts, longest = self._by_chrom[chrom]
        end = max(end, start + 1)
        first = int(np.searchsorted(starts, start - longest, side="right"))
        last = int(np.searchsorted(starts, end, side="left"))
        return [gene for gene in genes[first:last] if self._reach[gene].end > start]


def place(variants: Iterable[Variant], index: WindowIndex) -> Iterator[Placed]:
    """One row for each variant and gene whose window its REF overlaps; one without a gene where there is none.

    A variant that names its gene has a row for that gene alone. What the alleles and the places alone tell is in the
    ``status``; whether REF is the genome's is not looked at here.
    """
    for variant in variants:
        chrom = index.contig(variant.chrom)
        start = variant.pos - 1
        end = start + len(variant.ref)
        if variant.gene is not None:
            genes = [variant.gene] if variant.gene in index.loci else []
        else:
            genes = index.genes(chrom, start, end) if chrom is not None else []
        for gene in genes:
            yield _row(variant, gene, index.loci[gene], chrom, index.contigs.get(chrom or ""))
        if not genes:
            status = "out_of_window" if variant.gene is None else "unknown_gene"
            if chrom is None and variant.gene is None:
                status = "unknown_contig"
            yield Placed(
                variant=variant,
                gene=variant.gene or "",
                status=problem(variant) or status,
            )


def _row(variant: Variant, gene: str, locus: Locus, chrom: str | None, contig_length: int | None) -> Placed:
    trouble = problem(variant)
    forward = locus.strand == "+"
    row = Placed(
        variant=variant,
        gene=gene,
        strand=locus.strand,
        ref_tx=variant.ref if forward or trouble else flip(variant.ref),
        alt_tx=variant.alt if forward or trouble else flip(variant.alt),
        status=trouble or "ok",
    )
    if chrom != locus.chrom:
        row.status = trouble or ("unknown_contig" if chrom is None else "out_of_window")
        return row
    start = variant.pos - 1
    end = start + len(variant.ref)
    row.rel_pos = start - locus.start if forward else locus.end - end
    if row.status == "ok" and (start < 0 or (contig_length is not None and end > contig_length)):
        row.status = "out_of_window"  # the window may reach beyond the contig, where it is filled with N
    return row
