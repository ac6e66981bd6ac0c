"""Places of high attribution."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.arrays import (
    Ints,
    check_columns,
    to_columns,
    to_float64,
    to_int64,
)
from decima_core.errors import PeakError

# The peaks table's own columns, in order; a caller's extra columns come after "sign" and must not replace any of them.
PEAK_COLUMNS = (
    "gene",
    "peak",
    "start",
    "end",
    "height",
    "from_tss",
    "sign",
    "chrom",
    "genome_start",
    "genome_end",
    "best_motif_id",
    "best_motif_name",
)
_RESERVED = {*PEAK_COLUMNS, "position"}
_COLUMN = re.compile(r"[a-z][a-z0-9_]*")


@attrs.frozen(kw_only=True, eq=False)
class Peaks:
    """Places of high attribution in one window, strongest (by absolute height) first.

    Parameters
    ----------
    position
        Summit of each peak, ``(P,)``; for seqlet callers the base of the span with the largest attribution in its direction.
    start, end
        Half-open extent of each peak, ``(P,)``.
    height
        Attribution at the summit, signed, ``(P,)``.
    length
        Length of the window they were called in.
    extra
        Further columns by name, each ``(P,)``; seqlet callers add ``p_value`` and ``attribution``. Names are lower snake
        case and none of the peaks table's own.

    Raises
    ------
    PeakError
        If columns differ in length, a peak leaves the window, misses its own extent, or heights are out of order.
    """

    position: Ints = attrs.field(converter=to_int64)
    start: Ints = attrs.field(converter=to_int64)
    end: Ints = attrs.field(converter=to_int64)
    height: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    length: int = attrs.field(converter=int)
    extra: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict, converter=to_columns)

    def __attrs_post_init__(self) -> None:
        columns = {name: getattr(self, name) for name in ("position", "start", "end", "height")}
        check_columns({**columns, **self.extra}, "peaks", PeakError)
        inside = (
            (self.start >= 0) & (self.start <= self.position) & (self.position < self.end) & (self.end <= self.length)
        )
        if not inside.all():
            i = int(np.flatnonzero(~inside)[0])
            raise PeakError(
                f"Peak {i} has summit {self.position[i]} and extent [{self.start[i]}, {self.end[i]}) in a window of "
                f"{self.length} bases; a summit lies in its extent and the extent in the window."
            )
        for name in self.extra:
            if name in _RESERVED or not _COLUMN.fullmatch(name):
                raise PeakError(
                    f"A peak caller's extra column cannot be called {name!r}; choose a lower snake case name that is not one "
                    "of the peaks table's own."
                )
        if not np.isfinite(self.height).all():
            raise PeakError("A peak height is NaN or infinite.")
        if (np.diff(np.abs(self.height)) > 0).any():
            raise PeakError("Peaks are not sorted: the one with the largest absolute height comes first.")

    def __len__(self) -> int:
        return int(self.position.shape[0])

    @property
    def sign(self) -> npt.NDArray[np.int8]:
        """+1 where the summit raises the target, -1 where it lowers it, ``(P,)``."""
        return np.where(self.height < 0, -1, 1).astype(np.int8)

    @classmethod
    def empty(cls, length: int) -> Peaks:
        """No peak in a window of ``length`` bases."""
        return cls(position=[], start=[], end=[], height=[], length=length)
