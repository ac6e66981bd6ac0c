"""Item numbers: Python's rules for an index, and what a number stands for."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any


def item_number(index: Any, length: int) -> int:
    """The item that ``dataset[index]`` means, by Python's rules for sequences.

    Raises
    ------
    IndexError
        Past either end.
    TypeError
        If the index is no whole number.
    """
    try:
        number = operator.index(index)
    except TypeError:
        raise TypeError(
            f"An item is asked for by one whole number, not by {index!r}; for several, take them in turn or use a DataLoader."
        ) from None
    if not -length <= number < length:
        raise IndexError(f"There is no item {number}: the dataset has {length:,}.")
    return number % length


def split_index(number: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """The place of an item on each axis of a grid of ``sizes``, the last axis fastest."""
    places = []
    for size in reversed(sizes):
        number, place = divmod(number, size)
        places.append(place)
    return tuple(reversed(places))
