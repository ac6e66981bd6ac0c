"""The peak caller ``recursive-seqlets``."""

from __future__ import annotations

import warnings

import attrs
import numpy as np
import numpy.typing as npt
from tangermeme.utils import TangermemeWarning

from decima_core.records import Attribution, Peaks
from decima_tangermeme.compiled import recursive_seqlets_compiled
from decima_tangermeme.noise import Track, clipped, control, seen
from decima_tangermeme.options import SeqletOptions

_SIGNS = {"positive": (1,), "negative": (-1,), "both": (1, -1)}

Positions = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class _Seqlets:
    """Spans ``[start, end)`` of one window with their p-values, ``(n,)`` each."""

    start: Positions
    end: Positions
    p_value: npt.NDArray[np.float64]


class RecursiveSeqlets:
    """Recursive seqlets by tangermeme, on the attribution summed over the bases and on its negative.

    A seqlet is a span whose sum is significant, and so is that of every part of it of at least ``min_length`` bases.
    p-values are those of sums of as many independent draws from the window's own values. Neighbouring bases are not
    independent, and the values hold the seqlets too, so p-values rank spans and are no error rates. Therefore the
    threshold is by default the largest at which, against the same values in random order, an estimated ``fdr`` of the
    seqlets is false; with ``threshold`` it is the one given.

    Before the call the largest values are cut by rank (``clip``), and zeros before the first and after the last
    non-zero base are left out beyond ``max_length``. With ``clip=None`` and ``threshold`` the seqlets of a window
    without such zeros are tangermeme's own, to the digit.

    ``position`` is the base of largest attribution in the seqlet's direction, ``height`` the attribution there. Extra
    columns: ``p_value``, that of the span as called, and ``attribution``, the sum over ``[start, end)`` of what was
    given, flanks included, before any cut. A seqlet whose own sum has not its sign is left out: it stands out in a
    window of the other sign, but does not raise, or lower, the target.
    """

    def __init__(self, options: SeqletOptions) -> None:
        self.options = options

    def call(self, attribution: Attribution) -> Peaks:
        """The seqlets of one window, by absolute height, of equal ones the leftmost first; flat attributions have none.

        Positions count from 0 in the window; extents are half-open and clipped to it. The attribution is not changed.

        Raises
        ------
        AttributionError
            If the sum over the bases overflows.
        """
        track = attribution.track()
        exact = track.astype(np.float64)
        part = seen(exact, self.options.max_length)
        values = exact[part] if self.options.clip is None else clipped(exact[part], self.options.clip)
        rows = [
            row
            for sign in _SIGNS[self.options.sign]
            for row in self._rows(self._called(sign * values), sign * exact, sign, part.start)
        ]
        return self._peaks(rows, track)

    def _called(self, values: Track) -> _Seqlets:
        """The positive seqlets of ``values``, numbered from its own first position."""
        if len(values) < self.options.min_length:
            return _Seqlets(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        call = recursive_seqlets_compiled()
        how: dict[str, int] = {"min_seqlet_len": self.options.min_length, "max_seqlet_len": self.options.max_length}
        if self.options.threshold is not None:
            table = call(values[None], threshold=self.options.threshold, **how)
        else:
            with warnings.catch_warnings():
                # That no threshold reaches the rate is an answer: there is no seqlet.
                warnings.filterwarnings("ignore", message="No threshold reaches", category=TangermemeWarning)
                table = call(
                    values[None], X_control=control(values, self.options.fdr), target_fdr=self.options.fdr, **how
                )
        return _Seqlets(table["start"].to_numpy(), table["end"].to_numpy(), table["p-value"].to_numpy())

    def _rows(
        self, called: _Seqlets, signed: Track, sign: int, offset: int
    ) -> list[tuple[int, int, int, float, float]]:
        """(summit, start, end, p-value, attribution) of each seqlet that has its sign, in the window's positions."""
        rows = []
        for first, last, p_value in zip(called.start + offset, called.end + offset, called.p_value, strict=True):
            span = signed[first:last]
            if span.sum() > 0:
                start, end = max(0, first - self.options.flank), min(len(signed), last + self.options.flank)
                total = sign * signed[start:end].sum()
                rows.append((int(first + span.argmax()), int(start), int(end), float(p_value), float(total)))
        return rows

    def _peaks(self, rows: list[tuple[int, int, int, float, float]], track: npt.NDArray[np.float32]) -> Peaks:
        if not rows:
            return Peaks.empty(len(track))
        position, start, end, p_value, total = (np.array(column) for column in zip(*rows, strict=True))
        kept = np.lexsort((position, -np.abs(total), p_value))[: self.options.number]
        height = track[position].astype(np.float64)
        order = kept[np.lexsort((position[kept], -np.abs(height[kept])))]
        return Peaks(
            position=position[order],
            start=start[order],
            end=end[order],
            height=height[order],
            length=len(track),
            extra={"p_value": p_value[order], "attribution": total[order]},
        )
