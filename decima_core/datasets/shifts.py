"""By how many bases windows are moved."""

from __future__ import annotations

from collections.abc import Sequence

from decima_core.datasets.numbers import whole
from decima_core.errors import ConfigError


def shifts_of(max_seq_shift: int, shifts: Sequence[int] | None = None) -> tuple[int, ...]:
    """``shifts`` as given, else every shift from ``-max_seq_shift`` to ``max_seq_shift``.

    Raises
    ------
    ConfigError
        For a negative ``max_seq_shift``, no shift at all, or one that is not whole.
    """
    if shifts is not None:
        if not len(shifts):
            raise ConfigError("No shift was given; 0 stands for the window where it is.")
        return tuple(whole("A shift", shift, None) for shift in shifts)
    max_seq_shift = whole("max_seq_shift", max_seq_shift)
    return tuple(range(-max_seq_shift, max_seq_shift + 1))
