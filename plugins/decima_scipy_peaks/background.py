"""The background of a window, from which peaks must stand out.

A peak's *robust z-score* is ``(height - centre) / spread``, with the median as centre and 1.4826 x the median absolute
deviation as spread (the standard deviation, for normal noise). Both follow the track when it is scaled, and neither
moves for the sake of a few large values, so one outlier hides nothing.

A track is often exactly zero where the model sees nothing, and a median over all of it would be zero as well. So the
background is the non-zero bases and the zeros within ``REACH`` bases of one. Where the model sees a broad region, that
is the region; where it answers with a few isolated bases, the zeros around them outnumber them, the spread is zero,
and each of them stands out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

REACH = 25
"""Zeros at most this far from a non-zero base, in bases, are background."""

_NORMAL = 1.4826
"""Standard deviation of normal noise, in units of its median absolute deviation."""


def background(track: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Centre and spread of a track ``(L,)``, in units of the track; ``(0, 0)`` for one that is all zero.

    The background of ``c * track`` is ``(c * centre, |c| * spread)``, for negative ``c`` too.
    """
    values = track
    if not track.all():
        at = np.flatnonzero(track)
        if at.size == 0:
            return 0.0, 0.0
        zeros = np.zeros(_zeros_near(at, len(track)), dtype=track.dtype)
        values = np.concatenate([track[at], zeros])
    centre = _median(values)
    spread = _NORMAL * _median(np.abs(values - values.dtype.type(centre)))
    return centre, spread


def _zeros_near(at: npt.NDArray[np.intp], length: int) -> int:
    """How many positions that are not in ``at`` (ascending, not empty) lie within ``REACH`` of one that is."""
    between = np.minimum(np.diff(at) - 1, 2 * REACH).sum()
    return int(between) + min(int(at[0]), REACH) + min(length - 1 - int(at[-1]), REACH)


def _median(values: npt.NDArray[np.floating[Any]]) -> float:
    """The median; of two middle values the one nearer zero, so that one non-zero base among two stands out."""
    half = len(values) // 2
    parts = np.partition(values, half)
    if len(values) % 2:
        return float(parts[half])
    return float(min(parts[:half].max(), parts[half], key=abs))
