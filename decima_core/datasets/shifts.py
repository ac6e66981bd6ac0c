"""By how many bases windows are moved."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from decima_core.errors import ConfigError


def shifts_of(max_seq_shift: int, shifts: Sequence[int] | None = None) -> tuple[int, ...]:
    """``shifts`` as given, else every shift from ``-max_seq_shift`` to ``max_seq_shift``.

    Raises
    ------
    ConfigError
        For a negative ``max_seq_shift``, or no shift at all.
    """
    if shifts is not None:
        if not len(shifts):
            raise ConfigError("No shift was given; 0 stands for the window where it is.")
        return tuple(operator.index(shift) for shift in shifts)
    try:
        max_seq_shift = operator.index(max_seq_shift)
    except TypeError:
        raise ConfigError(f"max_seq_shift is {max_seq_shift!r}; it must be a whole number.") from None
    if max_seq_shift < 0:
        raise ConfigError(f"max_seq_shift is {max_seq_shift}; it must be 0 or more.")
    return tuple(range(-max_seq_shift, max_seq_shift + 1))
