"""What the peak caller finds: signs, edges, thresholds, order."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import find_peaks
from support import DATA, needs_real_data

from decima_core import Attribution, AttributionError, OptionError, PeakCaller, Registry
from decima_scipy_peaks import ScipyOptions, create

REAL = DATA / "gata2_attributions.npz"

# Sums of whole numbers are exact, and so are their products with powers of two.
tracks = hnp.arrays(np.float32, st.integers(1, 120), elements=st.integers(-50, 50).map(float))


def attribution(track):
    values = np.zeros((4, len(track)), dtype=np.float32)
    values[np.arange(len(track)) % 4, np.arange(len(track))] = track
    return Attribution(gene="G", values=values)


def call(track, **options):
    return create(ScipyOptions(**options)).call(attribution(np.asarray(track, dtype=np.float32)))


def spikes(length, at):
    track = np.zeros(length)
    for position, height in at.items():
        track[position] = height
    return track


def noise(length=2_000, seed=0):
    return np.random.default_rng(seed).normal(size=length).astype(np.float32)


def as_rows(peaks):
    return list(zip(peaks.position.tolist(), peaks.height.tolist(), strict=True))


def test_it_is_a_peak_caller_known_by_name():
    assert isinstance(Registry.discover().create("peaks", "scipy"), PeakCaller)


# --- agreement with scipy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_settings_of_the_original_function_give_its_peaks(seed):
    values = np.random.default_rng(seed).normal(scale=0.1, size=(4, 3_000)).astype(np.float32)
    peaks = create(ScipyOptions(height=0.1, distance=6, number=None)).call(Attribution(gene="G", values=values))
    expected, found = find_peaks(values.sum(0), height=0.1, distance=6)
    inside = (peaks.position >= 6) & (peaks.position < 2_994)
    order = np.argsort(peaks.position[inside])
    expected_inside = (expected >= 6) & (expected < 2_994)
    np.testing.assert_array_equal(peaks.position[inside][order], expected[expected_inside])
    np.testing.assert_array_equal(peaks.height[inside][order], found["peak_heights"][expected_inside])


@settings(max_examples=150, deadline=None)
@given(tracks, st.integers(1, 20), st.integers(0, 20), st.one_of(st.none(), st.integers(0, 30)))
def test_peaks_are_those_of_scipy_in_a_window_with_low_surroundings(track, distance, height, prominence):
    padded = np.concatenate([[track.min()], track, [track.min()]])
    expected, _ = find_peaks(padded, height=max(height, 1e-9), distance=distance, prominence=prominence)
    peaks = call(track, height=height, distance=distance, prominence=prominence, number=None)
    assert sorted(peaks.position.tolist()) == (expected - 1).tolist()


@pytest.mark.parametrize("distance", [1, 2, 6, 40, 2**31])
@pytest.mark.parametrize("height", [0.0, 0.1, float(np.float32(0.1)), 1.5, 3.0, 9.0])
def test_cutting_short_what_lies_below_changes_no_peak(distance, height):
    """Real numbers, plateaus and ties, at thresholds that keep most bases, few, one or none."""
    rng = np.random.default_rng(int(10 * height) + distance)
    track = np.repeat(rng.normal(size=3_000), rng.integers(1, 4, 3_000)).astype(np.float32)
    track[rng.integers(0, len(track), 400)] = np.float32(0.1)
    track[rng.integers(0, len(track), 3)] = 9
    padded = np.concatenate([[track.min()], track, [track.min()]])
    expected, _ = find_peaks(padded, height=max(height, 1e-9), distance=distance)
    peaks = call(track, height=height, distance=distance, number=None)
    np.testing.assert_array_equal(np.sort(peaks.position), expected - 1)


# --- scale, shift, reversal, sign -------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(tracks, st.integers(-60, 60), st.sampled_from(["positive", "negative", "both"]))
def test_scaling_the_track_scales_the_heights_and_nothing_else(track, exponent, sign):
    one = call(track, sign=sign)
    other = call(np.ldexp(track, exponent), sign=sign)
    np.testing.assert_array_equal(one.position, other.position)
    np.testing.assert_array_equal(np.ldexp(one.height, exponent), other.height)


@pytest.mark.parametrize("factor", [1e-30, 1e-3, 0.1, 3, 1e6, 1e30])
def test_scaling_real_numbers_keeps_the_peaks(factor):
    track = noise() + spikes(2_000, {300: 20, 900: 15, 1_500: 12})
    assert call(track * factor).position.tolist() == call(track).position.tolist() == [300, 900, 1_500]


@settings(max_examples=100, deadline=None)
@given(tracks)
def test_the_negative_peaks_are_the_positive_ones_of_the_negated_track(track):
    negative, positive = call(track, sign="negative"), call(-track, sign="positive")
    np.testing.assert_array_equal(negative.position, positive.position)
    np.testing.assert_array_equal(negative.height, -positive.height)


@settings(max_examples=100, deadline=None)
@given(tracks)
def test_both_signs_are_the_two_together(track):
    both = call(track, sign="both", number=None)
    parts = [call(track, sign=sign, number=None) for sign in ("positive", "negative")]
    assert sorted(as_rows(both)) == sorted(as_rows(parts[0]) + as_rows(parts[1]))
    assert all((part.sign == sign).all() for part, sign in zip(parts, (1, -1), strict=True))


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(1, 41)), st.integers(30, 60), st.integers(30, 60))
def test_shifting_the_track_shifts_the_peaks(order, left, right):
    track = np.array(order, dtype=float) ** 3
    one = call(np.concatenate([np.zeros(30), track, np.zeros(30)]), number=None)
    other = call(np.concatenate([np.zeros(left), track, np.zeros(right)]), number=None)
    np.testing.assert_array_equal(one.position + left - 30, other.position)
    np.testing.assert_array_equal(one.start + left - 30, other.start)


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(-30, 31)), st.sampled_from(["positive", "negative", "both"]))
def test_reversing_the_track_reverses_the_peaks(order, sign):
    track = np.array(order, dtype=float) ** 3
    one, other = (call(t, sign=sign, z=1, flank=3, number=None) for t in (track, track[::-1]))
    if sign == "both":  # a height and its negative may trade places
        assert sorted(one.position.tolist()) == sorted((60 - other.position).tolist())
        return
    np.testing.assert_array_equal(one.position, 60 - other.position)
    np.testing.assert_array_equal(one.start, 61 - other.end)
    np.testing.assert_array_equal(one.height, other.height)


# --- edges and plateaus -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 50, 98, 99])
def test_a_summit_is_found_wherever_it_lies(at):
    peaks = call(spikes(100, {at: 2}))
    assert as_rows(peaks) == [(at, 2)]
    assert (peaks.start[0], peaks.end[0]) == (max(0, at - 9), min(100, at + 10))


@pytest.mark.parametrize("at", [0, 99])
def test_a_summit_at_the_edge_has_a_prominence(at):
    assert as_rows(call(spikes(100, {at: 2}), prominence=2)) == [(at, 2)]
    assert len(call(spikes(100, {at: 2}), prominence=2.1)) == 0


def test_the_summit_of_a_plateau_is_its_middle():
    track = spikes(100, dict.fromkeys([*range(5), *range(40, 44), *range(97, 100)], 3))
    assert sorted(call(track).position.tolist()) == [2, 41, 98]


@pytest.mark.parametrize("value", [0, 1, -1, 1e-30])
@pytest.mark.parametrize("length", [1, 2, 3, 100])
@pytest.mark.parametrize("options", [{}, {"height": 0}, {"sign": "both"}, {"sign": "negative", "height": 0.5}])
def test_a_flat_track_has_no_peaks(value, length, options):
    peaks = call(np.full(length, value), **options)
    assert (len(peaks), peaks.length) == (0, length)


def test_a_window_without_bases_has_no_peaks():
    assert len(call([])) == 0


@pytest.mark.parametrize("length", [2, 3, 5, 50, 51, 52, 5_000])
def test_the_one_base_that_is_not_zero_is_a_peak(length):
    for at in {0, length // 2, length - 1}:
        for height, sign in ((1e-20, "positive"), (-7, "negative"), (3, "both"), (-3, "both")):
            assert as_rows(call(spikes(length, {at: height}), sign=sign)) == [(at, pytest.approx(height))]


# --- order, number, distance, height ----------------------------------------------------------------------------------


def test_the_strongest_come_first_and_ties_go_by_position():
    track = spikes(200, {20: 1, 60: -3, 100: 2, 140: 3, 180: -1})
    assert as_rows(call(track, sign="both")) == [(60, -3), (140, 3), (100, 2), (20, 1), (180, -1)]
    assert call(track, sign="both", number=3).position.tolist() == [60, 140, 100]
    assert as_rows(call(track)) == [(140, 3), (100, 2), (20, 1)]
    assert as_rows(call(track, sign="negative")) == [(60, -3), (180, -1)]


def test_many_equal_peaks_are_ordered_by_position():
    at = list(range(10, 1_000, 10))
    peaks = call(spikes(1_000, {i: (-1) ** (i // 30) for i in at}), sign="both", number=None)
    assert peaks.position.tolist() == at


def test_ten_are_kept_unless_all_are_wanted():
    track = spikes(1_000, {i: i for i in range(20, 1_000, 20)})
    assert call(track).position.tolist() == list(range(980, 780, -20))
    assert len(call(track, number=None)) == 49


@pytest.mark.parametrize(("apart", "found"), [(5, 1), (6, 2), (7, 2)])
def test_of_two_near_summits_the_larger_stays(apart, found):
    track = spikes(100, {50: 2, 50 + apart: 3})
    assert call(track).position.tolist() == [50 + apart, 50][:found]
    # A trough is no rival of a summit.
    assert len(call(spikes(100, {50: 2, 50 + apart: -3}), sign="both")) == 2


def test_height_is_absolute_and_inclusive():
    track = spikes(100, {20: 0.5, 50: -0.5, 80: 0.25})
    assert call(track, height=0.5, sign="both").position.tolist() == [20, 50]
    assert call(track, height=0.25, sign="both").position.tolist() == [20, 50, 80]
    assert len(call(track, height=0.51, sign="both")) == 0


def test_a_peak_has_the_sign_that_was_asked_for():
    track = np.full(100, -5.0)
    track[30], track[60] = -1, 0
    for options in ({}, {"height": 0}, {"z": 0}):
        assert len(call(track, **options)) == 0


def test_prominence_counts_from_the_surroundings():
    track = spikes(100, dict.fromkeys(range(20, 60), 4) | {30: 10, 45: 5})
    assert call(track, height=1).position.tolist() == [30, 45]
    assert call(track, height=1, prominence=2).position.tolist() == [30]


@pytest.mark.parametrize("flank", [0, 1, 9, 500])
def test_the_extent_is_clipped_to_the_window(flank):
    peaks = call(spikes(100, {3: 2, 50: 1, 99: 3}), flank=flank)
    np.testing.assert_array_equal(peaks.start, np.maximum(0, peaks.position - flank))
    np.testing.assert_array_equal(peaks.end, np.minimum(100, peaks.position + flank + 1))


# --- input and options ------------------------------------------------------------------------------------------------


def test_the_input_is_untouched_and_the_answer_always_the_same():
    given_values = attribution(noise())
    before = given_values.values.copy()
    caller = create(ScipyOptions(sign="both", z=2))
    one, other = caller.call(given_values), caller.call(given_values)
    np.testing.assert_array_equal(given_values.values, before)
    assert as_rows(one) == as_rows(other)


def test_nan_never_reaches_the_caller():
    with pytest.raises(AttributionError, match="NaN"):
        call([0, np.nan, 1])


def test_a_sum_that_overflows_is_refused():
    values = np.full((4, 10), 3e38, dtype=np.float32)
    with pytest.raises(AttributionError, match="'G' are too large"):
        create(ScipyOptions()).call(Attribution(gene="G", values=values))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sign", "up"),
        ("height", -0.1),
        ("z", -1),
        ("prominence", -1),
        ("distance", 0),
        ("number", 0),
        ("flank", -1),
        ("height", "high"),
        ("distance", 1.5),
    ],
)
def test_a_wrong_option_is_named(name, value):
    with pytest.raises(OptionError, match=f"'{name}' of peak caller 'scipy' must be"):
        Registry.discover().create("peaks", "scipy", **{name: value})


def test_announcing_imports_nothing_heavy():
    code = (
        "import sys, decima_scipy_peaks; list(decima_scipy_peaks.decima_peak_callers()); "
        "print([m for m in ('numpy', 'h5py', 'scipy', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_real_data
def test_real_attributions():
    with np.load(REAL) as data:
        projected = data["attributions"] * data["one_hot"]
    for values in projected:
        found = create(ScipyOptions(number=None)).call(Attribution(gene="G", values=values))
        assert 20 <= len(found) <= 60
        assert found.position[0] == values.sum(0).argmax()
        scaled = create(ScipyOptions(number=None)).call(Attribution(gene="G", values=values * np.float32(2**-10)))
        np.testing.assert_array_equal(found.position, scaled.position)
