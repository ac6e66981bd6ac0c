"""A motif scanner but for its search: places motifs on one gene by p-values that are exact on a grid of scores."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from decima_core.errors import MotifError, UnknownNameError, shorten
from decima_core.records import Attribution, GeneRecord, Motif, MotifHits, Peaks
from decima_core.scanning.fdr import q_values, q_values_by_family
from decima_core.scanning.motif_sets import load_motifs
from decima_core.scanning.options import ScanOptions
from decima_core.scanning.ordering import order_of
from decima_core.scanning.regions import Region, Stretch, find_in, region_of
from decima_core.scanning.site_scores import attribution_scores
from decima_core.scanning.sites import Sites
from decima_core.scanning.strands import StrandSet, prepare
from decima_core.scanning.whole import WholeDistributions
from decima_core.sequence import Codes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)


class GridScanner(ABC):
    """Base of motif scanners: motif set, regions, p- and q-values, attribution scores and the table; a subclass searches.

    A subclass writes :meth:`find`, and nothing else where it takes the p-values as they are prepared here: exact for the
    motif's score on a grid of ``bin_size`` bits, as FIMO defines them (Grant, Bailey & Noble 2011). The motif set is read
    and prepared once; :meth:`scan` may be called for any number of genes. Picklable if the subclass is.

    Parameters
    ----------
    options
        The options that scanners share, or a class derived from them.
    bin_size
        Step of the score grid in bits.
    background
        Frequencies of A, C, G and T on the window's forward strand.

    Attributes
    ----------
    options
        As given.
    strands
        The motifs on the strands to scan, with their log odds, losses and p-values.

    Raises
    ------
    MotifError
        If the motifs cannot be read, there are none, or none of them can reach ``p_threshold``.
    UnknownNameError
        If a release, collection, tax group or motif does not exist.
    """

    def __init__(
        self,
        options: ScanOptions,
        *,
        bin_size: float,
        background: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25),
    ) -> None:
        self.options = options
        self._motifs = load_motifs(options)
        self.strands: StrandSet = prepare(
            self._motifs,
            background=background,
            pseudocount=options.pseudocount,
            bin_size=bin_size,
            p_threshold=options.p_threshold,
            both_strands=options.both_strands,
        )
        # Motifs in the order of their ids, for rows that tie in everything else.
        self._rank: Ints = np.argsort(np.argsort([m.id for m in self._motifs], kind="stable"))
        self._number = {motif.id: i for i, motif in enumerate(self._motifs)}
        self._ids = np.array([m.id for m in self._motifs], dtype=object)
        self._motif_names = np.array([m.name for m in self._motifs], dtype=object)
        self._whole = WholeDistributions(self.strands)
        self._tell_of_short_motifs()

    def _tell_of_short_motifs(self) -> None:
        """Motifs that cannot be hits: an error if all are so, a warning if somebody chose them, else a note in the log."""
        names = [self._motifs[i].id for i in np.unique(self.strands.motif[self.strands.threshold < 0])]
        if not names:
            return
        limit = self.options.p_threshold
        if len(names) == len(self._motifs):
            raise MotifError(
                f"No site of {shorten(names, 4)} can reach p <= {limit:g}, however well it matches: the motifs hold too "
                "little information; raise the option 'p_threshold'."
            )
        chosen = bool(self.options.names) or self.options.motifs is not None or self.options.path is not None
        told = "No site of %s can reach p <= %g, however well it matches; raise the option 'p_threshold' to see them."
        logger.log(logging.WARNING if chosen else logging.INFO, told, shorten(names, 4), limit)

    @property
    def motifs(self) -> tuple[Motif, ...]:
        """The motifs it scans with."""
        return self._motifs

    @abstractmethod
    def find(self, codes: Codes) -> Sites:
        """All hits in a sequence ``(L,)`` of base codes, in any order.

        The sequence is the gene's window, or stretches of it with N between them; a motif may be longer than it. A hit's
        loss is at most its strand's ``threshold``, and none overlaps an N: of the places that a search proposes,
        ``self.strands.hits`` keeps those.
        """

    def measure(self, codes: Codes, strand: Ints, start: Ints) -> Sites:
        """The places ``strand``, ``start`` ``(H,)`` of a sequence, in their order, with the losses that :meth:`find` gives them."""
        return self.strands.measure(codes, strand, start)

    def scan(self, record: GeneRecord, attribution: Attribution, peaks: Peaks) -> MotifHits:
        """The motif sites of one gene.

        A site is a hit exactly if the p-value of its grid score is at most ``p_threshold``; one that overlaps an N is
        neither a hit nor a test. q-values correct for every site scored here: places x strands x motifs, a site
        under two peaks once.

        Returns
        -------
        Rows ordered by peak (-1 last), p-value, falling score, start, motif id, ``+`` before ``-``.

        Raises
        ------
        MotifError
            If record, attribution and peaks differ in length, or a motif is longer than the gene window.
        """
        length = len(record)
        if not length == len(attribution) == peaks.length:
            raise MotifError(
                f"Gene '{record.gene}' has {length:,} bases, its attribution {len(attribution):,} and its peaks a "
                f"window of {peaks.length:,}; all three must be of one window."
            )
        if self.strands.widest > length:
            motif = self._motifs[int(self.strands.motif[-1])]
            raise MotifError(
                f"Motif '{motif.id}' is {motif.width} bases wide, more than the window of gene '{record.gene}' "
                f"({length:,} bases); use a longer window, or keep only narrower motifs with the option 'names'."
            )
        if self.options.region != "window" and not len(peaks):
            return MotifHits.empty(length)
        region = region_of(self.options.region, peaks, self.options.window)
        sites = find_in(region, record.codes, self.strands.widest, self.find)
        site, peak = region.assign(sites.start, self.strands.width[sites.strand])
        if not len(site):
            return MotifHits.empty(length)
        new = np.diff(site, prepend=-1) > 0
        sites, row = sites.take(site[new]), np.cumsum(new) - 1
        scores = self._scores(sites, record, attribution)
        distinct, rank = self.strands.p_ranks(sites.strand, sites.loss)
        number = self.strands.motif[sites.strand]
        q = self._q_values(distinct, rank, number, region, record.codes)
        minus = ~self.strands.forward[sites.strand]
        keys = (rank, -scores["score"], sites.start, self._rank[number], minus)
        order = order_of(np.where(peak < 0, len(peaks), peak), *(key[row] for key in keys))
        rows = row[order]
        return MotifHits(
            **self._names(sites.take(rows)),
            **{name: column[rows] for name, column in scores.items()},
            p_value=distinct[rank[rows]],
            q_value=q[rows],
            peak=peak[order],
            length=length,
        )

    def score_sites(
        self,
        record: GeneRecord,
        attribution: Attribution,
        motif_id: Sequence[str],
        start: Sequence[int],
        strand: Sequence[str],
    ) -> MotifHits:
        """What given places score, however weak they are.

        Parameters
        ----------
        record, attribution
            Of one window.
        motif_id, start, strand
            One of each for a place; ``start`` is its first base in the window, whatever the strand.

        Returns
        -------
        MotifHits
            A row for each place, in the order asked for; p-values up to 1, ``q_value`` 1, ``peak`` -1. A place that holds an N
            has p-value 1 and the score of its other bases.

        Raises
        ------
        MotifError
            If lengths disagree, a place leaves the window, or a strand is none that this scanner scans.
        UnknownNameError
            For a motif that it does not have.
        """
        length, columns = len(record), (len(motif_id), len(start), len(strand))
        if len(attribution) != length or len(set(columns)) != 1:
            raise MotifError(
                f"Sites of gene '{record.gene}' need an attribution of its {length:,} bases (it has {len(attribution):,}) and as "
                f"many motifs as starts and strands ({', '.join(str(n) for n in columns)})."
            )
        which = np.array([self._strand(*pair) for pair in zip(motif_id, strand, strict=True)], dtype=np.int64)
        first: Ints = np.asarray(start, dtype=np.int64)
        end = first + self.strands.width[which]
        outside = np.flatnonzero((first < 0) | (end > length))
        if outside.size:
            i = int(outside[0])
            raise MotifError(
                f"A site of motif '{motif_id[i]}' at [{first[i]}, {end[i]}) leaves the window of gene '{record.gene}' "
                f"({length:,} bases)."
            )
        sites = self.measure(record.codes, which, first)
        return MotifHits(
            **self._names(sites),
            **self._scores(sites, record, attribution),
            p_value=self._whole.p_values(sites),
            q_value=np.ones(len(sites)),
            peak=np.full(len(sites), -1),
            length=length,
        )

    def _strand(self, motif: str, strand: str) -> int:
        number = self._number.get(motif)
        if number is None:
            raise UnknownNameError("motif", motif, self._number)
        index = self.strands.index(number, strand == "+") if strand in ("+", "-") else None
        if index is None:
            raise MotifError(f"Motif '{motif}' is not scanned on strand '{strand}'; see the option 'both_strands'.")
        return index

    def _names(self, sites: Sites) -> dict[str, npt.NDArray[Any]]:
        """The columns of the table that say what and where each site is."""
        motif = self.strands.motif[sites.strand]
        return {
            "motif_id": self._ids[motif],
            "motif_name": self._motif_names[motif],
            "start": sites.start,
            "end": sites.start + self.strands.width[sites.strand],
            "strand": np.where(self.strands.forward[sites.strand], "+", "-"),
        }

    def _scores(self, sites: Sites, record: GeneRecord, attribution: Attribution) -> dict[str, Floats]:
        """The columns of what each site scores."""
        site_attr, motif_attr = attribution_scores(sites, self.strands, attribution)
        score = self.strands.scores(record.codes, sites.strand, sites.start)
        return {"score": score, "site_attr_score": site_attr, "motif_attr_score": motif_attr}

    def _q_values(self, distinct: Floats, rank: Ints, motif: Ints, region: Region, codes: Codes) -> Floats:
        stretch = Stretch.of(codes)
        tests: Ints = np.zeros(len(self._motifs), dtype=np.int64)
        for width in np.unique(self.strands.width).tolist():
            of_width = self.strands.motif[self.strands.width == width]
            tests += np.bincount(of_width, minlength=len(tests)) * region.tests(stretch, width)
        if self.options.fdr_over == "motif":
            return q_values_by_family(distinct, rank, motif, tests)
        return q_values(distinct, rank, int(tests.sum()))
