"""How alike two results for one gene are: pure functions on records.

Every measure is 1 where the two are the same and 0 (the rank correlation: -1 at the least) where they have nothing in common. NaN
stands for undefined; each measure has one reason for that, in :data:`UNDEFINED`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.errors import AttributionError
from decima_core.naming import best_hits
from decima_core.records import Attribution, MotifHits, Peaks

Ranks = npt.NDArray[np.float64]
Pairs = tuple[tuple[int, int], ...]

# Why a measure has no value for a gene.
UNDEFINED = {
    "spearman": "a track is the same at every position",
    "peaks_found": "the reference has no peak",
    "peaks_jaccard": "neither has a peak",
    "hits_jaccard": "neither has a hit under a peak",
    "same_name": "no paired peak has a name",
}


@attrs.frozen(kw_only=True)
class Agreement:
    """How alike two results for one gene are, or the mean over genes; NaN where undefined.

    Parameters
    ----------
    spearman
        :func:`rank_correlation` of the tracks.
    peaks_found
        :func:`peaks_found`: the only one that changes where the two change places.
    peaks_jaccard
        :func:`peaks_jaccard`.
    hits_jaccard
        :func:`hits_jaccard`.
    same_name
        :func:`same_name` of the paired peaks.
    """

    spearman: float
    peaks_found: float
    peaks_jaccard: float
    hits_jaccard: float
    same_name: float


MEASURES: tuple[str, ...] = tuple(field.name for field in attrs.fields(Agreement))


def ranks(attribution: Attribution) -> Ranks:
    """Ranks of the track's positions less their mean, ``(L,)``; positions of one value share the mean of their ranks."""
    from scipy.stats import rankdata

    found: Ranks = np.asarray(rankdata(attribution.track()), dtype=np.float64)
    found -= found.mean()
    return found


def rank_correlation(first: Ranks, second: Ranks) -> float:
    """Spearman's correlation over all positions of the two tracks, given their :func:`ranks`; in [-1, 1].

    NaN where a track is the same at every position.

    Raises
    ------
    AttributionError
        If the tracks differ in length.
    """
    if first.shape != second.shape:
        raise AttributionError(
            f"Tracks of {len(first):,} and {len(second):,} positions cannot be compared; both must be of one window."
        )
    size = math.sqrt(float(first @ first) * float(second @ second))
    return float(np.clip(first @ second / size, -1, 1)) if size > 0 else math.nan


def pair_peaks(first: Peaks, second: Peaks, top: int, distance: int) -> Pairs:
    """The ``top`` highest peaks of both, paired one to one, as pairs of row numbers from upstream to downstream.

    Two peaks may be a pair if their summits lie at most ``distance`` bases apart and have the same sign. There are as many pairs
    as can be, and among such pairings the one with the least sum of distances. Who is first does not matter.
    """
    pairs = []
    for sign in (1, -1):
        rows = [_rows_of_sign(peaks, sign, top) for peaks in (first, second)]
        for mine, theirs in _neighbourhoods(first.position[rows[0]], second.position[rows[1]], distance):
            a, b = rows[0][mine], rows[1][theirs]
            places = _pair_places(first.position[a].tolist(), second.position[b].tolist(), distance)
            pairs += [(int(a[i]), int(b[j])) for i, j in places]
    return tuple(sorted(pairs, key=lambda pair: int(first.position[pair[0]])))


def _rows_of_sign(peaks: Peaks, sign: int, top: int) -> npt.NDArray[np.int64]:
    """Rows of the ``top`` highest peaks that have this sign, from upstream to downstream."""
    rows = np.flatnonzero(peaks.sign[:top] == sign)
    return rows[np.argsort(peaks.position[rows], kind="stable")]


