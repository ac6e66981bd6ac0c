"""Motifs, and where they were placed."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.arrays import (
    Ints,
    check_columns,
    to_float64,
    to_int64,
    to_letters,
    to_objects,
)
from decima_core.errors import MotifError


@attrs.frozen(kw_only=True, eq=False)
class Motif:
    """A motif: position probability matrix ``ppm`` ``(4, W)`` float64 whose columns sum to 1, known by its matrix id."""

    id: str
    name: str
    ppm: npt.NDArray[np.float64] = attrs.field(converter=to_float64)

    def __attrs_post_init__(self) -> None:
        p = self.ppm
        if p.ndim != 2 or p.shape[0] != 4 or p.shape[1] == 0:
            hint = " Transpose it: bases are rows." if p.ndim == 2 and p.shape[1] == 4 else ""
            raise MotifError(f"The matrix of motif '{self.id}' has shape {p.shape}; it must be (4, width).{hint}")
        # Few passes over so small an array: there are thousands of motifs.
        if not (p.min() >= 0 and p.max() < np.inf):
            raise MotifError(f"The matrix of motif '{self.id}' holds a negative or non-finite probability.")
        # Columns of a matrix rounded to two decimals may miss 1 by 0.01, and by rounding in the last bits a little more.
        if np.abs(p.sum(0) - 1).max() > 0.01 + 1e-5:
            raise MotifError(
                f"Column {int(np.abs(p.sum(0) - 1).argmax())} of motif '{self.id}' does not sum to 1; "
                "give probabilities (a PPM), not counts or log odds."
            )

    @property
    def width(self) -> int:
        return int(self.ppm.shape[1])


@attrs.frozen(kw_only=True, eq=False)
class MotifHits:
    """Motifs placed in one window; one row a hit (a site that lies under two peaks has a row for each).

    All columns are ``(H,)``. ``start``/``end`` count in the gene window (half-open); ``strand`` is ``"+"`` or ``"-"``
    relative to the window; ``score`` is log2 odds; ``peak`` is the index into the gene's :class:`Peaks`, -1 where the
    whole window was scanned and no summit lies in the site; ``site_attr_score`` is the mean over the site of the attribution summed
    over bases; ``motif_attr_score`` the mean over the site of the attribution times the PPM (reverse-complemented on
    ``-``) summed over bases. Rows are ordered by peak, then p-value.

    Raises
    ------
    MotifError
        If columns differ in length, a hit leaves the window, a p- or q-value leaves (0, 1], or a score is not finite.
    """

    motif_id: npt.NDArray[Any] = attrs.field(converter=to_objects)
    motif_name: npt.NDArray[Any] = attrs.field(converter=to_objects)
    start: Ints = attrs.field(converter=to_int64)
    end: Ints = attrs.field(converter=to_int64)
    strand: npt.NDArray[Any] = attrs.field(converter=to_letters)
    score: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    p_value: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    q_value: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    peak: Ints = attrs.field(converter=to_int64)
    site_attr_score: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    motif_attr_score: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    length: int = attrs.field(converter=int)

    def __attrs_post_init__(self) -> None:
        columns = {f.name: getattr(self, f.name) for f in attrs.fields(MotifHits) if f.name != "length"}
        check_columns(columns, "hits", MotifError)
        if ((self.start < 0) | (self.end > self.length) | (self.start >= self.end)).any():
            raise MotifError(f"A motif hit lies outside the window of {self.length} bases.")
        if not np.isin(self.strand, ("+", "-")).all():
            raise MotifError("The strand of a motif hit is neither '+' nor '-'.")
        for name in ("p_value", "q_value"):
            value = getattr(self, name)
            if not ((value > 0) & (value <= 1)).all():
                raise MotifError(f"A {name} of the motif hits lies outside (0, 1].")
        for name in ("score", "site_attr_score", "motif_attr_score"):
            if not np.isfinite(getattr(self, name)).all():
                raise MotifError(f"A {name} of the motif hits is NaN or infinite.")
        if (self.peak < -1).any():
            raise MotifError("A motif hit names a peak below -1; -1 says that it lies under none.")

    def __len__(self) -> int:
        return int(self.start.shape[0])

    @classmethod
    def empty(cls, length: int) -> MotifHits:
        """No hit in a window of ``length`` bases."""
        columns: dict[str, Any] = {f.name: [] for f in attrs.fields(cls) if f.name != "length"}
        return cls(**columns, length=length)
