"""The peak caller ``scipy``: local maxima that stand out from the background of their own window.

This module only announces the caller and imports nothing heavy; :mod:`decima_scipy_peaks.caller` does the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from decima_core import PeakCallerSpec, hookimpl, option, options_class

if TYPE_CHECKING:
    from decima_scipy_peaks.caller import ScipyPeaks

__all__ = ["ScipyOptions", "create", "decima_peak_callers"]


@options_class
class ScipyOptions:
    """Options of the peak caller ``scipy``."""

    sign: Literal["positive", "negative", "both"] = option(
        default="positive", help="Call bases that raise the target, that lower it, or both."
    )
    height: float | None = option(
        default=None, help="Least absolute height of a summit, in units of the attribution; none: use z.", at_least=0
    )
    z: float = option(
        default=5.0,
        help="Least robust z-score of a summit against its window, used where height is none.",
        at_least=0,
        at_most=1e9,
    )
    prominence: float | None = option(
        default=None, help="Least height of a summit above its surroundings, in units of the attribution.", at_least=0
    )
    distance: int = option(
        default=6,
        help="Least distance between two summits of one sign, in bases; the larger wins.",
        at_least=1,
        at_most=2**31,
    )
    number: int | None = option(
        default=10, help="Keep so many of the strongest peaks; none: all.", at_least=1, at_most=2**31
    )
    flank: int = option(
        default=9, help="Bases on each side of the summit that belong to a peak.", at_least=0, at_most=2**31
    )


def create(options: ScipyOptions) -> ScipyPeaks:
    """The peak caller that ``options`` describe."""
    from decima_scipy_peaks.caller import ScipyPeaks

    return ScipyPeaks(options)


@hookimpl
def decima_peak_callers() -> Iterator[PeakCallerSpec]:
    """Announce the caller."""
    yield PeakCallerSpec(
        name="scipy",
        summary="Local maxima of the attribution that stand out from their window (scipy.signal.find_peaks).",
        options=ScipyOptions,
        create=create,
    )
