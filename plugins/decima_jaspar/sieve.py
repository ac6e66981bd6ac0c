"""The sieve's tables: losses in bytes, for two or three bases at a time."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from decima_core import StrandSet

Ints = npt.NDArray[np.int64]

# A sum of bytes that reaches this stays there: no hit.
_FULL = 255


@attrs.frozen(kw_only=True, eq=False)
class Sieve:
    """Tables of the strands that can have hits.

    ``strands`` ``(K,)`` are their indices in the set; ``count`` and ``first`` ``(K,)`` say which tables are a strand's. ``table``
    ``(N, entries)`` uint8 and ``offset`` ``(N,)``, the position in the site where a table's bases begin.
    """

    strands: Ints
    count: Ints
    first: Ints
    table: npt.NDArray[np.uint8]
    offset: Ints

    @classmethod
    def of(cls, strand_set: StrandSet, *, bases: int, most: int) -> Sieve:
        """Tables for ``bases`` neighbours each, at most so many to a strand: those in which a random site loses most.

        With ``T`` the strand's threshold, a loss ``l`` is the byte ``255 l // (T + 1)``, at most 255. Losses that add up to ``T`` at
        most are bytes that add up to 254 at most, so no hit is lost; and one loss above ``T`` is enough to be none.
        """
        strands = np.flatnonzero(strand_set.threshold >= 0)
        # Begun with the tables of no strand, which are all where no strand can have a hit.
        parts = [(np.zeros((0, 1, 4**bases), dtype=np.uint8), np.zeros((0, 1), dtype=np.int64))]
        for width in np.unique(strand_set.width[strands]).tolist():
            of_width = strands[strand_set.width[strands] == width]
            rows = strand_set.row[of_width, None] + np.arange(width)
            capped = np.minimum(strand_set.losses[rows, :4], strand_set.threshold[of_width, None, None] + 1)
            parts.append(_tables(capped, strand_set.threshold[of_width] + 1, bases, most))
        count = np.concatenate([np.full(len(offset), offset.shape[1]) for _, offset in parts])
        return cls(
            strands=strands,
            count=count,
            first=np.cumsum(count) - count,
            table=np.concatenate([table.reshape(-1, 4**bases) for table, _ in parts]),
            offset=np.concatenate([offset.ravel() for _, offset in parts]),
        )


def _tables(losses: Ints, limit: Ints, bases: int, most: int) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Tables ``(K, n, entries)`` and offsets ``(K, n)`` of strands of one width, whose losses are ``(K, W, 4)``."""
    strands, width, _ = losses.shape
    groups = -(-width // bases)
    padded = np.zeros((strands, groups * bases, 4), dtype=np.int64)  # what lies beyond the site loses nothing
    padded[:, :width] = losses
    padded = padded.reshape(strands, groups, bases, 4)
    offset = np.broadcast_to(np.arange(0, groups * bases, bases), (strands, groups))
    if groups > most:
        best = np.sort(np.argsort(-padded.sum(axis=(2, 3)), axis=1, kind="stable")[:, :most], axis=1)
        offset = np.take_along_axis(offset, best, axis=1)
        padded = np.take_along_axis(padded, best[:, :, None, None], axis=1)
    total = padded[:, :, 0]
    for base in range(1, bases):  # the first base counts least in a table's index
        total = (padded[:, :, base, :, None] + total[:, :, None, :]).reshape(strands, total.shape[1], -1)
    scaled = np.minimum(_FULL * total // limit[:, None, None], _FULL)
    return scaled.astype(np.uint8), offset
