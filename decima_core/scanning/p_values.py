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

Losses = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Where a first try ends, in grid steps: the thresholds of most motifs at p = 1e-4 and 0.01 bits lie below.
_FIRST_LIMIT = 1024
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
    worst = int(losses.max(axis=0).sum())
    stop = p_threshold * (1 + _TOLERANCE)
    limit = min(_FIRST_LIMIT, worst)
    while True:
        cumulative = np.cumsum(_mass(losses, background, limit))
        if limit == worst or cumulative[-1] > stop:
            break
        limit = min(2 * limit, worst)
    count = int(np.searchsorted(cumulative, stop, side="right"))
    return np.clip(cumulative[:count], np.finfo(np.float64).tiny, 1.0)


def _mass(losses: Losses, background: Floats, limit: int) -> Floats:
    """Probability of each loss 0 ... ``limit``, ``(limit + 1,)``; what lies beyond is left out."""
    mass = np.zeros(limit + 1)
    mass[0] = 1.0
    top = 0  # the largest loss reached so far
    for column in losses.T.tolist():
        new_top = min(top + max(column), limit)
        new = np.zeros(limit + 1)
        for loss, frequency in zip(column, background.tolist(), strict=True):
            if loss <= limit:
                end = min(top + loss, limit) + 1
                new[loss:end] += frequency * mass[: end - loss]
        mass, top = new, new_top
    return mass
