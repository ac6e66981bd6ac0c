"""How fast a run goes, in words."""

from __future__ import annotations

import pytest

from decima_core.pace import Pace, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (90 * 60, "90 min"),
        (2 * 3600, "2 h"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (53 * 3600, "2 d 5 h"),
        (72 * 3600, "3 d"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_was_done_before_does_not_count_as_speed() -> None:
    now = iter([0.0, 0.0, 2.0, 4.0, 40.0])
    pace = Pace(20, 10, now=lambda: next(now))
    assert str(pace) == "10 of 20 done"
    pace.step()
    assert str(pace) == "11 of 20 done, 30.0 a minute, about 18 s left"
    for _ in range(7):
        pace.step()
    assert str(pace) == "18 of 20 done, 2.0 a second, about 1 s left"
    for _ in range(2):
        pace.step()
    assert str(pace) == "20 of 20 done, 15.0 a minute"
