"""Sites: places of motifs on one sequence."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Sites:
    """Places of motifs on a sequence, in columns ``(H,)`` int64.

    ``strand`` is an index into the :class:`StrandSet`; ``start`` the first base on the forward strand, whichever strand the
    motif lies on; ``loss`` the score's distance from the motif's best, in steps of the score grid.
    """

    strand: Ints
    start: Ints
    loss: Ints

    def __len__(self) -> int:
        return int(self.start.shape[0])

    def take(self, rows: npt.NDArray[Any]) -> Sites:
        """The sites of these rows (indices or a mask)."""
        return Sites(strand=self.strand[rows], start=self.start[rows], loss=self.loss[rows])

    @classmethod
    def none(cls) -> Sites:
        """No site."""
        empty: Ints = np.empty(0, dtype=np.int64)
        return cls(strand=empty, start=empty, loss=empty)
