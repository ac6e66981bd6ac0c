"""Where sites are looked for: windows around summits, and the whole window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core.scanning.regions import NearSummits, Stretch, WholeWindow


def allowed_plainly(summits: list[int], window: int | None, width: int, length: int) -> dict[int, list[int]]:
    """Start -> peaks whose window holds the whole site, or whose summit it covers, straight from the rule."""
    places: dict[int, list[int]] = {}
    for peak, summit in enumerate(summits):
        if window is None:
            for start in range(length - width + 1):
                if start <= summit < start + width:
                    places.setdefault(start, []).append(peak)
            continue
        reach = max(window, width)
        low = max(0, summit - reach // 2)
        high = min(length, summit - reach // 2 + reach)
        for start in range(low, high - width + 1):
            places.setdefault(start, []).append(peak)
    return places


@given(
    length=st.integers(1, 120),
    window=st.none() | st.integers(1, 50),
    width=st.integers(1, 40),
    data=st.data(),
    with_n=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_near_summits_follows_the_rule(length: int, window: int | None, width: int, data: Any, with_n: bool) -> None:
    summits = data.draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=8))
    codes = np.array(data.draw(st.lists(st.integers(0, 4 if with_n else 3), min_size=length, max_size=length)), np.int8)
    width = min(width, length)
    region = NearSummits(summits=np.array(summits), window=window)
    plain = allowed_plainly(summits, window, width, length)

    without_n = [start for start in plain if not (codes[start : start + width] == 4).any()]
    assert region.tests(Stretch.of(codes), width) == len(without_n)

    starts = np.arange(length - width + 1)
    site, peak = region.assign(starts, np.full(len(starts), width))
    got: dict[int, list[int]] = {}
    for s, p in zip(starts[site].tolist(), peak.tolist(), strict=True):
        got.setdefault(s, []).append(p)
    assert {s: sorted(p) for s, p in got.items()} == plain

    low, high = region.spans(length, width)
    covered = {start for a, b in zip(low.tolist(), high.tolist(), strict=True) for start in range(a, b - width + 1)}
    assert set(plain) <= covered
    assert (low[1:] > high[:-1]).all()


@given(length=st.integers(1, 60), width=st.integers(1, 30), data=st.data())
@settings(max_examples=200, deadline=None)
def test_whole_window_gives_each_site_its_nearest_summit(length: int, width: int, data: Any) -> None:
    summits = data.draw(st.lists(st.integers(0, length - 1), max_size=6))
    width = min(width, length)
    region = WholeWindow(summits=np.array(summits, dtype=np.int64))
    starts = np.arange(length - width + 1)
    site, peak = region.assign(starts, np.full(len(starts), width))
    assert site.tolist() == starts.tolist()
    for start, got in zip(starts.tolist(), peak.tolist(), strict=True):
        middle = start + (width - 1) / 2
        inside = [(abs(s - middle), i) for i, s in enumerate(summits) if start <= s < start + width]
        assert got == (min(inside)[1] if inside else -1)


def test_whole_window_counts_places_without_n() -> None:
    region = WholeWindow(summits=np.array([], dtype=np.int64))
    assert region.tests(Stretch.of(np.array([0, 1, 2, 3, 0], np.int8)), 2) == 4
    assert region.tests(Stretch.of(np.array([0, 1, 4, 3, 0], np.int8)), 2) == 2
    assert region.tests(Stretch.of(np.array([4], np.int8)), 1) == 0


@pytest.mark.parametrize(("window", "places"), [(4, 1), (5, 2), (6, 3), (7, 4)])
def test_an_odd_window_stays_odd(scan: Callable[..., Any], consensus: Any, window: int, places: int) -> None:
    hits = scan("A" * 40, [20], motifs={"m": consensus("AAAA")}, window=window, p_threshold=0.01, both_strands=False)
    assert len(hits) == places
    assert hits.start.min() == 20 - window // 2
    assert hits.end.max() == 20 - window // 2 + window


@pytest.mark.parametrize("summit", [0, 1, 5, 38, 39])
def test_windows_near_an_edge_are_clipped(scan: Callable[..., Any], consensus: Any, summit: int) -> None:
    hits = scan("A" * 40, [summit], motifs={"m": consensus("AAAA")}, window=12, p_threshold=0.01, both_strands=False)
    low, high = max(0, summit - 6), min(40, summit + 6)
    assert sorted(hits.start.tolist()) == list(range(low, high - 3))


def test_a_motif_wider_than_the_window_widens_it(scan: Callable[..., Any], consensus: Any) -> None:
    word = "ACGTTGCATGCCATGACCTGATCGA"  # 25 bases, the window has 10
    sequence = "T" * 40 + word + "T" * 40
    motifs = {"wide": consensus(word), "narrow": consensus("TGCC")}
    options = {"motifs": motifs, "window": 10, "p_threshold": 0.005}
    at_its_middle = scan(sequence, [40 + 12], **options)
    assert at_its_middle.motif_id.tolist() == ["wide", "narrow"]
    assert at_its_middle.start.tolist() == [40, 48]
    # The narrow motif's window is not widened, and the wide one's holds exactly one site a strand.
    assert "wide" not in scan(sequence, [40 + 13], **options).motif_id
    assert "narrow" not in scan(sequence, [40 + 20], **options).motif_id


def test_a_wide_motif_that_the_edge_cuts_is_no_hit(scan: Callable[..., Any], consensus: Any) -> None:
    sequence = "ACGTTGCATGCC" + "T" * 40
    motifs = {"wide": consensus("ACGTTGCATGCC")}
    assert len(scan(sequence, [6], motifs=motifs, window=4)) == 1
    assert len(scan(sequence, [5], motifs=motifs, window=4)) == 0


def test_region_summits_finds_sites_that_cover_a_summit_also_at_the_edges(
    scan: Callable[..., Any], consensus: Any
) -> None:
    options = {"motifs": {"m": consensus("AAAA")}, "region": "summits", "p_threshold": 0.01, "both_strands": False}
    assert scan("A" * 40, [20], **options).start.tolist() == [17, 18, 19, 20]
    assert scan("A" * 40, [0], **options).start.tolist() == [0]
    assert scan("A" * 40, [39], **options).start.tolist() == [36]
    two = scan("A" * 40, [20, 22], **options)
    assert [s for s, p in zip(two.start, two.peak, strict=True) if p == 1] == [19, 20, 21, 22]
