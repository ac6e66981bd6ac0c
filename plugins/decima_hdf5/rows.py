"""Reading part of one row: base codes, and the gene mask with its first base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, first_line
from decima_core.sequence import Codes


def read_codes(dataset: h5py.Dataset, row: int, start: int, length: int, gene: str, path: Path) -> Codes:
    """Base codes ``(length,)`` int8 of stored bases ``[start, start + length)``; only these are read.

    Raises
    ------
    DataError
        If the data cannot be read, or a wider type than int8 holds a code outside 0-4.
    """
    if dataset.dtype == np.int8:
        return _read(dataset, row, start, start + length, np.dtype(np.int8), gene, path)
    # HDF5 would clip what does not fit int8, and so name a wrong code.
    wide = _read(dataset, row, start, start + length, dataset.dtype, gene, path)
    low, high = int(wide.min()), int(wide.max())
    if low < 0 or high > 4:
        raise DataError(
            f"The sequence of gene '{gene}' in the gene file '{path}' holds code {low if low < 0 else high}; "
            "write 0-3 for A, C, G, T and 4 for N."
        )
    return wide.astype(np.int8)


def read_mask(
    dataset: h5py.Dataset, row: int, start: int, length: int, gene: str, path: Path
) -> tuple[npt.NDArray[np.float32], int]:
    """Mask ``(length,)`` float32 of stored bases ``[start, start + length)``, and the first masked base of the row.

    The first masked base is a stored position, counted from 0; it is the transcription start site. The bases before
    ``start`` are read to find it, those after only if it has not yet come.

    Raises
    ------
    DataError
        If the whole row is zero, its first masked base is not finite, or the data cannot be read.
    """
    head = _read_floats(dataset, row, 0, start + length, gene, path)
    first = _first_nonzero(head)
    value = head[first] if first is not None else np.float32(0)
    if first is None:
        tail = _read_floats(dataset, row, start + length, dataset.shape[1], gene, path)
        later = _first_nonzero(tail)
        if later is None:
            raise DataError(
                f"The mask of gene '{gene}' in the gene file '{path}' is all zero, so it has no transcription start "
                "site; mask the gene's bases with 1, or leave the gene out."
            )
        first, value = start + length + later, tail[later]
    if not np.isfinite(value):
        raise DataError(
            f"The mask of gene '{gene}' in the gene file '{path}' holds NaN or infinity at base {first:,}; "
            "write 1 for the gene's bases and 0 elsewhere."
        )
    # A view would keep a whole row alive for a short window.
    return (head if start == 0 else head[start:].copy()), first


def _first_nonzero(values: npt.NDArray[np.float32]) -> int | None:
    if values.size == 0:
        return None
    on = values != 0
    at = int(on.argmax())
    return at if on[at] else None


def _read_floats(
    dataset: h5py.Dataset, row: int, start: int, end: int, gene: str, path: Path
) -> npt.NDArray[np.float32]:
    # HDF5 converts numbers as it reads, but not its booleans.
    dtype = dataset.dtype if dataset.dtype.kind == "b" else np.dtype(np.float32)
    return _read(dataset, row, start, end, dtype, gene, path).astype(np.float32, copy=False)


def _read(
    dataset: h5py.Dataset, row: int, start: int, end: int, dtype: np.dtype[Any], gene: str, path: Path
) -> npt.NDArray[Any]:
    out = np.empty(end - start, dtype=dtype)
    if end > start:
        try:
            dataset.read_direct(out, np.s_[row, start:end])
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"The {dataset.name.lstrip('/')} of gene '{gene}' in the gene file '{path}' cannot be read "
                f"({first_line(error)}); the file is damaged: copy, download or write it again."
            ) from error
    return out
