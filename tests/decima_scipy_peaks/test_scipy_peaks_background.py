"""The scale from which peaks must stand out: sparse and dense tracks, outliers, noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decima_core import Attribution
from decima_scipy_peaks import ScipyOptions, create
from decima_scipy_peaks.background import REACH, background

tracks = hnp.arrays(np.float32, st.integers(1, 200), elements=st.sampled_from([0, 0, 0, 1, -1, 2, -3, 7]).map(float))


def positions(track, **options):
    values = np.zeros((4, len(track)), dtype=np.float32)
    values[2] = track
    return sorted(create(ScipyOptions(**options)).call(Attribution(gene="G", values=values)).position.tolist())


def normal(length, seed=0):
    return np.random.default_rng(seed).normal(size=length).astype(np.float32)


def plain_background(track):
    """The definition, base by base."""
    on = np.flatnonzero(track)
    if on.size == 0:
        return 0.0, 0.0
    near = [i for i in range(len(track)) if np.abs(on - i).min() <= REACH]

    def median(values):
        values = sorted(values)
        return min(values[(len(values) - 1) // 2], values[len(values) // 2], key=abs)

    centre = median(track[near].tolist())
    return centre, 1.4826 * median(np.abs(track[near].astype(float) - centre).tolist())


@settings(max_examples=200, deadline=None)
@given(tracks)
def test_background_is_what_its_definition_says(track):
    assert background(track) == pytest.approx(plain_background(track))


@pytest.mark.parametrize("gap", [0, 1, REACH, REACH + 1, 2 * REACH, 2 * REACH + 1, 90])
@pytest.mark.parametrize("width", [REACH - 10, REACH, REACH + 1, 2 * REACH + 1])
@pytest.mark.parametrize("margin", [0, 10, REACH, 60])
def test_zeros_count_up_to_their_reach(gap, width, margin):
    run = np.arange(1, width + 1)
    track = np.concatenate([np.zeros(margin), run, np.zeros(gap), run + 0.5, np.zeros(margin)])
    assert background(track) == pytest.approx(plain_background(track))


@settings(max_examples=100, deadline=None)
@given(tracks, st.integers(-40, 40), st.sampled_from([1, -1]))
def test_background_follows_the_track_when_scaled(track, exponent, sign):
    factor = sign * 2.0**exponent
    centre, spread = background(track)
    assert background(track * np.float32(factor)) == (factor * centre, abs(factor) * spread)


def test_spread_of_normal_noise_is_its_standard_deviation():
    centre, spread = background(3 * normal(100_000))
    assert centre == pytest.approx(0, abs=0.05)
    assert spread == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize("outside", [0, 500_000])
def test_zeros_outside_the_receptive_field_change_little(outside):
    inside = normal(2_000) + 0
    inside[[300, 900, 1_500]] = 12
    track = np.concatenate([np.zeros(outside), inside, np.zeros(outside)]).astype(np.float32)
    assert background(track)[1] == pytest.approx(1, rel=0.1)
    assert positions(track) == [outside + 300, outside + 900, outside + 1_500]


@pytest.mark.parametrize("outlier", [1e3, 1e6, 1e30])
@pytest.mark.parametrize("dense", [True, False])
def test_one_outlier_hides_nothing(outlier, dense):
    track = normal(2_000) if dense else np.zeros(2_000, dtype=np.float32)
    track[[300, 900, 1_500]] = 12
    quiet = positions(track)
    track[1_200] = outlier
    assert quiet == [300, 900, 1_500]
    assert positions(track) == [300, 900, 1_200, 1_500]


@pytest.mark.parametrize("heights", [(1, 1, 1), (1, 2, 3), (1e-6, 1, 1e6), (5, 5)])
@pytest.mark.parametrize("apart", [6, 30, 200])
def test_a_few_spikes_on_exact_zero_are_all_found(heights, apart):
    track = np.zeros(1_000)
    at = [100 + apart * i for i in range(len(heights))]
    track[at] = heights
    assert positions(track) == at


@pytest.mark.parametrize("width", [1, 2, 5, 19, 49])
@pytest.mark.parametrize("shape", ["flat", "tent"])
def test_a_broad_summit_on_exact_zero_is_found(width, shape):
    track = np.zeros(1_000)
    track[300 : 300 + width] = 1 if shape == "flat" else 1 + np.minimum(np.arange(width), np.arange(width)[::-1])
    assert positions(track) == [300 + (width - 1) // 2]


@pytest.mark.parametrize("tiny", [1e-12, -1e-12, 1e-3, -1e-3])
@pytest.mark.parametrize("share", [0.55, 0.999])
def test_spikes_on_a_flat_floor_are_found(tiny, share):
    rng = np.random.default_rng(3)
    track = np.where(rng.random(2_000) < share, tiny, tiny * rng.uniform(0.5, 1, 2_000))
    track[[300, 900, 1_500]] = 1, 2, 3
    assert positions(track, number=3) == [300, 900, 1_500]


def test_a_track_of_one_sign_stands_on_its_median():
    track = 10 + normal(5_000)
    track[[1_000, 3_000]] = 25
    track[[2_000, 4_000]] = -5
    assert positions(track) == [1_000, 3_000]
    assert positions(track, sign="negative") == [2_000, 4_000]
    assert positions(track, sign="both") == [1_000, 2_000, 3_000, 4_000]


def test_pure_noise_in_a_long_window_has_next_to_no_peaks():
    assert sum(len(positions(normal(524_288, seed), number=None)) for seed in range(4)) <= 4


def test_z_is_the_threshold_in_standard_deviations():
    track = normal(20_000)
    centre, spread = background(track)
    for z in (2.0, 3.0):
        found = positions(track, z=z, number=None, distance=1)
        assert all(track[i] > centre + z * spread for i in found)
        high = np.flatnonzero(track > centre + z * spread)
        assert set(found) <= set(high.tolist())
        assert len(found) > 0.8 * len(high)
