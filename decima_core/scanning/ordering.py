"""The order of many rows by several keys, found in passes over 16 bits at a time, which NumPy sorts without comparing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[Any]

_BITS = 16


def order_of(*keys: Keys) -> npt.NDArray[np.int64]:
    """Indices that sort rows by the first key, then the second, and so on; rows equal in all keep their order.

    A key ``(H,)`` holds bools, whole numbers or floating-point numbers, none of them NaN. It is ``np.lexsort`` with the keys
    turned round, several times as fast where there are many rows.
    """
    digits = [digit for key in reversed(keys) for digit in _digits(_unsigned(key))]
    return np.lexsort(digits)


def _unsigned(key: Keys) -> npt.NDArray[np.uint64]:
    """Whole numbers from 0 on, in the order of the key."""
    if key.dtype.kind == "f":
        bits = (key.astype(np.float64) + 0.0).view(np.int64)  # -0.0 becomes 0.0
        ordered = np.where(bits < 0, ~bits, bits | np.iinfo(np.int64).min).view(np.uint64)
    else:
        ordered = key.astype(np.int64).view(np.uint64) ^ np.uint64(1 << 63)
    return np.asarray(ordered - ordered.min(initial=np.iinfo(np.uint64).max))


def _digits(key: npt.NDArray[np.uint64]) -> list[npt.NDArray[np.uint16]]:
    """The key's digits, the last first, as many as the largest has."""
    largest = int(key.max(initial=0))
    return [(key >> np.uint64(shift)).astype(np.uint16) for shift in range(0, max(largest.bit_length(), 1), _BITS)]
