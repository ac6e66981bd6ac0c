"""A gene's window, and its place on the genome."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.arrays import (
    to_codes,
    to_float32,
)
from decima_core.errors import DataError
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
        if not self.gene or self.gene.startswith("#") or any(c in self.gene for c in "\t\n\r"):
            raise DataError(
                f"The gene name {self.gene!r} would break the tables of results: it must not be empty, begin with '#', or hold "
                "a tab or a line break."
            )
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
