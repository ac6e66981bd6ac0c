"""How the attributions of a gene lie in a file: in full, or for the base that is there alone.

* ``full``: dataset ``attribution`` ``(G, 4, L)`` float32, Decima's layout, which its own tools read;
* ``projected``: dataset ``projected`` ``(G, L)`` float32, the value of the base that the sequence has. The others are zero,
  so nothing is lost;
* ``float16``: dataset ``projected`` ``(G, L)`` float16 and ``projected_scale`` ``(G,)`` float32, the power of two that the
  gene's values were divided by.

Half precision keeps 11 bits: a value is off by at most 1/2048 of itself if it is above 2^-27 of the gene's largest, and by
2^-38 of the largest if it is below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decima_core.errors import OutputError
from decima_core.sections import Layout as Layout
from decima_core.sequence import N_CODE, Codes

if TYPE_CHECKING:
    import h5py

FULL, PROJECTED, SCALE = "attribution", "projected", "projected_scale"
Floats = npt.NDArray[np.float32]

# The largest stored number lies between 2^13 and 2^14: far from what half precision cannot hold, 65,520.
_TOP = 14


def project(values: Floats, codes: Codes, gene: str) -> Floats:
    """The values ``(L,)`` of the bases that the sequence ``codes`` ``(L,)`` has, out of ``(4, L)``; zero where it has N.

    Raises
    ------
    OutputError
        If another base has a value too, which would be lost.
    """
    known = codes < N_CODE
    kept = np.zeros(len(codes), np.float32)
    at = np.flatnonzero(known)
    kept[at] = values[codes[at], at]
    if np.count_nonzero(values) != np.count_nonzero(kept):
        raise OutputError(
            f"The method scores bases that the sequence of gene '{gene}' does not have, which projected attributions cannot hold; "
            "store them with --attributions full."
        )
    return kept


def spread(projected: Floats, codes: Codes) -> Floats:
    """Values ``(4, L)`` that are zero except at the bases of the sequence: undoes :func:`project`."""
    values = np.zeros((4, len(codes)), np.float32)
    at = np.flatnonzero(codes < N_CODE)
    values[codes[at], at] = projected[at]
    return values


def to_half(projected: Floats) -> tuple[npt.NDArray[np.float16], float]:
    """Values in half precision, and the power of two they were divided by."""
    largest = float(np.abs(projected).max(initial=0.0))
    if largest == 0:
        return projected.astype(np.float16), 1.0
    # Not below what float32 holds with all its bits: a gene whose largest value is there keeps fewer.
    scale = 2.0 ** max(int(np.frexp(largest)[1]) - _TOP, -126)
    return (projected / np.float32(scale)).astype(np.float16), scale


class StoredAttributions:
    """The attributions in an open file, in whatever layout they lie.

    Raises
    ------
    KeyError
        If the file has none.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.name = FULL if FULL in file else PROJECTED
        self.dataset: Any = file[self.name]
        self.is_full = self.name == FULL

    def values(self, row: int) -> Any:
        """The values ``(4, L)`` of a gene."""
        if self.is_full:
            return self.dataset[row]
        return spread(self._projected(row), self._file["sequence"][row])

    def track(self, row: int) -> Floats:
        """One value a position ``(L,)``, the sum over the bases, as :meth:`~decima_core.records.Attribution.track` has it."""
        track = self.dataset[row].sum(axis=0) if self.is_full else self._projected(row)
        return np.asarray(track, dtype=np.float32)

    def _projected(self, row: int) -> Floats:
        stored = np.asarray(self.dataset[row], dtype=np.float32)
        return stored * np.float32(self._file[SCALE][row]) if SCALE in self._file else stored
