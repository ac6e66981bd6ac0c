"""Attributions made fit for a caller that believes in independent bases: outliers cut, and a control without seqlets."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Track = npt.NDArray[np.float64]

CONTROL = 2**20
"""Values that a control has at least."""


def clipped(track: Track, share: float) -> Track:
    """``track`` ``(L,)`` with the largest values cut to size, positive and negative alike.

    Of the non-zero values, the ``share`` that is largest in magnitude, at least one, is cut to the magnitude of the
    next; so the cut goes by rank, and how far an outlier lies from the rest does not matter.
    """
    size = np.sort(np.abs(track[track != 0]))
    cut = max(1, math.ceil(share * len(size)))
    if len(size) <= cut:
        return track
    limit = size[-1 - cut]
    return np.clip(track, -limit, limit)


def seen(track: Track, margin: int) -> slice:
    """The part of ``track`` ``(L,)`` from its first to its last non-zero value, and ``margin`` positions more at both ends.

    What lies outside was not looked at, by the model or by the method, and says nothing about what is usual.
    """
    at = np.flatnonzero(track)
    if not len(at):
        return slice(0, 0)
    return slice(max(0, int(at[0]) - margin), min(len(track), int(at[-1]) + 1 + margin))


def control(track: Track, fdr: float) -> Track:
    """The values of ``track`` ``(L,)`` in random order, ``(n, L)``: what is left of it where no base knows its neighbours.

    There are enough rows for one seqlet, with none in the control, to pass at ``fdr``. The order is drawn from the
    values alone, so that it is the same wherever in the window they lie, and at every call.
    """
    rows = max(math.ceil(CONTROL / len(track)), math.ceil(1 / fdr))
    return np.random.default_rng(0).permuted(np.tile(np.sort(track), (rows, 1)), axis=1)
