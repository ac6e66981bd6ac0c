"""Peaks of an attribution by :func:`scipy.signal.find_peaks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks

from decima_core.errors import PeakError
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
        PeakError
            If the sum over the bases overflows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            track = attribution.track()
        if not np.isfinite(track).all():
            raise PeakError(
                f"The attributions of gene '{attribution.gene}' are too large to be summed over the bases; "
                "scale them down."
            )
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
        padded = np.empty(len(track) + 2, dtype=np.float64)
        padded[1:-1] = track
        padded[0] = padded[-1] = track.min()
        if self.options.prominence is None:
            # What lies below is no summit, and flattened it costs no time; the surroundings of a summit need it.
            np.maximum(padded, above, out=padded)
        found, _ = find_peaks(
            padded,
            height=np.nextafter(above, np.inf),
            distance=self.options.distance,
            prominence=self.options.prominence,
        )
        return np.asarray(found, dtype=np.int64) - 1
