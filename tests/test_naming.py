"""A peak is named by the hit that explains it best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from decima_core import MotifHits, Peaks
from decima_core.naming import best_hits, support


def hits(*rows: tuple[int, float, int, float]) -> MotifHits:
    """Rows of (peak, p-value, width, motif_attr_score)."""
    peak, p, width, carried = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    columns: dict[str, Any] = {"motif_id": [f"M{i}" for i in range(n)], "motif_name": ["m"] * n}
    return MotifHits(
        **columns,
        start=np.zeros(n, int),
        end=width,
        strand=["+"] * n,
        score=np.ones(n),
        p_value=p,
        q_value=p,
        peak=peak,
        site_attr_score=carried,
        motif_attr_score=carried,
        length=100,
    )


def peaks(*heights: float) -> Peaks:
    n = len(heights)
    return Peaks(position=range(n), start=range(n), end=range(1, n + 1), height=heights, length=100)


def test_support_is_minus_log_p_times_the_attribution_that_follows_the_motif():
    assert support(hits((0, 1e-5, 10, 0.2)), peaks(1)) == pytest.approx([5 * 10 * 0.2])


def test_neither_the_p_value_nor_the_attribution_alone_decides():
    by_p_alone, by_both, by_attribution_alone = (0, 1e-7, 10, 0.01), (0, 1e-6, 10, 0.1), (0, 1e-4, 4, 0.2)
    assert best_hits(hits(by_p_alone, by_both, by_attribution_alone), peaks(1)).tolist() == [1]


def test_under_a_negative_peak_negative_attribution_counts():
    rows = hits((0, 1e-5, 8, 0.3), (0, 1e-5, 8, -0.3))
    assert best_hits(rows, peaks(-2)).tolist() == [1]
    assert best_hits(rows, peaks(2)).tolist() == [0]


def test_a_hit_that_the_attribution_contradicts_names_nothing():
    assert best_hits(hits((0, 1e-9, 8, -0.3), (0, 1e-4, 8, 0.0)), peaks(1)).tolist() == [-1]


def test_each_peak_has_its_own_and_peaks_and_hits_may_stand_alone():
    rows = hits((2, 1e-5, 8, 0.1), (0, 1e-5, 8, 0.1), (-1, 1e-9, 8, 9.0), (0, 1e-6, 8, 0.1))
    assert best_hits(rows, peaks(3, 2, 1)).tolist() == [3, -1, 0]
    assert best_hits(MotifHits.empty(100), peaks(1)).tolist() == [-1]
    assert best_hits(MotifHits.empty(100), Peaks.empty(100)).tolist() == []


def test_among_equals_the_first_row_wins():
    assert best_hits(hits((0, 1e-5, 8, 0.1), (0, 1e-5, 8, 0.1)), peaks(1)).tolist() == [0]