def _neighbourhoods(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], distance: int
) -> Iterable[tuple[slice, slice]]:
    """Stretches of two sorted lists of places that are more than ``distance`` from the next, so that no pair spans two."""
    places = np.sort(np.concatenate([first, second]))
    starts = places[1:][np.diff(places) > distance]
    cuts = zip(np.searchsorted(first, starts).tolist(), np.searchsorted(second, starts).tolist(), strict=True)
    for (i, j), (next_i, next_j) in itertools.pairwise([(0, 0), *cuts, (len(first), len(second))]):
        yield slice(i, next_i), slice(j, next_j)


def _pair_places(first: list[int], second: list[int], distance: int) -> list[tuple[int, int]]:
    """Sorted places paired as :func:`pair_peaks` says. On a line some best pairing has no two pairs that cross, so an
    alignment of the two lists finds one."""
    # best[i][j]: most pairs, then least distance (negative), of the first i and the first j places.
    best = [[(0, 0)] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            paired = _with_pair(best[i][j], a, b, distance)
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], paired or (0, 0))
    pairs, i, j = [], len(first), len(second)
    while i and j:
        a, b = first[i - 1], second[j - 1]
        if best[i][j] == _with_pair(best[i - 1][j - 1], a, b, distance):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        # Where either may be passed over, the one further downstream is, so that the order of the two lists has no say.
        elif best[i][j] == best[i - 1][j] and (a >= b or best[i][j] != best[i][j - 1]):
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _with_pair(before: tuple[int, int], a: int, b: int, distance: int) -> tuple[int, int] | None:
    apart = abs(a - b)
    return (before[0] + 1, before[1] - apart) if apart <= distance else None


def peaks_found(reference: Peaks, other: Peaks, top: int, distance: int) -> float:
    """Share of the reference's ``top`` highest peaks that have one of the other's ``top`` within ``distance`` bases, of the same
    sign; here one peak of the other may serve several. NaN where the reference has none."""
    mine, theirs = reference.position[:top], other.position[:top]
    if not len(mine):
        return math.nan
    near = np.abs(mine[:, None] - theirs[None, :]) <= distance
    alike = reference.sign[:top][:, None] == other.sign[:top][None, :]
    return float((near & alike).any(axis=1).mean())


def peaks_jaccard(first: Peaks, second: Peaks, top: int, pairs: Pairs) -> float:
    """Pairs of :func:`pair_peaks` over all peaks that they and the unpaired ones are; NaN where neither has a peak."""
    every = min(len(first), top) + min(len(second), top) - len(pairs)
    return len(pairs) / every if every else math.nan


def hits_jaccard(first: MotifHits, second: MotifHits, p_value: float) -> float:
    """Hits under a peak that both have, over those that either has: the same matrix at the same start on the same strand.

    Only hits with a p-value of at most ``p_value`` count, a site under two peaks once. NaN where neither has one.
    """
    mine, theirs = _sites(first, p_value), _sites(second, p_value)
    either = mine | theirs
    return len(mine & theirs) / len(either) if either else math.nan


def _sites(hits: MotifHits, p_value: float) -> set[tuple[str, int, str]]:
    counted = (hits.peak >= 0) & (hits.p_value <= p_value)
    columns = (hits.motif_id[counted], hits.start[counted].tolist(), hits.strand[counted])
    return {(str(motif), start, str(strand)) for motif, start, strand in zip(*columns, strict=True)}


def names(peaks: Peaks, hits: MotifHits) -> tuple[str | None, ...]:
    """What each peak is called (``best_motif_name`` of the peaks table); None where it has no name."""
    return tuple(str(hits.motif_name[row]) if row >= 0 else None for row in best_hits(hits, peaks).tolist())


def same_name(first: tuple[str | None, ...], second: tuple[str | None, ...], pairs: Pairs) -> float:
    """Share of the paired peaks that have one name, of those that either gives a name; NaN where there is none."""
    named = [(first[i], second[j]) for i, j in pairs if first[i] is not None or second[j] is not None]
    return sum(a == b for a, b in named) / len(named) if named else math.nan
