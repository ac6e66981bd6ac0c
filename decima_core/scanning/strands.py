"""A motif set prepared for scanning: both strands of each motif as log odds, and as whole-number losses with exact p-values.

The background is that of the window's forward strand. A motif on the minus strand is its reverse complement scored on
the forward sequence against that same background; which is to say that its bases, read 5' to 3', are compared with the
complemented frequencies (those of T, G, C, A). So the reverse complement of a sequence, scanned with the complemented
background, gives the same sites mirrored, with the same scores and p-values, whatever the background.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.records import Motif
from decima_core.scanning.kernels import kernels
from decima_core.scanning.p_values import losses_of, tails
from decima_core.scanning.sites import Sites
from decima_core.sequence import N_CODE, Codes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Loss of an N: more than any site can lose, yet far from overflow when 2**16 of them are added.
N_LOSS = 1 << 40


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


class StrandSet:
    """The strands of a motif set, narrowest first, and columns over them.

    Attributes
    ----------
    strands
        All strands, ordered by width, then motif, plus before minus.
    motif, forward, width, threshold
        Columns ``(K,)`` over the strands; ``threshold`` is the largest loss that is still a hit, -1 where none is.
    row
        ``(K,)``: where each strand's positions begin in the tables.
    losses, log_odds, ppm
        Tables over the positions of all strands, one strand after another: ``losses`` ``(R, 5)`` int64 and ``log_odds``
        ``(R, 5)`` float64 have a fifth column for N, which loses more than any site can and adds nothing to the score; ``ppm``
        ``(R, 4)``.
    """

    def __init__(self, strands: Iterable[Strand]) -> None:
        self.strands = tuple(sorted(strands, key=lambda s: (s.width, s.motif, not s.forward)))
        self.motif: Ints = np.array([s.motif for s in self.strands], dtype=np.int64)
        self.forward = np.array([s.forward for s in self.strands], dtype=bool)
        self.width: Ints = np.array([s.width for s in self.strands], dtype=np.int64)
        self.threshold: Ints = np.array([s.threshold for s in self.strands], dtype=np.int64)
        self._index = {(s.motif, s.forward): k for k, s in enumerate(self.strands)}
        self.row: Ints = np.cumsum(self.width) - self.width
        self.losses: Ints = _table([s.losses for s in self.strands], N_LOSS)
        self.log_odds: Floats = _table([s.log_odds for s in self.strands], 0.0)
        self.ppm: Floats = np.ascontiguousarray(np.concatenate([s.ppm for s in self.strands], axis=1).T)
        # Strands that share their p-values share a place in the list of them all.
        lists = {id(s.p_values): s.p_values for s in self.strands}
        self._p_values: Floats = np.concatenate(list(lists.values()))
        ends = np.cumsum([len(values) for values in lists.values()])
        starts = {key: int(end) - len(values) for (key, values), end in zip(lists.items(), ends, strict=True)}
        self._p_start: Ints = np.array([starts[id(s.p_values)] for s in self.strands], dtype=np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return StrandSet, (self.strands,)

    @property
    def widest(self) -> int:
        return int(self.width[-1])

    def index(self, motif: int, forward: bool) -> int | None:
        """The strand's place in the set; None where the set does not have it."""
        return self._index.get((motif, forward))

    def p_value(self, strand: Ints, loss: Ints) -> Floats:
        """p-values ``(H,)`` of hits from their strands' indices and their losses, none above its strand's threshold."""
        return np.asarray(self._p_values[self._p_start[strand] + loss])

    def p_ranks(self, strand: Ints, loss: Ints) -> tuple[Floats, Ints]:
        """The p-values of hits as ``distinct[rank]``, ``rank`` ``(H,)``: the different ones, rising, and which is whose."""
        entry = self._p_start[strand] + loss
        used = np.zeros(len(self._p_values), dtype=bool)
        used[entry] = True
        entries = np.flatnonzero(used)
        distinct, ranks = np.unique(self._p_values[entries], return_inverse=True)
        rank_of = np.empty(len(used), dtype=np.int64)
        rank_of[entries] = ranks
        return distinct, rank_of[entry]

    def measure(self, codes: Codes, strand: Ints, start: Ints) -> Sites:
        """The places ``strand``, ``start`` ``(H,)`` of a sequence ``(L,)`` with their losses; :data:`N_LOSS` or more over an N."""
        loss: Ints = np.empty(len(start), dtype=np.int64)
        self._sum("losses", codes, strand, start, self.losses, loss)
        return Sites(strand=strand, start=start, loss=loss)

    def hits(self, codes: Codes, strand: Ints, start: Ints) -> Sites:
        """Those of the places, in their order, that are hits: whose p-value is at most the threshold, and which hold no N."""
        sites = self.measure(codes, strand, start)
        return sites.take(sites.loss <= self.threshold[strand])

    def scores(self, codes: Codes, strand: Ints, start: Ints) -> Floats:
        """Log odds ``(H,)`` in bits of places, each summed over the site; an N adds nothing."""
        score: Floats = np.empty(len(start))
        self._sum("scores", codes, strand, start, self.log_odds, score)
        return score

    def _sum(
        self, name: str, codes: Codes, strand: Ints, start: Ints, table: npt.NDArray[Any], out: npt.NDArray[Any]
    ) -> None:
        bases = np.ascontiguousarray(codes, dtype=np.int8)
        if bases.size and not 0 <= bases.min() <= bases.max() <= N_CODE:
            raise IndexError("a base code is none of 0 ... 4")
        strand, start = self.places(strand, start, len(bases))
        kernels()[name](len(out), strand, start, self.row, self.width, bases, table, out)

    def places(self, strand: Ints, start: Ints, length: int) -> tuple[Ints, Ints]:
        """The two columns as machine code reads them.

        Raises
        ------
        IndexError
            If there is no such strand or a place leaves the sequence.
        """
        strand, start = (np.ascontiguousarray(column, dtype=np.int64) for column in (strand, start))
        if len(strand) != len(start):
            raise IndexError(f"{len(strand)} strands for {len(start)} starts")
        if len(strand):
            if strand.min() < 0 or strand.max() >= len(self.strands):
                raise IndexError("a place names a strand that the set does not have")
            if start.min() < 0 or (start + self.width[strand]).max() > length:
                raise IndexError("a place leaves the sequence")
        return strand, start


