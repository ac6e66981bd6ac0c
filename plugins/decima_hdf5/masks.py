"""A gene's mask as its bounds, which two numbers say, or as its values, where it is not one run."""

from __future__ import annotations

from pathlib import Path

import attrs
import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError
from decima_hdf5.layout import Layout
from decima_hdf5.rows import read_floats


@attrs.frozen(kw_only=True, eq=False)
class Mask:
    """The mask of one stored row of W bases.

    Parameters
    ----------
    first, last
        Half-open bounds of the masked bases, stored positions; they may lie outside the row.
    value
        The mask's value there.
    values
        ``(W,)`` float32 where the mask is not one run of one value; None where the bounds say all.
    """

    first: int
    last: int
    value: float = 1.0
    values: npt.NDArray[np.float32] | None = None

    def cut(self, start: int, length: int) -> npt.NDArray[np.float32]:
        """The mask ``(length,)`` float32 of stored bases ``[start, start + length)``."""
        if self.values is not None:
            # A view would keep a whole row alive for a short window.
            return self.values[start : start + length].copy()
        out = np.zeros(length, dtype=np.float32)
        out[max(0, self.first - start) : max(0, self.last - start)] = self.value
        return out


def mask_of_bounds(bounds: npt.NDArray[np.int64] | None, row: int, layout: Layout) -> Mask | None:
    """The mask that the file's own bounds give; None where there are none for this row."""
    if bounds is None or bounds[row, 0] == bounds[row, 1] == -1:
        return None
    offset = (layout.width - layout.seq_len) // 2
    return Mask(first=int(bounds[row, 0]) + offset, last=int(bounds[row, 1]) + offset)


def read_mask(dataset: h5py.Dataset, row: int, gene: str, path: Path) -> Mask:
    """The mask of one row of the dataset ``masks``.

    Raises
    ------
    DataError
        If the whole row is zero, its first masked base is not finite, or the data cannot be read.
    """
    values = read_floats(dataset, row, gene, path)
    on = values != 0
    first = int(on.argmax())
    if not on[first]:
        raise DataError(
            f"The mask of gene '{gene}' in the gene file '{path}' is all zero, so it has no transcription start "
            "site; mask the gene's bases with 1, or leave the gene out."
        )
    value = float(values[first])
    if not np.isfinite(value):
        raise DataError(
            f"The mask of gene '{gene}' in the gene file '{path}' holds NaN or infinity at base {first:,}; "
            "write 1 for the gene's bases and 0 elsewhere."
        )
    last = len(values) - int(on[::-1].argmax())
    is_run = bool((values[first:last] == np.float32(value)).all())
    return Mask(first=first, last=last, value=value, values=None if is_run else values)
