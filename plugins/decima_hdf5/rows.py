"""Reading one row: base codes, numbers, labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


def read_labels(dataset: h5py.Dataset, row: int, gene: str, path: Path) -> npt.NDArray[np.float32]:
    """Labels ``(T, 1)`` float32 of one row.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    out = np.empty(dataset.shape[1:], dtype=np.float32)
    with readable(dataset, gene, path):
        dataset.read_direct(out, np.s_[row])
    return out


def read_floats(dataset: h5py.Dataset, row: int, gene: str, path: Path) -> npt.NDArray[np.float32]:
    """A whole row as float32. Raises DataError if it cannot be read."""
    # HDF5 converts numbers as it reads, but not its booleans.
    dtype = dataset.dtype if dataset.dtype.kind == "b" else np.dtype(np.float32)
    return _read(dataset, row, 0, dataset.shape[1], dtype, gene, path).astype(np.float32, copy=False)


def _read(
    dataset: h5py.Dataset, row: int, start: int, end: int, dtype: np.dtype[Any], gene: str, path: Path
) -> npt.NDArray[Any]:
    out = np.empty(end - start, dtype=dtype)
    if end > start:
        with readable(dataset, gene, path):
            dataset.read_direct(out, np.s_[row, start:end])
    return out


@contextmanager
def readable(dataset: h5py.Dataset, gene: str, path: Path) -> Iterator[None]:
    """What HDF5 raises while a gene's row is read becomes a DataError that names it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"The {dataset.name.lstrip('/')} of gene '{gene}' in the gene file '{path}' cannot be read "
            f"({first_line(error)}); the file is damaged: copy, download or write it again."
        ) from error
