"""Whole numbers that users give."""

from __future__ import annotations

import operator
from typing import Any

from decima_core.errors import ConfigError


def whole(name: str, value: Any, least: int | None = 0) -> int:
    """``value`` as an int, of any size where ``least`` is None.

    Raises
    ------
    ConfigError
        If it is not a whole number or is less than ``least``; the message names it.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number.") from None
    if least is not None and number < least:
        raise ConfigError(f"{name} is {number}; it must be {least} or more.")
    return number
