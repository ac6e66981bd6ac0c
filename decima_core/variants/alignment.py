"""The two alleles' windows side by side on one axis, with a gap where only one of them has a base."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.arrays import Ints
from decima_core.variants.edit import AlleleWindow

MATCH, SUBSTITUTION, INSERTION, DELETION, EDGE = "match", "substitution", "insertion", "deletion", "edge"


@attrs.frozen(kw_only=True, eq=False)
class Alignment:
    """Columns of the common axis, from upstream to downstream; A of them.

    Parameters
    ----------
    ref, alt
        Window position of each column in the reference and the alternative window, ``(A,)``; -1 for a gap.
    event
        ``(A,)``: ``match``; ``substitution``, ``insertion`` (only ALT has a base) or ``deletion`` (only REF has one) at the
        variant; ``edge`` for bases that only one window reaches, because both have the same length.
    """

    ref: Ints
    alt: Ints
    event: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.ref)

    def ref_to_alt(self, length: int) -> Ints:
        """Position in the alternative window of each of the ``length`` bases of the reference window; -1 where it has none."""
        return _across(self.ref, self.alt, length)

    def alt_to_ref(self, length: int) -> Ints:
        """Position in the reference window of each of the ``length`` bases of the alternative window; -1 where it has none."""
        return _across(self.alt, self.ref, length)

    def on_axis(self, values: npt.NDArray[np.float32], allele: str) -> npt.NDArray[np.float32]:
        """Values ``(..., L)`` of one allele's window (``"ref"`` or ``"alt"``) on the axis, ``(..., A)``; NaN at gaps."""
        index = self.ref if allele == "ref" else self.alt
        out = np.full((*values.shape[:-1], len(index)), np.nan, dtype=np.float32)
        out[..., index >= 0] = values[..., index[index >= 0]]
        return out


def _across(source: Ints, target: Ints, length: int) -> Ints:
    out = np.full(length, -1, dtype=np.int64)
    here = source >= 0
    out[source[here]] = target[here]
    return out


def align(ref: AlleleWindow, alt: AlleleWindow) -> Alignment:
    """The alignment of a variant's two windows, unshifted; alleles of unequal length are aligned at their first base."""
    begin, end = ref.site
    n_ref, n_alt = end - begin, alt.site[1] - alt.site[0]
    n = max(n_ref, n_alt)
    left, right = np.arange(begin), np.arange(end, len(ref.codes))
    place = np.arange(n)
    ref_at = np.concatenate([left, np.where(place < n_ref, begin + place, -1), right])
    alt_at = np.concatenate([left, np.where(place < n_alt, begin + place, -1), right + n_alt - n_ref])
    ref_index = _in_window(ref_at, ref.start, ref.length)
    alt_index = _in_window(alt_at, alt.start, alt.length)
    event = np.full(len(ref_at), MATCH, dtype="U12")
    event[(ref_index < 0) | (alt_index < 0)] = EDGE
    changed = slice(begin, begin + n)
    event[changed] = np.where(place >= n_ref, INSERTION, np.where(place >= n_alt, DELETION, SUBSTITUTION))
    # Alleles of unequal length may agree in a base.
    both = begin + np.flatnonzero(place < min(n_ref, n_alt))
    event[both[ref.codes[ref_at[both]] == alt.codes[alt_at[both]]]] = MATCH
    kept = (ref_index >= 0) | (alt_index >= 0)
    return Alignment(ref=ref_index[kept], alt=alt_index[kept], event=event[kept])


def _in_window(position: Ints, start: int, length: int) -> Ints:
    """Window positions of positions in the wider sequence; -1 for those outside the window and for gaps."""
    inside = (position >= start) & (position < start + length)
    return np.where(inside, position - start, -1)
