"""Read-only arrays and columns: how the records keep what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from decima_core.errors import DecimaError
from decima_core.sequence import Codes

Ints = npt.NDArray[np.int64]


def frozen_array(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """A read-only view of ``array`` (copied only where the type must change).

    Where a cast to whole numbers or to text would lose something, the type is left as it is, for the record to refuse.
    """
    found = np.asarray(array, dtype=object if dtype is object else None)
    with np.errstate(all="ignore"):  # what overflows becomes infinite, which the records refuse by name
        cast = found.astype(dtype, copy=False) if dtype is not None else found
    lossy = cast is not found and found.size > 0 and cast.dtype.kind in "iU" and not np.array_equal(cast, found)
    view = (found if lossy else cast).view()
    view.flags.writeable = False
    return view


# Converters by name, which type checkers understand where they do not understand lambdas.
def to_codes(array: npt.ArrayLike) -> Codes:
    return frozen_array(array, np.int8)


def to_float32(array: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return frozen_array(array, np.float32)


def to_float64(array: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return frozen_array(array, np.float64)


def to_int64(array: npt.ArrayLike) -> Ints:
    return frozen_array(array, np.int64)


def to_objects(array: npt.ArrayLike) -> npt.NDArray[Any]:
    return frozen_array(array, object)


def to_letters(array: npt.ArrayLike) -> npt.NDArray[Any]:
    return frozen_array(array, "U1")


def to_columns(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name: frozen_array(column) for name, column in columns.items()}


def check_columns(columns: Mapping[str, npt.NDArray[Any]], what: str, error: type[DecimaError]) -> None:
    """All of one length, that of the first, and whole numbers where a column counts bases."""
    first, n = next((name, column.shape) for name, column in columns.items())
    if len(n) != 1:
        raise error(f"Column '{first}' of the {what} has shape {n}; it must be one row of values.")
    for name, column in columns.items():
        if column.shape != n:
            raise error(f"Column '{name}' of the {what} has {column.size} values for {n[0]} {what}.")
        if name in ("position", "start", "end", "peak") and column.dtype.kind != "i":
            raise error(f"Column '{name}' of the {what} holds a number that is not whole.")