def _table(matrices: Sequence[npt.NDArray[Any]], of_n: float) -> npt.NDArray[Any]:
    """Matrices ``(4, W)`` one below another, ``(R, 5)``, with a column for N."""
    rows = np.concatenate(matrices, axis=1).T
    table = np.full((len(rows), 5), of_n, dtype=rows.dtype)
    table[:, :4] = rows
    return table


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
    settings = {"pseudocount": pseudocount, "bin_size": bin_size, "p_threshold": p_threshold}
    strands = _forward(motifs, frequencies, **settings)
    if both_strands:
        even = np.array_equal(frequencies, frequencies[::-1])
        strands += [_flipped(s) for s in (strands if even else _forward(motifs, frequencies[::-1], **settings))]
    return StrandSet(strands)


def _forward(
    motifs: Sequence[Motif], background: Floats, *, pseudocount: float, bin_size: float, p_threshold: float
) -> list[Strand]:
    """The plus strands, computed side by side."""
    ppm: Floats = np.concatenate([motif.ppm for motif in motifs], axis=1)
    padded = ppm + pseudocount
    log_odds: Floats = np.log2(padded / padded.sum(axis=0) / background[:, None])
    losses = losses_of(log_odds, bin_size)
    width: Ints = np.array([motif.width for motif in motifs], dtype=np.int64)
    p_values = tails(losses, width, background, p_threshold)
    ends = np.cumsum(width).tolist()
    return [
        Strand(
            motif=index,
            forward=True,
            losses=losses[:, start:end],
            log_odds=log_odds[:, start:end],
            ppm=ppm[:, start:end],
            p_values=p,
            background=background,
        )
        for index, (start, end, p) in enumerate(zip([0, *ends], ends, p_values, strict=False))
    ]


def _flipped(strand: Strand) -> Strand:
    """The strand's reverse complement; it has the same p-values."""
    return Strand(
        motif=strand.motif,
        forward=False,
        losses=strand.losses[::-1, ::-1],
        log_odds=strand.log_odds[::-1, ::-1],
        ppm=strand.ppm[::-1, ::-1],
        p_values=strand.p_values,
        background=strand.background[::-1],
    )
