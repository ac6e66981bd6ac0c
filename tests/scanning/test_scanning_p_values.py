"""p-values against full enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core.records import Motif
from decima_core.scanning.p_values import losses_of, tail
from decima_core.scanning.strands import prepare

BACKGROUNDS = [(0.25, 0.25, 0.25, 0.25), (0.3, 0.2, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4), (0.001, 0.002, 0.003, 0.994)]


def enumerate_words(losses: np.ndarray, background: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Loss and probability of every word of the motif's width."""
    width = losses.shape[1]
    words = np.array(list(itertools.product(range(4), repeat=width)))
    return losses[words, np.arange(width)].sum(1), np.array(background)[words].prod(1)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("width", [1, 2, 5, 7])
@pytest.mark.parametrize("bin_size", [0.01, 0.1, 1.0])
def test_equals_full_enumeration(width: int, background: tuple[float, ...], bin_size: float) -> None:
    rng = np.random.default_rng(width)
    ppm = rng.dirichlet([0.4] * 4, size=width).T
    losses = losses_of(np.log2((ppm + 1e-4) / (1 + 4e-4) / np.array(background)[:, None]), bin_size)
    loss, chance = enumerate_words(losses, background)
    p = tail(losses, np.array(background), 1.0)
    assert len(p) == loss.max() + 1
    expected = [chance[loss <= most].sum() for most in range(len(p))]
    np.testing.assert_allclose(p, expected, rtol=1e-10)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 5),
    p_threshold=st.floats(1e-6, 1),
    top=st.sampled_from([1, 3, 50, 5000]),
)
@settings(max_examples=150, deadline=None)
def test_the_tail_ends_exactly_at_the_threshold(seed: int, width: int, p_threshold: float, top: int) -> None:
    rng = np.random.default_rng(seed)
    losses = rng.integers(0, top + 1, (4, width))
    losses -= losses.min(axis=0)
    background = rng.dirichlet([2] * 4)
    loss, chance = enumerate_words(losses, tuple(background))
    p = tail(losses, background, p_threshold)
    whole = np.array([chance[loss <= most].sum() for most in range(losses.max(axis=0).sum() + 1)])
    clear = np.abs(whole / p_threshold - 1) > 1e-9  # a tie on paper may fall either way in another order of summing
    below = np.flatnonzero(whole <= p_threshold)
    if clear.all():
        assert len(p) == len(below)
    np.testing.assert_allclose(p, whole[: len(p)], rtol=1e-9)
    assert (np.diff(p) >= 0).all()
    assert ((p > 0) & (p <= 1)).all()


def test_the_threshold_itself_is_a_hit() -> None:
    word = np.zeros((4, 3), dtype=np.int64)
    word[1:] = 7
    assert len(tail(word, np.full(4, 0.25), 1 / 64)) == 7  # losses 0 to 6: only the perfect word
    assert len(tail(word, np.full(4, 0.25), 1 / 65)) == 0


def test_no_information_means_p_1() -> None:
    flat = np.zeros((4, 6), dtype=np.int64)
    assert tail(flat, np.full(4, 0.25), 1.0).tolist() == [1.0]
    assert len(tail(flat, np.full(4, 0.25), 0.5)) == 0


def test_p_is_never_zero_however_rare() -> None:
    losses = np.zeros((4, 40), dtype=np.int64)
    losses[1:] = 100
    background = np.array([1e-12, 0.4, 0.3, 0.3])
    assert tail(losses, background, 1e-4)[0] > 0


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_minus_strand_has_the_p_values_of_the_complemented_background(background: tuple[float, ...]) -> None:
    ppm = np.random.default_rng(1).dirichlet([0.5] * 4, size=6).T
    settings_ = {"pseudocount": 1e-4, "bin_size": 0.01, "p_threshold": 0.01}
    plus, minus = prepare([Motif(id="m", name="m", ppm=ppm)], background=background, **settings_).strands
    assert plus.forward
    assert not minus.forward
    mirrored = prepare([Motif(id="m", name="m", ppm=ppm)], background=background[::-1], **settings_).strands[0]
    np.testing.assert_array_equal(minus.losses[::-1, ::-1], mirrored.losses)
    np.testing.assert_allclose(minus.log_odds[::-1, ::-1], mirrored.log_odds)
    np.testing.assert_allclose(minus.p_values, mirrored.p_values, rtol=1e-12)


def test_log_odds_follow_their_definition() -> None:
    ppm = np.array([[1.0, 0.5], [0, 0.5], [0, 0], [0, 0]])
    (strand,) = prepare(
        [Motif(id="m", name="m", ppm=ppm)],
        background=(0.4, 0.1, 0.1, 0.4),
        pseudocount=0.01,
        bin_size=0.01,
        p_threshold=1.0,
        both_strands=False,
    ).strands
    assert strand.log_odds[0, 0] == pytest.approx(np.log2(1.01 / 1.04 / 0.4))
    assert strand.log_odds[1, 1] == pytest.approx(np.log2(0.51 / 1.04 / 0.1))
    assert strand.log_odds[3, 0] == pytest.approx(np.log2(0.01 / 1.04 / 0.4))
