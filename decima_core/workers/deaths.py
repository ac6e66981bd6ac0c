"""How a worker process died, in words."""

from __future__ import annotations

import signal

import attrs

from decima_core.workers.protocol import Lost


@attrs.frozen
class Death:
    """A process that ended unasked. ``code`` is its exit status, or the negative number of the signal that killed it."""

    pid: int
    code: int

    @property
    def by_itself(self) -> bool:
        """Whether it ended by itself, and was not killed."""
        return self.code >= 0

    def __str__(self) -> str:
        return f"ended by itself (exit status {self.code})" if self.by_itself else f"was killed (signal {-self.code})"


def lost(death: Death, times: int) -> Lost:
    """A name is given up, for its workers died ``times`` times, at last in the way of ``death``."""
    guess = "compiled code crashes on it, most likely"
    if death.by_itself:
        guess = "something calls exit"
    elif death.code == -signal.SIGTERM:
        guess = "somebody, or a scheduler, ended it"
    elif hasattr(signal, "SIGKILL") and death.code == -signal.SIGKILL:
        guess = "memory ran out, most likely"
    return Lost(f"Its worker process {death} {times} times, the last time with no other beside it; {guess}.")
