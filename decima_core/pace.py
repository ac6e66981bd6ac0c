"""How fast a run goes, and when it will be done."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Counts genes; ``done`` of ``total`` were done before."""

    def __init__(self, total: int, done: int = 0, now: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done = total, done
        self._before, self._now, self._started = done, now, now()

    def step(self) -> None:
        """One more is done."""
        self.done += 1

    @property
    def _per_second(self) -> float:
        """Genes a second since it began; 0 before one is done."""
        spent = self._now() - self._started
        return (self.done - self._before) / spent if spent > 0 else 0.0

    @property
    def rate(self) -> str:
        """``3.2 a second``; empty before one is done."""
        return _rate(self._per_second)

    def __str__(self) -> str:
        """``12 of 18,457 done, 3.2 a second, about 1 h 36 min left``; how fast is not told before one is done."""
        text, rate = f"{self.done:,} of {self.total:,} done", self._per_second
        if not rate:
            return text
        left = (self.total - self.done) / rate
        return f"{text}, {_rate(rate)}" + (f", about {duration(left)} left" if self.done < self.total else "")


def _rate(per_second: float) -> str:
    if not per_second:
        return ""
    return f"{per_second:.1f} a second" if per_second >= 1 else f"{60 * per_second:.1f} a minute"


def duration(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 20 min`` or ``2 d 5 h``."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
