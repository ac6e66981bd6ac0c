"""Where the bins of a window lie: against a slow reading of the rule, and the networks' own crop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core.errors import ConfigError
from decima_tracks.window import Bins, place_bins


def place(**changes: Any) -> Bins:
    return place_bins("model 'm'", **{"seq_len": 2048, "step": 128, "width": 32, "configured": 32, **changes})


def test_the_published_models() -> None:
    borzoi = place(seq_len=524_288, configured=6144)
    assert (borzoi.cropped, borzoi.start) == (6144, 163_840)
    enformer = place(seq_len=196_608, width=128, configured=896)
    assert (enformer.cropped, enformer.start) == (896, 40_960)


@given(data=st.data(), steps=st.integers(1, 12), width=st.sampled_from([16, 32, 64, 128]))
def test_bins_are_those_that_overlap_what_was_asked_for(data: st.DataObject, steps: int, width: int) -> None:
    total = steps * 128 // width
    cropped = data.draw(st.sampled_from([n for n in range(1, total + 1) if (total - n) % 2 == 0]))
    offset = (total - cropped) // 2
    start = data.draw(st.integers(offset * width, (offset + cropped) * width - 1))
    end = data.draw(st.integers(start + 1, (offset + cropped) * width))
    found = place(seq_len=steps * 128, width=width, bins=cropped, start=start, end=end)
    network = list(range(total))[offset : total - offset]  # the bins that the network's own crop leaves
    overlapping = [b for b in network if b * width < end and (b + 1) * width > start]
    assert network[found.first : found.last] == overlapping
    assert found.start == overlapping[0] * width


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seq_len": 2000}, r"must be a multiple of 128 bases, and 2,000 is not; give -O model\.seq_len=1920\."),
        ({"seq_len": 5}, r"give -O model\.seq_len=128\."),
        (
            {"configured": 66},
            r"2,048 bases has 64 bins of 32 bases, and its config\.json asks for 66 of model 'm'; give",
        ),
        ({"bins": 66}, r"and the option model\.bins asks for 66 of model 'm'"),
        ({"configured": -2}, r"its config\.json asks for -2"),
        ({"bins": 31}, r"31 bins cannot lie in the middle of the 64 .*; give -O model\.bins=32\."),
        ({"start": 511}, r"The positions 511 to 1,536 .* are not within 512 to 1,536, what model 'm' predicts"),
        ({"end": 1537}, r"are not within 512 to 1,536"),
        ({"start": 1536}, r"are not within 512 to 1,536"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        place(**changes)


def test_all_bins() -> None:
    assert place(configured=-1).cropped == 64
