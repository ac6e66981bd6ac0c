"""Where to cut: windows of one width around peaks, in which no score occurs twice.

TF-MoDISco counts what it is given. A site with its scores in two windows would be two sites, and a pattern of them would look
twice as frequent, so where windows overlap the scores are shared out between them. The bases are there in both: a stretch of
N inside a window would put columns without a base into the patterns.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt


@attrs.frozen
class Window:
    """Positions ``[start, start + width)`` of a gene's window, of which ``[first, last)`` have scores here.

    ``start`` may be negative, and the end may lie beyond the gene's window: N there. ``peak`` is the summit in the middle, at
    ``start + width // 2``; None for a window that was not cut around one.
    """

    start: int
    width: int
    first: int
    last: int
    peak: int | None = None

    def bases(self, one_hot: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The window's columns of a sequence ``(4, L)``, zero beyond its ends: ``(4, width)``."""
        return self._cut(one_hot, max(0, self.start), min(one_hot.shape[1], self.start + self.width))

    def scores(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The columns of ``(4, L)`` scores that are this window's, zero elsewhere: ``(4, width)``."""
        return self._cut(scores, self.first, self.last)

    def _cut(self, array: npt.NDArray[np.float32], first: int, last: int) -> npt.NDArray[np.float32]:
        out = np.zeros((4, self.width), dtype=np.float32)
        out[:, first - self.start : last - self.start] = array[:, first:last]
        return out


def around_peaks(summits: Iterable[int], width: int, length: int) -> list[Window]:
    """Windows of ``width`` (even) bases around the summits in a gene's window of ``length``, from left to right.

    ``summits`` come strongest first. One within a quarter of the width of a stronger one lies well inside that one's window
    and gets none of its own. Where two windows still overlap, the scores of a base belong to the nearer summit (the left one
    where both are as near) and are zero in the other. So no score is used twice, and each summit has its scores in a window.
    """
    kept: list[int] = []
    for summit in summits:
        if all(abs(summit - other) > width // 4 for other in kept):
            kept.append(summit)
    kept.sort()
    half = width // 2
    windows: list[Window] = []
    for summit, following in zip(kept, [*kept[1:], None], strict=True):
        first = max(summit - half, windows[-1].last if windows else 0)
        last = min(summit + half, length if following is None else (summit + following) // 2 + 1)
        windows.append(Window(summit - half, width, first, last, summit))
    return windows


def whole(length: int) -> list[Window]:
    """A gene's window as it is. TF-MoDISco takes an even number of bases, so an odd one gets an N at its end."""
    return [Window(0, length + length % 2, 0, length)]
