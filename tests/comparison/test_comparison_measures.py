"""Each measure in closed form, and what holds of it for any two results."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr

from decima_core import Attribution, AttributionError, MotifHits, Peaks
from decima_core.comparison.measures import (
    MEASURES,
    UNDEFINED,
    hits_jaccard,
    names,
    pair_peaks,
    peaks_found,
    peaks_jaccard,
    rank_correlation,
    ranks,
    same_name,
)

LENGTH = 200


def track(values: list[float]) -> Attribution:
    rows = np.zeros((4, len(values)), dtype=np.float32)
    rows[1] = values
    return Attribution(gene="G", values=rows)


def peaks_at(positions: list[int], heights: list[float] | None = None) -> Peaks:
    """Peaks in the order given, which is that of their rank."""
    at = np.array(positions, dtype=np.int64)
    heights = heights or [1.0] * len(positions)
    return Peaks(position=at, start=at, end=at + 1, height=heights, length=LENGTH)


def hits_of(rows: list[tuple[str, int, str, int]], p_value: list[float] | None = None, **columns: Any) -> MotifHits:
    """Hits ``(motif, start, strand, peak)`` eight bases wide, named as their motif."""
    motif, start, strand, peak = ([row[i] for row in rows] for i in range(4))
    given = {
        "motif_name": motif,
        "score": [1.0] * len(rows),
        "p_value": p_value or [1e-5] * len(rows),
        "q_value": [1.0] * len(rows),
        "site_attr_score": [1.0] * len(rows),
        "motif_attr_score": [1.0] * len(rows),
        **columns,
    }
    end = [s + 8 for s in start]
    return MotifHits(motif_id=motif, start=start, end=end, strand=strand, peak=peak, length=LENGTH, **given)


def correlation(first: list[float], second: list[float]) -> float:
    return rank_correlation(ranks(track(first)), ranks(track(second)))


def jaccard(first: Peaks, second: Peaks, top: int = 10, distance: int = 5) -> float:
    return peaks_jaccard(first, second, top, pair_peaks(first, second, top, distance))


# --- tracks -----------------------------------------------------------------------------------------------------------

numbers = st.integers(-3, 3)  # few values, so many ties
two_tracks = st.integers(2, 30).flatmap(
    lambda n: st.tuples(*[st.lists(numbers, min_size=n, max_size=n).map(lambda v: [float(x) for x in v])] * 2)
)


def test_rank_correlation_in_closed_form() -> None:
    assert correlation([1, 2, 3, 4], [10, 20, 30, 4000]) == 1
    assert correlation([1, 2, 3, 4], [-1, -2, -3, -400]) == -1
    # 1 - 6 * sum d^2 / (n (n^2 - 1)) without ties: d = 0, 1, 1, 0
    assert correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / 60)
    # With ties, Pearson's on mean ranks 1.5, 1.5, 3 and 1, 2.5, 2.5.
    assert correlation([0, 0, 1], [0, 1, 1]) == pytest.approx(0.5)


@given(two_tracks)
def test_rank_correlation_is_scipys_symmetric_and_blind_to_scale(pair: tuple[list[float], list[float]]) -> None:
    first, second = pair
    value = correlation(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert math.isnan(value)
        return
    assert value == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)
    assert value == correlation(second, first)
    assert correlation(first, first) == 1
    assert correlation([1e-3 * x for x in first], second) == value


def test_tracks_are_the_sum_over_bases() -> None:
    spread = Attribution(gene="G", values=np.array([[1, 0, 0], [0, 2, 0], [0, 0, 1], [0, 0, 2]]))
    assert rank_correlation(ranks(spread), ranks(track([1, 2, 3]))) == 1


def test_tracks_of_two_windows_are_refused() -> None:
    with pytest.raises(AttributionError, match="Tracks of 3 and 2 positions"):
        correlation([1, 2, 3], [1, 2])


# --- peaks ------------------------------------------------------------------------------------------------------------

some_peaks = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([1.0, -1.0])), max_size=8).map(
    lambda rows: peaks_at([p for p, _ in rows], [h for _, h in rows])
)


def test_peaks_in_closed_form() -> None:
    reference, other = peaks_at([50, 100, 150]), peaks_at([55, 106, 10])
    assert pair_peaks(reference, other, 10, 5) == ((0, 0),)
    assert peaks_found(reference, other, 10, 5) == pytest.approx(1 / 3)
    assert jaccard(reference, other) == pytest.approx(1 / 5)
    assert jaccard(reference, other, distance=6) == pytest.approx(2 / 4)
    assert jaccard(reference, other, distance=4) == 0
    # Only the highest count: of the first one each, and of the first two.
    assert peaks_found(reference, other, 1, 5) == jaccard(reference, other, top=1) == 1
    assert peaks_found(reference, other, 2, 5) == 1 / 2


def test_one_peak_may_be_found_for_two_but_is_paired_with_one() -> None:
    reference, other = peaks_at([50, 54]), peaks_at([52])
    assert peaks_found(reference, other, 10, 5) == 1
    assert jaccard(reference, other) == 1 / 2


def test_a_trough_is_no_peak() -> None:
    up, down = peaks_at([50]), peaks_at([50], [-1.0])
    assert peaks_found(up, down, 10, 5) == jaccard(up, down) == 0


def test_as_many_pairs_as_can_be_and_of_those_the_nearest() -> None:
    # The nearest pair first would take 6 and 5, and leave 0 and 14 alone.
    assert pair_peaks(peaks_at([0, 6]), peaks_at([5, 14]), 10, 8) == ((0, 0), (1, 1))
    # One pair either way: the nearer.
    assert pair_peaks(peaks_at([0, 10]), peaks_at([10]), 10, 10) == ((1, 0),)
    # Row numbers are those of the records, whatever the order along the window.
    assert pair_peaks(peaks_at([90, 10]), peaks_at([12, 88]), 10, 5) == ((1, 0), (0, 1))


def test_peaks_that_are_equally_near_do_not_depend_on_who_is_first() -> None:
    one, two = peaks_at([50]), peaks_at([45, 55])
    assert pair_peaks(one, two, 10, 5) == tuple((j, i) for i, j in pair_peaks(two, one, 10, 5))


def test_no_peaks() -> None:
    none, some = Peaks.empty(LENGTH), peaks_at([5])
    assert math.isnan(jaccard(none, none))
    assert math.isnan(peaks_found(none, some, 10, 5))
    assert peaks_found(some, none, 10, 5) == jaccard(some, none) == jaccard(none, some) == 0


def test_thousands_of_peaks_are_paired_at_once() -> None:
    at = np.arange(0, 200_000, 40)
    many, moved = (Peaks(position=p, start=p, end=p + 1, height=np.ones(len(p)), length=200_010) for p in (at, at + 10))
    assert pair_peaks(many, moved, 5_000, 10) == tuple((i, i) for i in range(5_000))


@given(some_peaks, some_peaks, st.integers(0, 20), st.integers(1, 8))
def test_pairs_are_the_most_there_can_be_the_nearest_and_symmetric(
    first: Peaks, second: Peaks, distance: int, top: int
) -> None:
    pairs = pair_peaks(first, second, top, distance)
    assert sorted((j, i) for i, j in pairs) == sorted(pair_peaks(second, first, top, distance))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    a, b = (p.position[:top] for p in (first, second))
    allowed = np.abs(a[:, None] - b[None, :]) <= distance
    allowed &= first.sign[:top][:, None] == second.sign[:top][None, :]
    assert all(allowed[pair] for pair in pairs)
    # A pair that is not allowed costs more than all that are.
    apart = np.where(allowed, np.abs(a[:, None] - b[None, :]), 1_000)
    rows, columns = linear_sum_assignment(apart)
    best = [int(apart[i, j]) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]
    assert len(pairs) == len(best)
    assert sum(int(apart[pair]) for pair in pairs) == sum(best)


@given(some_peaks)
def test_peaks_agree_with_themselves_and_not_with_distant_ones(peaks: Peaks) -> None:
    far = peaks_at((peaks.position + 100).tolist(), peaks.height.tolist())
    if len(peaks):
        assert jaccard(peaks, peaks) == peaks_found(peaks, peaks, 10, 5) == 1
        assert jaccard(peaks, far) == peaks_found(peaks, far, 10, 5) == 0
    pairs = pair_peaks(peaks, peaks, 10, 5)
    assert len(pairs) == len(peaks)
    assert all(peaks.position[i] == peaks.position[j] and peaks.sign[i] == peaks.sign[j] for i, j in pairs)


# --- motifs -----------------------------------------------------------------------------------------------------------

some_hits = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 3), st.sampled_from("+-"), st.integers(-1, 1)), max_size=8
).map(hits_of)


def test_hits_in_closed_form() -> None:
    mine = hits_of([("A", 10, "+", 0), ("B", 10, "+", 0), ("A", 20, "-", 1)])
    theirs = hits_of([("A", 10, "+", 3), ("B", 10, "-", 0), ("A", 21, "-", 1)])
    assert (
        hits_jaccard(mine, theirs, 1e-4) == 1 / 5
    )  # another strand or start is another site; the peak's number is nothing
    assert hits_jaccard(mine, mine, 1e-4) == 1


def test_hits_count_at_equal_thresholds_and_under_peaks_alone() -> None:
    mine = hits_of([("A", 10, "+", 0), ("B", 10, "+", 0), ("A", 90, "+", -1)], p_value=[1e-5, 5e-4, 1e-5])
    theirs = hits_of([("A", 10, "+", 0)])
    assert hits_jaccard(mine, theirs, 1e-4) == 1
    assert hits_jaccard(mine, theirs, 1e-3) == 1 / 2
    assert math.isnan(hits_jaccard(mine, theirs, 1e-6))


def test_a_site_under_two_peaks_counts_once() -> None:
    twice = hits_of([("A", 10, "+", 0), ("A", 10, "+", 1), ("B", 30, "+", 1)])
    assert hits_jaccard(twice, hits_of([("A", 10, "+", 0)]), 1e-4) == 1 / 2


@given(some_hits, some_hits)
def test_hits_are_symmetric_and_bounded(first: MotifHits, second: MotifHits) -> None:
    value = hits_jaccard(first, second, 1e-4)
    again = hits_jaccard(second, first, 1e-4)
    assert value == again or (math.isnan(value) and math.isnan(again))
    assert math.isnan(value) or 0 <= value <= 1
    own = hits_jaccard(first, first, 1e-4)
    assert own == 1 or (math.isnan(own) and not (first.peak >= 0).any())


def test_names_are_those_of_the_peaks_table() -> None:
    peaks = peaks_at([12, 50], [3.0, 2.0])
    hits = hits_of([("A", 10, "+", 0), ("B", 10, "+", 0)], motif_attr_score=[1.0, 2.0])
    assert names(peaks, hits) == ("B", None)


def test_same_name_in_closed_form() -> None:
    pairs = ((0, 0), (1, 1), (2, 2), (3, 3))
    assert same_name(("A", "B", None, None), ("A", "C", "D", None), pairs) == 1 / 3
    assert same_name(("A", "B"), ("B", "A"), ((0, 1), (1, 0))) == 1
    assert math.isnan(same_name((None,), (None,), ((0, 0),)))
    assert math.isnan(same_name(("A",), ("A",), ()))


def test_each_measure_says_why_it_may_be_undefined() -> None:
    assert tuple(UNDEFINED) == MEASURES
