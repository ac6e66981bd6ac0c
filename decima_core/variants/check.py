"""Holding a placed variant against the bases of its gene's window."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from decima_core.records import GeneRecord
from decima_core.sequence import decode, encode
from decima_core.variants.alleles import flip, normalise, trim
from decima_core.variants.edit import AlleleWindow, Edit, alternative, reference, unfit
from decima_core.variants.place import Placed


@attrs.frozen(kw_only=True, eq=False)
class WideWindow:
    """A gene's window with the bases beside it.

    Parameters
    ----------
    record
        The window and its flanks.
    start
        Position in the record at which the window starts.
    length
        The window's length.
    origin
        Position in the record of what ``rel_pos`` counts from: the start of the source's own window.
    """

    record: GeneRecord
    start: int
    length: int
    origin: int

    def allele(self, edit: Edit) -> AlleleWindow:
        """The reference window, with the place of an edit."""
        return reference(self.record, self.start, self.length, edit)


def settle(row: Placed, window: WideWindow, shifts: Sequence[int]) -> Edit | None:
    """The edit that a row asks for, in positions of the window; None, and the reason in ``row.status``, if it cannot be.

    Fills ``row.tss_dist`` too, and ``row.strand`` where the window's place tells it. A row whose status is not ``ok`` is left as
    it is. The window must be there unmoved, too: the explanation of a variant shows it.
    """
    if row.rel_pos is None:
        return None
    _fill_strand(row, window)
    at = window.origin + row.rel_pos
    if window.record.tss is not None:
        row.tss_dist = at - window.record.tss
    if row.status != "ok":
        return None
    edit = _edit(row, at - window.start)
    ref = window.allele(edit)
    trouble = unfit(ref, edit, (0, *shifts))
    if trouble is not None:
        row.status = trouble
    elif not _is_there(row.ref_tx, window.record, at):
        row.status = "ref_mismatch"
    elif _deletes_gene(ref, edit):
        row.status = "gene_deleted"
    return edit if row.status == "ok" else None


def normalised(row: Placed, window: WideWindow) -> bool:
    """Rewrite a row's alleles in normal form: left-aligned on the genome, and as short as can be.

    Left as it is where REF does not match, the row is not ``ok``, or the gene's strand is not known. False if the alleles reach
    the leftmost base of the window on the genome, so that bases beyond it might let them go farther.
    """
    _fill_strand(row, window)
    if row.status != "ok" or row.rel_pos is None or not row.strand:
        return True
    at, width = window.origin + row.rel_pos, len(window.record)
    end = at + len(row.ref_tx)
    if at < 0 or end > width or not _is_there(row.ref_tx, window.record, at):
        return True
    forward = row.strand != "-"
    bases = decode(window.record.codes)
    bases = bases if forward else flip(bases)
    start = at if forward else width - end
    new_start, ref, alt = normalise(start, *_forward(row), bases)
    row.variant = attrs.evolve(row.variant, pos=row.variant.pos + new_start - start, ref=ref, alt=alt)
    row.ref_tx, row.alt_tx = (ref, alt) if forward else (flip(ref), flip(alt))
    row.rel_pos = (new_start if forward else width - new_start - len(ref)) - window.origin
    return new_start > 0


def _fill_strand(row: Placed, window: WideWindow) -> None:
    """A table in transcript orientation may leave the strand out; the window's place on the genome tells it."""
    if not row.strand and window.record.locus is not None:
        row.strand = window.record.locus.strand


def _forward(row: Placed) -> tuple[str, str]:
    """REF and ALT on the forward strand."""
    return (row.ref_tx, row.alt_tx) if row.strand != "-" else (flip(row.ref_tx), flip(row.alt_tx))


def _edit(row: Placed, start: int) -> Edit:
    """The trimmed edit of a row whose REF starts at window position ``start``.

    Trimmed on the forward strand, so that a variant is the same change for genes of either strand.
    """
    forward = row.strand != "-"
    whole, alt_whole = _forward(row)
    cut, ref, alt = trim(0, whole, alt_whole)
    if not forward:
        cut, ref, alt = len(whole) - cut - len(ref), flip(ref), flip(alt)
    return Edit(start=start + cut, ref=encode(ref), alt=encode(alt))


def _is_there(ref: str, record: GeneRecord, at: int) -> bool:
    """Whether the record has these bases at ``at``; what lies outside the record is not compared."""
    first, last = max(at, 0), min(at + len(ref), len(record))
    return first < last and bool(np.array_equal(encode(ref[first - at : last - at]), record.codes[first:last]))


def _deletes_gene(ref: AlleleWindow, edit: Edit) -> bool:
    """Whether the window shows the gene only in bases that the edit removes."""
    begin, end = ref.site
    if edit.change >= 0 or not ref.mask[begin:end].any():
        return False
    return bool(ref.crop()[1].any()) and not bool(alternative(ref, edit).crop()[1].any())
