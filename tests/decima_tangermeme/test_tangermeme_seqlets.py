"""Recursive seqlets: tangermeme called directly, both signs, outliers, noise, sparse tracks."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decima_core import Attribution, Peaks
from decima_core.testing.samples import attribution, bumps

pytest.importorskip("tangermeme", reason="tangermeme is not installed: pip install 'decima-core[tangermeme]'")

from numba.core.dispatcher import Dispatcher
from tangermeme.seqlet import recursive_seqlets

from decima_tangermeme import compiled
from decima_tangermeme.noise import clipped, control, seen
from decima_tangermeme.options import SeqletOptions
from decima_tangermeme.seqlets import RecursiveSeqlets

LENGTH = 2_000


def call(track: np.ndarray, **options: Any) -> Peaks:
    return RecursiveSeqlets(SeqletOptions(**options)).call(attribution(track))


def spans(peaks: Peaks) -> set[tuple[int, int]]:
    return set(zip(peaks.start.tolist(), peaks.end.tolist(), strict=True))


@pytest.fixture(scope="module")
def track() -> np.ndarray:
    return bumps(LENGTH, (300, 900, 1_500, 1_700), (1.0, -1.3, 0.9, -0.8), noise=0.1)


@pytest.mark.parametrize("flank", [0, 5])
@pytest.mark.parametrize("threshold", [0.01, 1e-4])
def test_equals_tangermeme_called_directly(track: np.ndarray, threshold: float, flank: int) -> None:
    how = {"threshold": threshold, "min_seqlet_len": 5, "max_seqlet_len": 20}
    exact = track.astype(np.float64)
    direct = {}
    for sign in (1, -1):
        table = recursive_seqlets(sign * exact[None], additional_flanks=flank, **how)
        for row in table.itertuples(index=False):
            direct[(row.start, row.end, sign)] = (row[4], sign * row.attribution)
    ours = call(track, threshold=threshold, clip=None, flank=flank, min_length=5, max_length=20)
    rows = zip(ours.start, ours.end, ours.sign, ours.extra["p_value"], ours.extra["attribution"], strict=True)
    found = {(start, end, sign): (p, total) for start, end, sign, p, total in rows}
    assert found.keys() == direct.keys()
    assert len(found) == len(ours) >= 4
    for key, (p, total) in found.items():
        assert p == direct[key][0]
        assert total == pytest.approx(direct[key][1], abs=1e-9)


def test_columns_mean_what_they_say(track: np.ndarray) -> None:
    peaks = call(track, threshold=0.01, flank=2)
    assert set(peaks.extra) == {"p_value", "attribution"}
    assert (np.diff(np.abs(peaks.height)) <= 0).all()
    for i in range(len(peaks)):
        span = track[peaks.start[i] : peaks.end[i]].astype(np.float64)
        assert peaks.extra["attribution"][i] == pytest.approx(span.sum())
        inner = peaks.sign[i] * track[peaks.start[i] + 2 : peaks.end[i] - 2]
        assert peaks.position[i] == peaks.start[i] + 2 + inner.argmax()
        assert peaks.height[i] == pytest.approx(track[peaks.position[i]])
    assert (peaks.extra["p_value"] < 0.01).all()


def test_both_signs_are_those_of_each_and_mirror(track: np.ndarray) -> None:
    both, up, down = (call(track, sign=sign) for sign in ("both", "positive", "negative"))
    assert spans(up) | spans(down) == spans(both)
    assert len(up) + len(down) == len(both)
    assert (up.height > 0).all()
    assert (down.height < 0).all()
    turned = call(-track, sign="both")
    assert spans(turned) == spans(both)
    assert np.allclose(turned.height, -both.height)
    for centre in (300, 900, 1_500, 1_700):
        assert any(start < centre < end for start, end in spans(both))


def test_what_stands_out_below_zero_raises_nothing() -> None:
    """A window of nothing but negative attribution has no positive seqlet, though part of it is less negative."""
    track = np.random.default_rng(0).normal(-5, 0.1, LENGTH)
    track[500:512] += 3
    assert len(recursive_seqlets(track[None])) > 0
    assert len(call(track, threshold=0.01, sign="positive")) == 0


def test_outliers_hide_nothing_but_did(track: np.ndarray) -> None:
    found = spans(call(track, threshold=1e-4))
    spoilt = track.copy()
    spoilt[1_900] = 1e6
    assert len(spans(call(spoilt, threshold=1e-4, clip=None)) & found) < len(found)
    still = call(spoilt, threshold=1e-4)
    for centre in (300, 900, 1_500, 1_700):
        assert any(start < centre < end for start, end in spans(still))


def test_pure_noise_has_hundreds_at_a_p_value_and_few_at_a_false_discovery_rate() -> None:
    rng = np.random.default_rng(1)
    windows = [rng.normal(size=LENGTH) for _ in range(20)]
    assert np.mean([len(call(w, threshold=0.01)) for w in windows]) > 10
    assert np.mean([len(call(w)) for w in windows]) < 1


def test_a_single_seqlet_in_a_long_window_is_found() -> None:
    track = np.random.default_rng(2).normal(size=200_000)
    track[150_000:150_012] -= 5
    (start, end), *more = sorted(spans(call(track)), key=lambda span: abs(span[0] - 150_000))
    assert start < 150_006 < end
    assert len(more) < 3


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_scale_does_not_matter(track: np.ndarray, factor: float) -> None:
    here, there = call(track), call((track.astype(np.float64) * factor).astype(np.float32))
    assert here.position.tolist() == there.position.tolist()
    assert len(here) >= 4


def test_zeros_where_nothing_was_looked_at_do_not_matter(track: np.ndarray) -> None:
    """Mutagenesis of a part of a window leaves the rest at zero: the seqlets are those of the part."""
    long = np.zeros(50_000, np.float32)
    long[20_000 : 20_000 + LENGTH] = track
    longer = np.zeros(90_000, np.float32)
    longer[60_000 : 60_000 + LENGTH] = track
    here, there = call(long), call(longer)
    assert {(s - 20_000, e - 20_000) for s, e in spans(here)} == {(s - 60_000, e - 60_000) for s, e in spans(there)}
    assert len(here) >= 4
    # All of the part would stand out from 48,000 zeros.
    assert (here.end - here.start).sum() < LENGTH // 4


def test_the_number_kept_is_that_of_the_lowest_p_values(track: np.ndarray) -> None:
    everything, few = call(track, threshold=0.01), call(track, threshold=0.01, number=3)
    assert len(few) == 3
    assert set(few.extra["p_value"]) == set(np.sort(everything.extra["p_value"])[:3])
    assert spans(few) < spans(everything)


@pytest.mark.parametrize("length", [1, 3, 4, 10, 30])
def test_short_windows(length: int) -> None:
    for options in ({}, {"threshold": 0.5}):
        peaks = call(np.random.default_rng(length).normal(size=length), **options)
        assert peaks.length == length


# A few values only, so that ties, zeros and runs are common; one pool of lengths keeps numba's work small.
TRACKS = hnp.arrays(np.float32, st.sampled_from([6, 25, 60]), elements=st.sampled_from([0, 0, 1, -1, 2, -3, 1e6]))


@settings(deadline=None, max_examples=60)
@given(TRACKS, st.sampled_from([None, 0.1, 1.0]), st.sampled_from([None, 0.001, 0.3]), st.integers(0, 4))
def test_any_track_gives_peaks_that_keep_their_promises(
    track: np.ndarray, threshold: float | None, clip: float | None, flank: int
) -> None:
    peaks = call(track, threshold=threshold, clip=clip, flank=flank)
    assert (peaks.height * peaks.sign > 0).all()
    assert (peaks.extra.get("p_value", np.zeros(0)) <= 1).all()
    assert len({*zip(peaks.position.tolist(), peaks.sign.tolist(), strict=True)}) == len(peaks)


def test_clipping_goes_by_rank() -> None:
    track = np.array([0.0, 1, -2, 3, 0, -1000, 4, 0])
    assert clipped(track, 0.001).tolist() == [0, 1, -2, 3, 0, -4, 4, 0]
    assert clipped(track, 0.3).tolist() == [0, 1, -2, 3, 0, -3, 3, 0]
    assert clipped(np.zeros(4), 0.5).tolist() == [0] * 4
    assert clipped(np.array([0.0, 5.0]), 0.001).tolist() == [0, 5]


def test_the_part_that_was_seen() -> None:
    track = np.zeros(50)
    assert seen(track, 10) == slice(0, 0)
    track[[20, 30]] = 1
    assert seen(track, 5) == slice(15, 36)
    assert seen(track, 25) == slice(0, 50)


def test_the_control_holds_the_same_values_in_one_order_for_all() -> None:
    track = np.random.default_rng(3).normal(size=5_000)
    drawn = control(track, 0.1)
    assert drawn.size >= 2**20
    assert np.array_equal(np.sort(drawn, axis=1), np.tile(np.sort(track), (len(drawn), 1)))
    assert np.array_equal(control(np.roll(track, 99), 0.1), drawn)
    assert len({row.tobytes() for row in drawn}) == len(drawn)
    assert len(control(np.ones(2**20), 0.05)) == 20, "one seqlet and an empty control are 1/20"


def test_without_a_folder_for_the_cache_it_compiles_anew_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(Dispatcher, "enable_caching", refuse)
    compiled.recursive_seqlets_compiled.cache_clear()
    with caplog.at_level(logging.INFO, logger="decima_tangermeme"):
        assert compiled.recursive_seqlets_compiled() is recursive_seqlets
    assert "no locator available" in caplog.text
    compiled.recursive_seqlets_compiled.cache_clear()


def test_every_compiled_function_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(Dispatcher, "enable_caching", lambda self: kept.append(self.py_func.__name__))
    compiled.recursive_seqlets_compiled.cache_clear()
    compiled.recursive_seqlets_compiled()
    compiled.recursive_seqlets_compiled.cache_clear()
    assert {"_recursive_seqlet_null", "_recursive_seqlet_decode_fields", "_recursive_seqlet_counts"} <= set(kept)


def test_the_gene_is_named_where_its_attributions_are_too_large() -> None:
    from decima_core.errors import AttributionError

    values = np.full((4, 30), 3e38, np.float32)
    with pytest.raises(AttributionError, match="gene 'SPI1' are too large"):
        RecursiveSeqlets(SeqletOptions()).call(Attribution(gene="SPI1", values=values))
