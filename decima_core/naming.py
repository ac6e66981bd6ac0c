"""Which motif names a peak, of the many that match there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decima_core.records import MotifHits, Peaks


def support(hits: MotifHits, peaks: Peaks) -> npt.NDArray[np.float64]:
    """How well each hit explains its peak, ``(H,)``: -log10 p times the attribution that follows the motif.

    That attribution is the sum over the site and the bases of attribution x PPM (``motif_attr_score`` x width), counted in
    the direction of the peak. The p-value alone lets any long motif win by chance among a thousand; the attribution alone
    lets a short motif win on a single base. ``docs/decisions/0008-naming-a-peak.md`` has the comparison. Hits under no
    peak count as under a positive one.
    """
    sign = np.ones(len(hits))
    under = hits.peak >= 0
    sign[under] = peaks.sign[hits.peak[under]]
    return sign * weight(hits)


def weight(hits: MotifHits) -> npt.NDArray[np.float64]:
    """-log10 p times the attribution that follows the motif, of each hit, ``(H,)``; negative where that lowers the target."""
    carried = hits.motif_attr_score * (hits.end - hits.start)
    return np.asarray(carried * -np.log10(hits.p_value), dtype=np.float64)


def best_hits(hits: MotifHits, peaks: Peaks) -> npt.NDArray[np.int64]:
    """Index of the hit with the most :func:`support` under each peak, ``(P,)``; -1 where none has any."""
    best = np.full(len(peaks), -1, dtype=np.int64)
    value = support(hits, peaks)
    # Weakest first, so that the strongest is written last; among equals the first row, which has the lowest p-value.
    order = np.lexsort((-np.arange(len(hits)), value))
    order = order[(hits.peak[order] >= 0) & (value[order] > 0)]
    best[hits.peak[order]] = order
    return best
