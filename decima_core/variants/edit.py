"""Putting an allele into a gene's window, so that the length holds and every base but the allele's is the genome's.

An insertion pushes bases out of the window and a deletion draws new ones in, always at the edge that keeps the
transcription start site (TSS) where it is: what lies upstream of the TSS moves outward at the left edge, what lies
downstream at the right one. This is the window that would be cut from a genome that carries the allele. All positions
are in transcript orientation.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.records import GeneRecord, Locus
from decima_core.sequence import Codes


@attrs.frozen(kw_only=True, eq=False)
class Edit:
    """``ref`` bases from window position ``start`` on become ``alt``; either may be empty, and both are codes 0-3.

    The alleles are trimmed: they share neither their first nor their last base.
    """

    start: int
    ref: Codes
    alt: Codes

    @property
    def end(self) -> int:
        """One past the last base that is replaced."""
        return self.start + len(self.ref)

    @property
    def change(self) -> int:
        """Bases gained; negative where bases are lost."""
        return len(self.alt) - len(self.ref)


@attrs.frozen(kw_only=True, eq=False)
class AlleleWindow:
    """One allele's bases with what lies beside them, so that the window can be cut at any shift.

    Parameters
    ----------
    gene
        The gene's name.
    codes, mask
        ``(W,)``, the window and its flanks.
    start
        Position in ``codes`` at which the window starts when it is not shifted.
    length
        The window's length.
    tss
        Position in ``codes`` of the TSS, which may lie outside; None where there is none.
    site
        Half-open bounds in ``codes`` of the allele's own bases.
    locus
        Where the window that is not shifted lies on the genome; None if it is not known, and for an edited window, whose
        positions are not the genome's.
    """

    gene: str
    codes: Codes
    mask: npt.NDArray[np.float32]
    start: int
    length: int
    tss: int | None
    site: tuple[int, int]
    locus: Locus | None = None

    def crop(self, shift: int = 0) -> tuple[Codes, npt.NDArray[np.float32]]:
        """``codes (L,)`` and ``mask (L,)`` of the window that starts ``shift`` bases further downstream: views."""
        begin = self.start + shift
        return self.codes[begin : begin + self.length], self.mask[begin : begin + self.length]

    def record(self, shift: int = 0) -> GeneRecord:
        """The window as a record."""
        codes, mask = self.crop(shift)
        tss = None if self.tss is None else self.tss - self.start - shift
        locus = None if self.locus is None else self.locus.crop(shift, self.length)
        return GeneRecord(gene=self.gene, codes=codes, mask=mask, tss=tss, locus=locus)

    def bases(self) -> tuple[int, int]:
        """Half-open bounds, in the window, of the allele's own bases; empty between two bases where it has none."""
        return self.site[0] - self.start, self.site[1] - self.start


def reference(wide: GeneRecord, offset: int, length: int, edit: Edit) -> AlleleWindow:
    """The window ``[offset, offset + length)`` of a wider record as it is; ``edit`` says where the allele lies."""
    return AlleleWindow(
        gene=wide.gene,
        codes=wide.codes,
        mask=wide.mask,
        start=offset,
        length=length,
        tss=wide.tss,
        site=(offset + edit.start, offset + edit.end),
        locus=None if wide.locus is None else wide.locus.crop(offset, length),
    )


def alternative(ref: AlleleWindow, edit: Edit) -> AlleleWindow:
    """The same window in a genome that carries ``edit``. The edit must lie within ``ref.codes``."""
    begin, end = ref.site
    codes = np.concatenate([ref.codes[:begin], edit.alt, ref.codes[end:]])
    mask = ref.mask
    if edit.change:  # else base by base the mask is what it was: nothing to write
        mask = np.concatenate([mask[:begin], _allele_mask(mask, begin, end, len(edit.alt)), mask[end:]])
    start, tss = _anchored(ref, edit)
    site = (begin, begin + len(edit.alt))
    return attrs.evolve(ref, codes=codes, mask=mask, start=start, tss=tss, site=site, locus=None)


def unfit(ref: AlleleWindow, edit: Edit, shifts: Sequence[int]) -> str | None:
    """The status of an edit that cannot be shown at each shift; None for one that can.

    ``out_of_window`` where the window of one allele does not hold the allele; ``no_flank`` where both do, but there are too few
    bases at hand to cut them.
    """
    begin = ref.site[0]
    start, _ = _anchored(ref, edit)
    held = cut = True
    for window, width, site in (
        (ref.start, len(ref.codes), ref.site),
        (start, len(ref.codes) + edit.change, (begin, begin + len(edit.alt))),
    ):
        first, last = window + min(shifts), window + max(shifts)
        held &= last <= site[0] and site[1] <= first + ref.length
        cut &= first >= 0 and last + ref.length <= width
    return "out_of_window" if not held else None if cut else "no_flank"


def _anchored(ref: AlleleWindow, edit: Edit) -> tuple[int, int | None]:
    """``start`` and ``tss`` of the alternative window; a window without a TSS keeps its middle where it is."""
    begin, end = ref.site
    fixed = ref.tss if ref.tss is not None else ref.start + ref.length // 2
    moved = _moved(fixed, begin, end, len(edit.alt))
    return ref.start + moved - fixed, None if ref.tss is None else moved


def _moved(position: int, begin: int, end: int, n_alt: int) -> int:
    """Where a base is found after ``[begin, end)`` became ``n_alt`` bases; the first base after them if it is lost."""
    if position < begin:
        return position
    if position >= end:
        return position + n_alt - (end - begin)
    return min(position, begin + n_alt)


def _allele_mask(mask: npt.NDArray[np.float32], begin: int, end: int, n_alt: int) -> npt.NDArray[np.float32]:
    """Mask of the allele: base by base that of what it replaces; further bases are the gene's if they lie within it."""
    new = np.zeros(n_alt, dtype=np.float32)
    kept = min(n_alt, end - begin)
    new[:kept] = mask[begin : begin + kept]
    if n_alt > kept and 0 < end < len(mask) and mask[end - 1] and mask[end]:
        new[kept:] = mask[end - 1]
    return new
