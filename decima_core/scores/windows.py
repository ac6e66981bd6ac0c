"""A window's record and attribution out of what a file holds of it, checked."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError
from decima_core.records import Attribution, GeneRecord, Locus
from decima_core.scores.rows import Rows
from decima_core.sequence import Codes, from_one_hot


class Sequences(Protocol):
    """The sequences of windows: ``what`` they are, in the words of errors; how many of how many bases; each by its number."""

    what: str
    count: int
    length: int

    def codes(self, number: int, name: str) -> Codes:
        """Codes ``(L,)`` of window ``number``, which goes by ``name`` in errors."""

    def close(self) -> None: ...


class OneHot:
    """Sequences that are stored as one-hot arrays ``(N, 4, L)``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.what, self.count, self.length = rows.what, rows.count, rows.length

    def codes(self, number: int, name: str) -> Codes:
        """Codes ``(L,)`` of window ``number``; zero columns are N.

        Raises
        ------
        DataError
            If it is not one-hot, naming the window, the array and the column.
        """
        row = self._rows.row(number)
        try:
            return from_one_hot(row)
        except DataError as error:
            raise DataError(
                f"{self.what} is not one-hot in window '{name}'. {error} Scores and sequences may have changed places."
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._rows.close()


def values_of(scores: npt.NDArray[Any], name: str, what: str) -> npt.NDArray[np.float32]:
    """Scores ``(4, L)`` as float32.

    Raises
    ------
    DataError
        If one is NaN, or infinite as float32, naming the window and the position.
    """
    with np.errstate(over="ignore"):
        values = scores.astype(np.float32)
    bad = ~np.isfinite(values)
    if bad.any():
        at = int(np.flatnonzero(bad.any(axis=0))[0])
        raise DataError(
            f"{what} holds NaN or a number too large in window '{name}', first at position {at:,}; write finite scores."
        )
    return values


def window(
    name: str,
    codes: Codes,
    values: npt.NDArray[np.float32],
    *,
    mask: npt.NDArray[np.float32] | None = None,
    tss: int | None = None,
    locus: Locus | None = None,
    **known: Any,
) -> tuple[GeneRecord, Attribution]:
    """Record and attribution of one window; without a gene its mask is zero."""
    mask = np.zeros(len(codes), np.float32) if mask is None else mask
    record = GeneRecord(gene=name, codes=codes, mask=mask, tss=tss, locus=locus)
    return record, Attribution(gene=name, values=values, tss=tss, **known)
