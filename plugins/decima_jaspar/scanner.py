"""The motif scanner ``jaspar``: all parts put together for one gene."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decima_core.errors import MotifError, UnknownNameError, shorten
from decima_core.records import Attribution, GeneRecord, Motif, MotifHits, Peaks
from decima_core.sequence import N_CODE, Codes
from decima_jaspar import JasparOptions
from decima_jaspar.engine import CHUNK_CELLS, SiteFinder, Sites
from decima_jaspar.fdr import q_values, q_values_by_family
from decima_jaspar.motif_sets import load_motifs
from decima_jaspar.regions import Region, Stretch, region_of
from decima_jaspar.strands import StrandSet, prepare
from decima_jaspar.whole import WholeDistributions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)


class JasparScanner:
    """Places motifs on a gene's sequence, as FIMO does (Grant, Bailey & Noble 2011), with exact p-values.

    The motif set is read and prepared once, here; :meth:`scan` may be called for any number of genes. Picklable.

    Parameters
    ----------
    options
        See :class:`decima_jaspar.JasparOptions`.

    Raises
    ------
    MotifError
        If the motifs cannot be read, there are none, or none of them can reach ``p_threshold``.
    UnknownNameError
        If a release, collection, tax group or motif does not exist.
    """

    def __init__(self, options: JasparOptions) -> None:
        self.options = options
        self._motifs = load_motifs(options)
        self._strands = prepare(
            self._motifs,
            background=options.background,
            pseudocount=options.pseudocount,
            bin_size=options.bin_size,
            p_threshold=options.p_threshold,
            both_strands=options.both_strands,
        )
        self._finder = SiteFinder(self._strands)
        # Motifs in the order of their ids, for rows that tie in everything else.
        self._rank: Ints = np.argsort(np.argsort([m.id for m in self._motifs], kind="stable"))
        self._number = {motif.id: i for i, motif in enumerate(self._motifs)}
        self._whole = WholeDistributions(self._strands)
        self._tell_of_short_motifs()

    def _tell_of_short_motifs(self) -> None:
        """Motifs that cannot be hits: an error if all are so, a warning if somebody chose them, else a note in the log."""
        names = [self._motifs[i].id for i in np.unique(self._strands.motif[self._strands.threshold < 0])]
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
        if self._strands.widest > length:
            motif = self._motifs[int(self._strands.motif[-1])]
            raise MotifError(
                f"Motif '{motif.id}' is {motif.width} bases wide, more than the window of gene '{record.gene}' "
                f"({length:,} bases); use a longer window, or keep only narrower motifs with the option 'names'."
            )
        if self.options.region != "window" and not len(peaks):
            return MotifHits.empty(length)
        region = region_of(self.options.region, peaks, self.options.window)
        sites = _find(self._finder, region, record.codes)
        site, peak = region.assign(sites.start, self._strands.width[sites.strand])
        kept, row = np.unique(site, return_inverse=True)
        return self._hits(sites.take(kept), row, peak, region, record, attribution)

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
        end = first + self._strands.width[which]
        outside = np.flatnonzero((first < 0) | (end > length))
        if outside.size:
            i = int(outside[0])
            raise MotifError(
                f"A site of motif '{motif_id[i]}' at [{first[i]}, {end[i]}) leaves the window of gene '{record.gene}' "
                f"({length:,} bases)."
            )
        if not len(which):
            return MotifHits.empty(length)
        order = np.argsort(which, kind="stable")
        back = np.argsort(order, kind="stable")
        sites = self._finder.measure(record.codes, which[order], first[order])
        score, site_attr, motif_attr = _site_scores(sites, self._strands, record.codes, attribution)
        motif = [self._motifs[i] for i in self._strands.motif[which].tolist()]
        return MotifHits(
            motif_id=np.array([m.id for m in motif], dtype=object),
            motif_name=np.array([m.name for m in motif], dtype=object),
            start=first,
            end=end,
            strand=np.where(self._strands.forward[which], "+", "-"),
            score=score[back],
            p_value=self._whole.p_values(sites)[back],
            q_value=np.ones(len(which)),
            peak=np.full(len(which), -1),
            site_attr_score=site_attr[back],
            motif_attr_score=motif_attr[back],
            length=length,
        )

    def _strand(self, motif: str, strand: str) -> int:
        number = self._number.get(motif)
        if number is None:
            raise UnknownNameError("motif", motif, self._number)
        index = self._strands.index(number, strand == "+") if strand in ("+", "-") else None
        if index is None:
            raise MotifError(f"Motif '{motif}' is not scanned on strand '{strand}'; see the option 'both_strands'.")
        return index

    def _hits(
        self, sites: Sites, row: Ints, peak: Ints, region: Region, record: GeneRecord, attribution: Attribution
    ) -> MotifHits:
        """The table: ``row`` and ``peak`` ``(H,)`` pair sites with peaks; each site has at least one row."""
        if not len(sites):
            return MotifHits.empty(len(record))
        strands = self._strands
        motif, forward = strands.motif[sites.strand], strands.forward[sites.strand]
        p = strands.p_value(sites.strand, sites.loss)
        q = self._q_values(p, motif, region, record.codes)
        score, site_attr, motif_attr = _site_scores(sites, strands, record.codes, attribution)
        by_peak = np.where(peak < 0, np.iinfo(np.int64).max, peak)
        keys = (~forward, self._rank[motif], sites.start, -score, p)
        order = np.lexsort((*(key[row] for key in keys), by_peak))
        row, peak = row[order], peak[order]
        ids = np.array([m.id for m in self._motifs], dtype=object)
        names = np.array([m.name for m in self._motifs], dtype=object)
        return MotifHits(
            motif_id=ids[motif[row]],
            motif_name=names[motif[row]],
            start=sites.start[row],
            end=(sites.start + strands.width[sites.strand])[row],
            strand=np.where(forward, "+", "-")[row],
            score=score[row],
            p_value=p[row],
            q_value=q[row],
            peak=peak,
            site_attr_score=site_attr[row],
            motif_attr_score=motif_attr[row],
            length=len(record),
        )

    def _q_values(self, p: Floats, motif: Ints, region: Region, codes: Codes) -> Floats:
        stretch = Stretch.of(codes)
        tests: Ints = np.zeros(len(self._motifs), dtype=np.int64)
        for group in self._strands.groups:
            np.add.at(tests, self._strands.motif[group.first : group.last], region.tests(stretch, group.width))
        if self.options.fdr_over == "motif":
            return q_values_by_family(p, motif, tests)
        return q_values(p, int(tests.sum()))


def _find(finder: SiteFinder, region: Region, codes: Codes) -> Sites:
    """Sites in the region's spans, in window positions; the spans are joined with N between them and scanned once."""
    widest = finder.strand_set.widest
    starts, ends = region.spans(len(codes), widest)
    if len(starts) == 1:
        sites = finder.find(codes[starts[0] : ends[0]])
        return Sites(strand=sites.strand, start=sites.start + starts[0], loss=sites.loss)
    lengths = ends - starts + widest
    offsets = np.cumsum(lengths) - lengths
    joined = np.full(int(lengths.sum()), N_CODE, dtype=np.int8)
    for start, end, offset in zip(starts.tolist(), ends.tolist(), offsets.tolist(), strict=True):
        joined[offset : offset + end - start] = codes[start:end]
    sites = finder.find(joined)
    span = np.searchsorted(offsets, sites.start, side="right") - 1
    return Sites(strand=sites.strand, start=sites.start - offsets[span] + starts[span], loss=sites.loss)


def _site_scores(
    sites: Sites, strands: StrandSet, codes: Codes, attribution: Attribution
) -> tuple[Floats, Floats, Floats]:
    """``score``, ``site_attr_score`` and ``motif_attr_score`` of the sites, each ``(H,)``."""
    score, site_attr, motif_attr = (np.empty(len(sites)) for _ in range(3))
    values = np.ascontiguousarray(attribution.values.T, dtype=np.float32)  # (L, 4): a site's values lie together
    for group in strands.groups:
        first, last = np.searchsorted(sites.strand, [group.first, group.last]).tolist()
        columns = np.arange(group.width)
        step = max(1, CHUNK_CELLS // (4 * group.width))
        for begin in range(first, last, step):
            rows = slice(begin, min(begin + step, last))
            strand = sites.strand[rows] - group.first
            place = sites.start[rows, None] + columns
            score[rows] = group.log_odds[strand[:, None], codes[place], columns].sum(axis=1)
            at_site = values[place].astype(np.float64)  # (h, W, 4)
            site_attr[rows] = at_site.sum(axis=(1, 2)) / group.width
            motif_attr[rows] = np.einsum("hwb,hbw->h", at_site, group.ppm[strand]) / group.width
    return score, site_attr, motif_attr
