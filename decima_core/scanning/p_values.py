"""Exact p-values of motif scores.

A motif's p-value at a score is the chance that a random site, its bases drawn independently from the background, scores
at least as high (Staden 1994; Wu et al. 2000; the definition of FIMO: Grant, Bailey & Noble 2011). Scores are put on a
grid of whole numbers, where the distribution is found exactly by adding one column at a time.

Scores are counted here as *losses*: how far a base lies below the best base of its column, in grid steps. Losses are
never negative and only add up, so the small ones, which are the small p-values, can be computed without the others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decima_core.scanning.kernels import kernels, scratch_size

Losses = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Where a first try ends, in grid steps: the thresholds of most motifs at p = 1e-4 and 0.01 bits lie below.
_FIRST_LIMIT = 1024
# Cells of one array of distributions; bounds the memory that many motifs take.
_CELLS = 1 << 21
# A p-value that equals the threshold on paper may miss it by rounding.
_TOLERANCE = 1e-12


def losses_of(log_odds: Floats, bin_size: float) -> Losses:
    """Losses ``(4, W)`` in steps of ``bin_size`` bits of log odds ``(4, W)``; each column's best base loses 0."""
    grid = np.rint(log_odds / bin_size).astype(np.int64)
    return np.asarray(grid.max(axis=0) - grid, dtype=np.int64)


def tail(losses: Losses, background: Floats, p_threshold: float) -> Floats:
    """The p-values of the losses 0, 1, 2, ... as far as they are at most ``p_threshold``.

    Parameters
    ----------
    losses
        ``(4, W)`` whole numbers, as :func:`losses_of` gives them.
    background
        Frequencies ``(4,)`` of A, C, G, T.
    p_threshold
        Where to stop.

    Returns
    -------
    ``(T + 1,)`` float64, never falling: element ``l`` is the chance of a loss of at most ``l``. A site is a hit exactly
    if its loss is at most ``T``. Empty where even a perfect site is likelier than the threshold. No element is 0, for a
    loss of 0 is always possible.
    """
    (p_values,) = tails(losses, np.array([losses.shape[1]]), background, p_threshold)
    return p_values


def tails(losses: Losses, width: Ints, background: Floats, p_threshold: float) -> list[Floats]:
    """:func:`tail` of many motifs, whose losses ``(4, sum of widths)`` lie one beside another."""
    rows = np.ascontiguousarray(losses.T, dtype=np.int64)
    first = np.cumsum(width) - width
    worst = np.add.reduceat(rows.max(axis=1), first)
    found: dict[int, Floats] = {}
    waiting = np.arange(len(width))
    limit = _FIRST_LIMIT
    while len(waiting):
        limit = min(limit, int(worst[waiting].max()))
        step = max(1, _CELLS // (limit + 1))
        cut_off = []
        for begin in range(0, len(waiting), step):
            some = waiting[begin : begin + step]
            counts, p_values = _cumulative(rows, first[some], width[some], background, limit, p_threshold)
            whole = (counts <= limit) | (worst[some] <= limit)
            ends = np.cumsum(counts[whole]).tolist()
            for motif, start, end in zip(some[whole].tolist(), [0, *ends], ends, strict=False):
                found[motif] = p_values[start:end]
            cut_off.append(some[~whole])
        waiting = np.concatenate(cut_off)
        limit *= 2
    return [found[motif] for motif in range(len(width))]


def _cumulative(
    rows: Ints, first: Ints, width: Ints, background: Floats, limit: int, p_threshold: float
) -> tuple[Ints, Floats]:
    """How many p-values each motif has up to the limit, and those of the motifs that end there, one after another."""
    counts = np.empty(len(first), dtype=np.int64)
    out = np.empty(len(first) * (limit + 1))
    frequencies = np.ascontiguousarray(background, dtype=np.float64)
    scratch, stop = np.empty(scratch_size(limit)), p_threshold * (1 + _TOLERANCE)
    run = kernels()["cumulative"]
    written = run(len(first), first, width, rows, frequencies, limit, stop, scratch, counts, out)
    return counts, out[:written].copy()
