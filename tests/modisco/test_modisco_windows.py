"""Windows around peaks: every summit is in one, no score is in two, and the edges are N."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core.modisco.windows import Window, around_peaks, whole


@given(st.lists(st.integers(0, 999), unique=True, min_size=1, max_size=40), st.integers(50, 300))
def test_every_summit_has_its_score_in_exactly_one_window(summits: list[int], half: int) -> None:
    windows = around_peaks(summits, 2 * half, 1000)
    used = np.zeros(1000, dtype=int)
    for window in windows:
        assert window.width == 2 * half
        assert window.peak in summits
        assert window.start == window.peak - half
        assert max(0, window.start) <= window.first <= window.peak < window.last <= min(1000, window.start + 2 * half)
        used[window.first : window.last] += 1
    assert used.max() == 1
    assert used[summits].all()
    near = np.min([np.abs(np.arange(1000) - w.peak + 0.5) for w in windows], axis=0)
    assert used[near < half].all(), "nothing within half a width of a kept summit is left out"


def test_the_strongest_summit_of_a_quarter_of_the_width_has_the_window() -> None:
    windows = around_peaks([500, 525, 474, 600], 100, 1000)
    assert [w.peak for w in windows] == [474, 500, 600]
    assert windows == [
        Window(424, 100, 424, 488, 474),  # 487 is as near to both: the left one has it
        Window(450, 100, 488, 550, 500),
        Window(550, 100, 550, 650, 600),
    ]


def test_beyond_the_gene_window_there_is_no_base_and_no_score() -> None:
    one_hot = np.eye(4, dtype=np.float32)[np.arange(120) % 4].T
    scores = np.arange(480, dtype=np.float32).reshape(4, 120) + 1
    (window,) = around_peaks([10], 100, 120)
    bases, cut = window.bases(one_hot), window.scores(scores)
    assert bases.shape == cut.shape == (4, 100)
    assert not bases[:, :40].any()
    assert np.array_equal(bases[:, 40:], one_hot[:, :60])
    assert np.array_equal(cut[:, 40:], scores[:, :60])
    (window,) = around_peaks([119], 100, 120)
    assert np.array_equal(window.bases(one_hot)[:, :51], one_hot[:, 69:])
    assert not window.scores(scores)[:, 51:].any()


def test_where_windows_overlap_the_bases_stay_and_the_scores_are_shared() -> None:
    one_hot = np.eye(4, dtype=np.float32)[np.arange(300) % 4].T
    scores = np.ones((4, 300), dtype=np.float32)
    left, right = around_peaks([100, 140], 100, 300)
    assert np.array_equal(left.bases(one_hot), one_hot[:, 50:150])
    assert left.scores(scores)[0].sum() + right.scores(scores)[0].sum() == 140


@pytest.mark.parametrize(("length", "width"), [(120, 120), (121, 122)])
def test_whole_windows_have_an_even_number_of_bases(length: int, width: int) -> None:
    assert whole(length) == [Window(0, width, 0, length)]
    one_hot = np.ones((4, length), dtype=np.float32)
    assert whole(length)[0].bases(one_hot).sum() == 4 * length
