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
    number = operator.index(index)
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
