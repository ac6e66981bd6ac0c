"""Finds every site of every motif at or below the p-value threshold, exactly.

lightmotif's SIMD scanner proposes candidates; each is then judged in whole numbers. The matrices given to lightmotif
are such that it cannot miss one: they hold losses negated, each capped one above the motif's threshold ``T`` (a site
with such a base is no hit whatever its other bases), N included, so that all sums are whole numbers that float32 holds
exactly; the candidate threshold lies between ``-T`` and ``-T - 1``, lowered where sums grow beyond float32's reach.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lightmotif.lib import ScoringMatrix, scan, stripe

from decima_core import Sites, Strand, StrandSet
from decima_core.sequence import BASES, Codes, decode

Ints = npt.NDArray[np.int64]

_FLOAT32_EPSILON = float(np.finfo(np.float32).eps)
# Rows scored together by lightmotif; any value gives the same candidates.
_BLOCK = 1024


class SiteFinder:
    """Finds the sites of one strand set. Picklable: what lightmotif holds is left out and made again."""

    def __init__(self, strand_set: StrandSet) -> None:
        self.strand_set = strand_set
        self._matrices: list[tuple[int, ScoringMatrix, float]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"strand_set": self.strand_set}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.strand_set = state["strand_set"]
        self._matrices = None

    def find(self, codes: Codes) -> Sites:
        """All hits in a sequence ``(L,)`` of base codes; a site that overlaps an N is never one."""
        if self._matrices is None:
            self._matrices = [
                (k, _matrix(strand), _candidate_threshold(strand))
                for k, strand in enumerate(self.strand_set.strands)
                if strand.threshold >= 0
            ]
        sequence = stripe(decode(codes))
        found: list[Ints] = []
        which: list[int] = []
        for k, matrix, threshold in self._matrices:
            if self.strand_set.strands[k].width > len(codes):
                break  # strands are ordered by width
            hits = [hit.position for hit in scan(matrix, sequence, threshold=threshold, block_size=_BLOCK)]
            if hits:
                which.append(k)
                found.append(np.sort(np.array(hits, dtype=np.int64)))
        if not found:
            return Sites.none()
        strand = np.repeat(np.array(which, dtype=np.int64), [len(f) for f in found])
        return self.strand_set.hits(codes, strand, np.concatenate(found))


def _matrix(strand: Strand) -> ScoringMatrix:
    cap = strand.threshold + 1
    capped = -np.minimum(strand.losses, cap).astype(np.float64)
    rows = dict(zip(BASES, capped.tolist(), strict=True))
    return ScoringMatrix({**rows, "N": [-float(cap)] * strand.width})


def _candidate_threshold(strand: Strand) -> float:
    worst_sum = strand.width * (strand.threshold + 1)
    rounding = worst_sum * strand.width * _FLOAT32_EPSILON if worst_sum >= 1 << 24 else 0.0
    return -(strand.threshold + 0.5 + rounding)
