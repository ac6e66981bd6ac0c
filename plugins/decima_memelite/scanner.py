"""The motif scanner ``memelite``: the shared parts of a motif scanner, and memelite's FIMO as its search.

memelite (Schreiber, https://github.com/jmschrei/memesuite-lite) adds up a site's log odds as they are, cuts the sum off to
whole bins, and looks it up in the exact distribution of sums of *rounded* log odds. Its place there, counted from the largest
rounded sum, is the site's loss here, and the shared tables give that loss the p-value that memelite gives. Three things differ:

* a site may score above the largest rounded sum, where memelite gives p = 0; here it has the p-value of that largest sum;
* where even that p-value is above the threshold, memelite reports such sites all the same; here they are no hits;
* memelite reads an N as a base without weight; here no site holds one.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from memelite import fimo

from decima_core import GridScanner, Sites
from decima_core.sequence import Codes, one_hot
from decima_memelite import MemeliteOptions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# memelite keeps what lies below the threshold; a p-value that equals it on paper is to count as well.
_TOLERANCE = 1e-9


class MemeliteScanner(GridScanner):
    """Places motifs on a gene's sequence by memelite's ``fimo``, against a uniform background. Picklable.

    Parameters
    ----------
    options
        See :class:`decima_memelite.MemeliteOptions`.

    Raises
    ------
    MotifError
        If the motifs cannot be read, there are none, or none of them can reach ``p_threshold``.
    UnknownNameError
        If a release, collection, taxonomic group or motif does not exist.
    """

    def __init__(self, options: MemeliteOptions) -> None:
        super().__init__(options, bin_size=options.bin_size)
        self._bin_size = options.bin_size
        strands = self.strands.strands
        forward = [s for s in strands if s.forward]
        # In set order: the matrices whose log odds, as memelite takes them, are the set's, and each one's two strands.
        self._matrices: dict[str, Floats] = {self.motifs[s.motif].id: 0.25 * np.exp2(s.log_odds) for s in forward}
        pairs = [[self.strands.index(s.motif, True), self.strands.index(s.motif, False)] for s in forward]
        self._pairs: Ints = np.array([[-1 if k is None else k for k in pair] for pair in pairs], dtype=np.int64)
        # By strand, in bins: the largest sum of rounded log odds, and how far below it the smallest lies.
        self._top: Ints = np.array(
            [np.rint(s.log_odds.max(axis=0) / self._bin_size).sum() for s in strands], dtype=np.int64
        )
        self._worst: Ints = np.array([s.losses.max(axis=0).sum() for s in strands], dtype=np.int64)

    def find(self, codes: Codes) -> Sites:
        """The sites in a sequence ``(L,)`` that memelite finds, but those over an N."""
        tables = fimo(
            self._matrices,
            one_hot(codes)[None],
            bin_size=self._bin_size,
            eps=0.0,  # the pseudocount is in the matrices
            threshold=self.options.p_threshold * (1 + _TOLERANCE),
            reverse_complement=self.options.both_strands,
            dim=1,
        )
        if not tables:
            return Sites.none()
        (table,) = tables  # one for each sequence
        minus = (table["strand"] == "-").to_numpy().astype(np.int64)
        strand = self._pairs[table["motif_idx"].to_numpy(), minus]
        sites = self.measure(codes, strand, table["start"].to_numpy())
        # The threshold of memelite is a float32 score, which a site just below it may pass.
        return sites.take(sites.loss <= self.strands.threshold[strand])

    def measure(self, codes: Codes, strand: Ints, start: Ints) -> Sites:
        """The places ``strand``, ``start`` ``(H,)`` of a sequence, in their order, with their losses as memelite reads them."""
        rounded = super().measure(codes, strand, start)
        bins = np.trunc(self.strands.scores(codes, strand, start) / self._bin_size).astype(np.int64)
        worst = self._worst[strand]
        read = np.clip(self._top[strand] - bins, 0, worst)
        return attrs.evolve(
            rounded, loss=np.where(rounded.loss > worst, rounded.loss, read)
        )  # above the worst: it holds an N
