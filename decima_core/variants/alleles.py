"""Alleles as VCF writes them: what is wrong with them, their shortest form, their normal form."""

from __future__ import annotations

import attrs

from decima_core.sequence import BASES

_COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")


@attrs.frozen(kw_only=True)
class Variant:
    """One alternative allele at one place.

    Parameters
    ----------
    chrom
        Contig, as the file names it.
    pos
        1-based position of the first base of ``ref`` on the forward strand, as in VCF.
    ref, alt
        Alleles on the forward strand, as :func:`spelled` writes them.
    id
        The file's name for it, if any.
    gene
        The gene that a table names; None where genes are to be found by place.
    where
        Where it was read, in the words of error messages.
    """

    chrom: str
    pos: int
    ref: str
    alt: str
    id: str = ""
    gene: str | None = None
    where: str = ""


def spelled(allele: str) -> str:
    """An allele in upper case; a symbolic one or a breakend as it is, since it holds names: ``<DEL>``, ``C[chr2:5[``."""
    return allele if any(c in allele for c in "<[]") else allele.upper()


def problem(variant: Variant) -> str | None:
    """The status that follows from the alleles alone: ``symbolic``, ``no_alternative``, ``non_acgt``; None for none."""
    ref, alt = variant.ref, variant.alt
    if alt in ("", "."):
        return "no_alternative"
    if alt.startswith(("<", "*")) or any(c in alt for c in "[]") or alt.startswith(".") or alt.endswith("."):
        return "symbolic"
    if not ref or not set(ref) <= set(BASES) or not set(alt) <= set(BASES):
        return "non_acgt"
    return "no_alternative" if ref == alt else None


def trim(pos0: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The alleles without the bases they share at their ends: first at the right, then at the left.

    So an indel written with its anchor base, as VCF does, loses the anchor and keeps its place: at 0-based 9, ``AT`` to
    ``A`` becomes ``T`` to nothing at 10. ``pos0`` is the 0-based position of the first base of ``ref``.
    """
    right = 0
    while right < min(len(ref), len(alt)) and ref[-1 - right] == alt[-1 - right]:
        right += 1
    ref, alt = ref[: len(ref) - right], alt[: len(alt) - right]
    left = 0
    while left < min(len(ref), len(alt)) and ref[left] == alt[left]:
        left += 1
    return pos0 + left, ref[left:], alt[left:]


def normalise(pos0: int, ref: str, alt: str, bases: str) -> tuple[int, str, str]:
    """The normal form of a variant (Tan, Abecasis & Kang, Bioinformatics 2015): as far left and as short as can be.

    An indel keeps one anchor base, at its left, or at its right where it stands at the very start of ``bases``; it has none
    where it replaces all of them. ``pos0`` is the 0-based position of the first base of ``ref`` in ``bases``. Alleles that
    are equal change nothing and are returned as they are.
    """
    if ref == alt:
        return pos0, ref, alt
    pos0, ref, alt = trim(pos0, ref, alt)
    if ref and alt:
        return pos0, ref, alt
    while pos0 > 0 and (ref or alt)[-1] == bases[pos0 - 1]:
        before = bases[pos0 - 1]
        ref, alt = (before + ref)[: len(ref)], (before + alt)[: len(alt)]
        pos0 -= 1
    if pos0 > 0:
        before = bases[pos0 - 1]
        return pos0 - 1, before + ref, before + alt
    after = bases[len(ref) : len(ref) + 1]
    return 0, ref + after, alt + after


def flip(allele: str) -> str:
    """The reverse complement of an allele."""
    return allele.translate(_COMPLEMENT)[::-1]
