"""Peaks of an attribution by :func:`scipy.signal.find_peaks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks

from decima_core.records import Attribution, Peaks
from decima_scipy_peaks.background import background

if TYPE_CHECKING:
    from decima_scipy_peaks import ScipyOptions

_SIGNS = {"positive": (1,), "negative": (-1,), "both": (1, -1)}


class ScipyPeaks:
    """Local maxima of the attribution summed over the bases; a peak caller of decima_core.

    Parameters
    ----------
    options
        What to call. A summit must have the sign asked for and, in units of the attribution, at least ``height``; or,
        where ``height`` is None, a robust z-score above ``z`` (see :mod:`decima_scipy_peaks.background`), which does
        not change when the attribution is scaled. ``distance`` and ``prominence`` work as in
        :func:`scipy.signal.find_peaks`, on each sign by itself: with ``sign="both"`` the peaks are those of
        ``"positive"`` and those of ``"negative"`` together, and a summit may lie next to a trough.

    Notes
    -----
    The window is taken to be surrounded by bases of its own least value, so that a summit may be its first or last
    base, and the prominence of a summit is not limited by the window's edge. The summit of a plateau is its middle,
    rounded down.
    """

    def __init__(self, options: ScipyOptions) -> None:
        self.options = options

    def call(self, attribution: Attribution) -> Peaks:
        """The peaks of one window, strongest first, of equal ones the leftmost first; flat attributions have none.

        Positions count from 0 in the window; a peak extends from ``flank`` bases before its summit to ``flank`` after
        it, clipped to the window. The attribution is not changed.

        Raises
        ------
        AttributionError
            If the sum over the bases overflows.
        """
        track = attribution.track()
        if len(track) == 0:
            return Peaks.empty(0)
        above = dict(zip((1, -1), self._above(track), strict=True))
        position = np.concatenate([self._summits(sign * track, above[sign]) for sign in _SIGNS[self.options.sign]])
        height = track[position].astype(np.float64)
        # Stable on a leftmost-first order: ties go by position.
        order = np.lexsort((position, -np.abs(height)))[: self.options.number]
        position, height = position[order], height[order]
        length, flank = len(track), self.options.flank
        return Peaks(
            position=position,
            start=np.maximum(position - flank, 0),
            end=np.minimum(position + flank + 1, length),
            height=height,
            length=length,
        )

    def _above(self, track: npt.NDArray[np.float32]) -> tuple[float, float]:
        """What a summit of ``track``, and one of ``-track``, must exceed; at least zero, so that it has its sign."""
        if self.options.height is not None:
            # The height itself is enough.
            below = max(float(np.nextafter(self.options.height, 0.0)), 0.0)
            return below, below
        centre, spread = background(track)
        rise = self.options.z * spread if spread else 0.0
        return max(centre + rise, 0.0), max(rise - centre, 0.0)

    def _summits(self, track: npt.NDArray[np.floating[Any]], above: float) -> npt.NDArray[np.int64]:
        """Positions of the summits of ``track`` that exceed ``above``, ascending."""
        edge = float(track.min())
        height, distance, prominence = np.nextafter(above, np.inf), self.options.distance, self.options.prominence
        if prominence is not None:
            # The surroundings of a summit matter, however low.
            found, _ = find_peaks(_framed(track, edge), height=height, distance=distance, prominence=prominence)
            return np.asarray(found, dtype=np.int64) - 1
        at = np.flatnonzero(track >= _least_above(above, track.dtype))
        if not at.size:
            return np.empty(0, dtype=np.int64)
        # What lies below is no summit. It is cut short, to as much as keeps summits apart: few bases are left to search,
        # and neighbours and distances that matter are those of the window.
        place = np.concatenate([[0], np.minimum(np.diff(at), max(distance, 2)).cumsum()])
        short = np.full(int(place[-1]) + 1, max(above, edge))
        short[place] = track[at]
        found, _ = find_peaks(_framed(short, max(above, edge)), height=height, distance=distance)
        # The middle of a plateau, rounded down, is one of its bases, so every summit has a place.
        return np.asarray(at[np.searchsorted(place, found - 1)], dtype=np.int64)


def _framed(track: npt.NDArray[np.floating[Any]], edge: float) -> npt.NDArray[np.float64]:
    """The track with ``edge`` before its first base and after its last."""
    framed = np.full(len(track) + 2, edge, dtype=np.float64)
    framed[1:-1] = track
    return framed


def _least_above(limit: float, dtype: np.dtype[Any]) -> np.floating[Any]:
    """The least number of a type that is larger than ``limit``, so that a track need not be converted to be compared."""
    with np.errstate(over="ignore"):
        nearest: np.floating[Any] = dtype.type(limit)
        above: np.floating[Any] = np.nextafter(nearest, dtype.type(np.inf))
    return nearest if float(nearest) > limit else above
