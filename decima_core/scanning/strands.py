"""A motif set prepared for scanning: both strands of each motif as log odds, and as whole-number losses with exact p-values.

The background is that of the window's forward strand. A motif on the minus strand is its reverse complement scored on
the forward sequence against that same background; which is to say that its bases, read 5' to 3', are compared with the
complemented frequencies (those of T, G, C, A). So the reverse complement of a sequence, scanned with the complemented
background, gives the same sites mirrored, with the same scores and p-values, whatever the background.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.records import Motif
from decima_core.scanning.p_values import losses_of, tail
from decima_core.scanning.sites import Sites
from decima_core.sequence import Codes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Loss of an N: more than any site can lose, yet far from overflow when 2**16 of them are added.
N_LOSS = 1 << 40
# Cells of one gathered array; bounds the memory that many sites take.
CHUNK_CELLS = 1 << 22


@attrs.frozen(kw_only=True, eq=False)
class Strand:
    """One motif on one strand; ``losses``, ``log_odds``, ``ppm``, all ``(4, W)``, as they lie on the forward strand.

    ``p_values`` are those of the losses 0, 1, 2, ... as far as they are hits, against ``background``, the forward strand's
    frequencies.
    """

    motif: int
    forward: bool
    losses: Ints
    log_odds: Floats
    ppm: Floats
    p_values: Floats
    background: Floats

    @property
    def width(self) -> int:
        return int(self.losses.shape[1])

    @property
    def threshold(self) -> int:
        """The largest loss that is still a hit; -1 where not even a perfect site is one."""
        return len(self.p_values) - 1


@attrs.frozen(kw_only=True, eq=False)
class WidthGroup:
    """All strands of one width, ``first`` ... ``last - 1`` in the set, stacked.

    ``losses`` ``(K, 5, W)`` int64 and ``log_odds`` ``(K, 5, W)`` float64 have a fifth row for N, which loses more than any
    site can and adds nothing to the score; ``ppm`` ``(K, 4, W)``.
    """

    width: int
    first: int
    last: int
    losses: Ints
    log_odds: Floats
    ppm: Floats

    @classmethod
    def of(cls, first: int, strands: Sequence[Strand]) -> WidthGroup:
        width, count = strands[0].width, len(strands)
        losses = np.full((count, 5, width), N_LOSS, dtype=np.int64)
        losses[:, :4] = [s.losses for s in strands]
        log_odds = np.zeros((count, 5, width))
        log_odds[:, :4] = [s.log_odds for s in strands]
        ppm = np.array([s.ppm for s in strands])
        return cls(width=width, first=first, last=first + count, losses=losses, log_odds=log_odds, ppm=ppm)


class StrandSet:
    """The strands of a motif set, narrowest first, and columns over them.

    Attributes
    ----------
    strands
        All strands, ordered by width, then motif, plus before minus.
    groups
        The same by width.
    motif, forward, width, threshold
        Columns ``(K,)`` over the strands; ``threshold`` is the largest loss that is still a hit, -1 where none is.
    """

    def __init__(self, strands: Iterable[Strand]) -> None:
        self.strands = tuple(sorted(strands, key=lambda s: (s.width, s.motif, not s.forward)))
        self.motif: Ints = np.array([s.motif for s in self.strands], dtype=np.int64)
        self.forward = np.array([s.forward for s in self.strands], dtype=bool)
        self.width: Ints = np.array([s.width for s in self.strands], dtype=np.int64)
        self.threshold: Ints = np.array([s.threshold for s in self.strands], dtype=np.int64)
        self._index = {(s.motif, s.forward): k for k, s in enumerate(self.strands)}
        self.groups = tuple(self._by_width())
        self._p_values: Floats = np.concatenate([s.p_values for s in self.strands])
        lengths = self.threshold + 1
        self._p_start: Ints = np.cumsum(lengths) - lengths

    def _by_width(self) -> Iterator[WidthGroup]:
        for width in np.unique(self.width).tolist():
            first, last = np.searchsorted(self.width, [width, width + 1]).tolist()
            yield WidthGroup.of(first, self.strands[first:last])

    @property
    def widest(self) -> int:
        return int(self.width[-1])

    def index(self, motif: int, forward: bool) -> int | None:
        """The strand's place in the set; None where the set does not have it."""
        return self._index.get((motif, forward))

    def p_value(self, strand: Ints, loss: Ints) -> Floats:
        """p-values ``(H,)`` of hits from their strands' indices and their losses, none above its strand's threshold."""
        return np.asarray(self._p_values[self._p_start[strand] + loss])

    def measure(self, codes: Codes, strand: Ints, start: Ints) -> Sites:
        """The places ``strand``, ``start`` ``(H,)`` of a sequence ``(L,)`` with their losses; :data:`N_LOSS` or more over an N."""
        loss: Ints = np.empty(len(start), dtype=np.int64)
        for group, rows, columns in self.chunks(strand):
            bases = codes[start[rows, None] + columns]
            loss[rows] = group.losses[strand[rows, None] - group.first, bases, columns].sum(axis=1)
        return Sites(strand=strand, start=start, loss=loss)

    def hits(self, codes: Codes, strand: Ints, start: Ints) -> Sites:
        """Those of the places, in their order, that are hits: whose p-value is at most the threshold, and which hold no N."""
        sites = self.measure(codes, strand, start)
        return sites.take(sites.loss <= self.threshold[strand])

    def scores(self, codes: Codes, strand: Ints, start: Ints) -> Floats:
        """Log odds ``(H,)`` in bits of places, each summed over the site; an N adds nothing."""
        score: Floats = np.empty(len(start))
        for group, rows, columns in self.chunks(strand):
            bases = codes[start[rows, None] + columns]
            score[rows] = group.log_odds[strand[rows, None] - group.first, bases, columns].sum(axis=1)
        return score

    def chunks(self, strand: Ints, cells: int = 1) -> Iterator[tuple[WidthGroup, Ints, Ints]]:
        """Rows of one width at a time, so few that ``cells`` values for each of their bases are a small array.

        Yields the group, the rows (indices into ``strand``) and the group's columns ``0 ... width - 1``.
        """
        order = np.argsort(strand, kind="stable")
        for group in self.groups:
            first, last = np.searchsorted(strand, [group.first, group.last], sorter=order).tolist()
            step = max(1, CHUNK_CELLS // (cells * group.width))
            for begin in range(first, last, step):
                yield group, order[begin : min(begin + step, last)], np.arange(group.width)


def prepare(
    motifs: Sequence[Motif],
    *,
    background: tuple[float, ...],
    pseudocount: float,
    bin_size: float,
    p_threshold: float,
    both_strands: bool = True,
) -> StrandSet:
    """The motifs with their log odds, losses and exact p-values.

    ``log_odds = log2(q / background)``, where ``q`` is the PPM plus ``pseudocount``, each column summing to 1 again.
    """
    whole = math.fsum(background)  # exact, so that the complemented background is the very same numbers
    frequencies: Floats = np.array([f / whole for f in background])
    strands = []
    for index, motif in enumerate(motifs):
        forward = _forward(index, motif.ppm, frequencies, pseudocount, bin_size, p_threshold)
        strands.append(forward)
        if both_strands:
            if not np.array_equal(frequencies, frequencies[::-1]):
                forward = _forward(index, motif.ppm, frequencies[::-1], pseudocount, bin_size, p_threshold)
            strands.append(_flipped(forward))
    return StrandSet(strands)


def _forward(
    motif: int, ppm: Floats, background: Floats, pseudocount: float, bin_size: float, p_threshold: float
) -> Strand:
    padded = ppm + pseudocount
    log_odds: Floats = np.log2(padded / padded.sum(axis=0) / background[:, None])
    losses = losses_of(log_odds, bin_size)
    p_values = tail(losses, background, p_threshold)
    return Strand(
        motif=motif, forward=True, losses=losses, log_odds=log_odds, ppm=ppm, p_values=p_values, background=background
    )


def _flipped(strand: Strand) -> Strand:
    """The strand's reverse complement; it has the same p-values."""
    matrices = {name: getattr(strand, name)[::-1, ::-1] for name in ("losses", "log_odds", "ppm")}
    return attrs.evolve(strand, forward=False, background=strand.background[::-1], **matrices)
