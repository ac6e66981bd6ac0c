"""What travels between the stages: immutable, checked on creation, free of I/O.

Coordinates, stated here once and enforced here:

* Positions count from 0 in the window, in **transcript orientation**: the transcription start site (TSS) lies left of
  the gene body, whatever the gene's strand. Intervals are half-open, ``[start, end)``.
* ``from_tss = position - tss``; the TSS is the first base of the gene mask, so upstream positions are negative.
* The genome enters through :class:`Locus` alone: 0-based, half-open, forward-strand. On the minus strand
  ``genome_start = locus.end - end``.
* Arrays are channel-first: ``(4, L)`` in base order A, C, G, T; the gene mask is a fifth channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.arrays import (
    Ints,
    check_columns,
    to_codes,
    to_columns,
    to_float32,
    to_float64,
    to_int64,
    to_letters,
    to_objects,
)
from decima_core.errors import AttributionError, DataError, MotifError, PeakError
from decima_core.sequence import Codes, one_hot


@attrs.frozen(kw_only=True)
class Locus:
    """A window's place on the genome.

    ``start`` and ``end`` are 0-based half-open on the forward strand; ``strand`` is the gene's, ``"+"`` or ``"-"``.
    """

    chrom: str
    start: int
    end: int
    strand: str

    def __attrs_post_init__(self) -> None:
        if self.strand not in ("+", "-"):
            raise DataError(f"The strand of {self.chrom}:{self.start}-{self.end} is {self.strand!r}, not '+' or '-'.")
        if self.end <= self.start:
            raise DataError(
                f"The window {self.chrom}:{self.start}-{self.end} is empty: its end must lie after its start."
            )

    def __len__(self) -> int:
        return self.end - self.start

    def crop(self, offset: int, length: int) -> Locus:
        """The locus of window positions ``[offset, offset + length)``."""
        start, end = self.to_genome(offset, offset + length)
        return attrs.evolve(self, start=int(start), end=int(end))

    def to_genome(self, start: Any, end: Any) -> tuple[Any, Any]:
        """Window interval(s) ``[start, end)`` as genome interval(s); numbers or arrays."""
        if self.strand == "+":
            return self.start + start, self.start + end
        return self.end - end, self.end - start

    def to_genome_strand(self, forward: Any) -> npt.NDArray[np.str_]:
        """Genome strand(s) of features whose strand in the window is given (True: the window's own strand)."""
        same = np.asarray(forward, dtype=bool)
        return np.where(same == (self.strand == "+"), "+", "-")


@attrs.frozen(kw_only=True, eq=False)
class GeneRecord:
    """One gene's window.

    Parameters
    ----------
    gene
        The gene's name.
    codes
        Base codes ``(L,)``, 0-3 for A, C, G, T and 4 for N.
    mask
        Gene mask ``(L,)`` float32: non-zero over the gene; all zero where there is no gene, or a crop misses it.
    tss
        Window position of the transcription start site; None where there is none. Outside ``[0, L)`` if a crop cut it
        off; ``from_tss`` stays right.
    locus
        The window's place on the genome, if known.
    split
        The gene's data split (``train``, ``val``, ``test``), if known.

    Raises
    ------
    DataError
        If lengths disagree, a code lies outside 0-4, the mask is not finite, or the locus has another length.
    """

    gene: str
    codes: Codes = attrs.field(converter=to_codes)
    mask: npt.NDArray[np.float32] = attrs.field(
        default=attrs.Factory(lambda self: np.zeros(self.codes.shape, np.float32), takes_self=True),
        converter=to_float32,
    )
    tss: int | None = attrs.field(default=None, converter=attrs.converters.optional(int))
    locus: Locus | None = None
    split: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.codes.ndim != 1 or self.codes.size == 0:
            raise DataError(
                f"The sequence of gene '{self.gene}' has shape {self.codes.shape}; it must be one row of bases."
            )
        if self.mask.shape != self.codes.shape:
            raise DataError(
                f"Gene '{self.gene}' has {self.codes.shape[0]:,} bases of sequence but a mask of shape {self.mask.shape}."
            )
        if self.codes.dtype != np.int8 or self.codes.min() < 0 or self.codes.max() > 4:
            wrong = next(code for code in self.codes.tolist() if code not in range(5))
            raise DataError(
                f"The sequence of gene '{self.gene}' holds code {wrong}; codes are 0-3 for A, C, G, T and 4 for N."
            )
        if not np.isfinite(self.mask).all():
            raise DataError(f"The mask of gene '{self.gene}' holds NaN or infinity.")
        if self.locus is not None and len(self.locus) != len(self):
            raise DataError(
                f"Gene '{self.gene}' has a window of {len(self):,} bases, but its genome interval spans {len(self.locus):,}."
            )

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    @property
    def mask_bounds(self) -> tuple[int, int]:
        """Half-open bounds of the masked bases in the window; ``(0, 0)`` if a crop holds none."""
        on = np.flatnonzero(self.mask)
        return (int(on[0]), int(on[-1]) + 1) if on.size else (0, 0)

    def one_hot(self) -> npt.NDArray[np.float32]:
        """The sequence, ``(4, L)`` float32."""
        return one_hot(self.codes)

    def inputs(self) -> npt.NDArray[np.float32]:
        """Sequence and mask merged, ``(5, L)`` float32."""
        merged = np.empty((5, len(self)), dtype=np.float32)
        one_hot(self.codes, out=merged[:4])
        merged[4] = self.mask
        return merged


@attrs.frozen(kw_only=True, eq=False)
class Attribution:
    """What each base contributes to the target.

    Parameters
    ----------
    gene
        The gene's name.
    values
        ``(4, L)`` float32, one value a base and position, in transcript orientation.
    tss
        Window position of the TSS; None where it is not known.
    method
        Name of the attribution method.
    target
        The explained quantity in words, e.g. ``"mean of CD14 - mean of all 99 other tasks"``.
    prediction
        The target's value on the gene itself, if known.
    convergence_delta
        Sum of the attributions minus (target at the sequence - target at the baseline), for methods that promise
        completeness; None for the others.

    Raises
    ------
    AttributionError
        If ``values`` has another shape or holds NaN or infinity.
    """

    gene: str
    values: npt.NDArray[np.float32] = attrs.field(converter=to_float32)
    tss: int | None = None
    method: str = ""
    target: str = ""
    prediction: float | None = None
    convergence_delta: float | None = None

    def __attrs_post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[0] != 4:
            raise AttributionError(
                f"Attributions of gene '{self.gene}' have shape {self.values.shape}; they must be (4, length)."
            )
        if not np.isfinite(self.values).all():
            at = int(np.flatnonzero(~np.isfinite(self.values).all(0))[0])
            raise AttributionError(
                f"Attributions of gene '{self.gene}' by '{self.method}' hold NaN or infinity, first at position {at:,}; "
                "check the model's weights and whether the target divides by zero."
            )

    def __len__(self) -> int:
        return int(self.values.shape[1])

    def projected(self, record: GeneRecord) -> Attribution:
        """The same with zero for every base that the sequence does not have: attribution x one-hot.

        Hypothetical scores, which have a value for all four bases, must be projected before their peaks are called.
        """
        return attrs.evolve(self, values=self.values * record.one_hot())

    def track(self) -> npt.NDArray[np.float32]:
        """One value a position, ``(L,)``: the sum over the four bases."""
        return np.asarray(self.values.sum(axis=0), dtype=np.float32)


@attrs.frozen(kw_only=True, eq=False)
class Peaks:
    """Places of high attribution in one window, strongest (by absolute height) first.

    Parameters
    ----------
    position
        Summit of each peak, ``(P,)``; for seqlet callers the middle of the span.
    start, end
        Half-open extent of each peak, ``(P,)``.
    height
        Attribution at the summit, signed, ``(P,)``.
    length
        Length of the window they were called in.
    extra
        Further columns by name, each ``(P,)``; seqlet callers add ``p_value`` and ``attribution``.

    Raises
    ------
    PeakError
        If columns differ in length, a peak leaves the window, misses its own extent, or heights are out of order.
    """

    position: Ints = attrs.field(converter=to_int64)
    start: Ints = attrs.field(converter=to_int64)
    end: Ints = attrs.field(converter=to_int64)
    height: npt.NDArray[np.float64] = attrs.field(converter=to_float64)
    length: int = attrs.field(converter=int)
    extra: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict, converter=to_columns)

    def __attrs_post_init__(self) -> None:
        columns = {name: getattr(self, name) for name in ("position", "start", "end", "height")}
        check_columns({**columns, **self.extra}, "peaks", PeakError)
        inside = (
            (self.start >= 0) & (self.start <= self.position) & (self.position < self.end) & (self.end <= self.length)
        )
        if not inside.all():
            i = int(np.flatnonzero(~inside)[0])
            raise PeakError(
                f"Peak {i} has summit {self.position[i]} and extent [{self.start[i]}, {self.end[i]}) in a window of "
                f"{self.length} bases; a summit lies in its extent and the extent in the window."
            )
        if not np.isfinite(self.height).all():
            raise PeakError("A peak height is NaN or infinite.")
        if (np.diff(np.abs(self.height)) > 0).any():
            raise PeakError("Peaks are not sorted: the one with the largest absolute height comes first.")

    def __len__(self) -> int:
        return int(self.position.shape[0])

    @property
    def sign(self) -> npt.NDArray[np.int8]:
        """+1 where the summit raises the target, -1 where it lowers it, ``(P,)``."""
        return np.where(self.height < 0, -1, 1).astype(np.int8)

    @classmethod
    def empty(cls, length: int) -> Peaks:
        """No peak in a window of ``length`` bases."""
        return cls(position=[], start=[], end=[], height=[], length=length)


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
        if not np.isfinite(p).all() or (p < 0).any():
            raise MotifError(f"The matrix of motif '{self.id}' holds a negative or non-finite probability.")
        if not np.allclose(p.sum(0), 1, atol=0.01):
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


@attrs.frozen(kw_only=True, eq=False)
class Interpretation:
    """All that was found for one gene; ``seconds`` maps each stage to its wall time."""

    record: GeneRecord
    attribution: Attribution
    peaks: Peaks
    hits: MotifHits
    seconds: Mapping[str, float] = attrs.field(factory=dict)
