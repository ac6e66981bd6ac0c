"""Whose turn it is: the names that wait, and those whose worker died."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

from decima_core.workers.deaths import Death, lost
from decima_core.workers.protocol import TRIES, Lost

_NOTHING = object()


class Turns:
    """Hands out names. One whose worker died comes again at once, then once more at the end, alone, and then is lost.

    A worker is promised the name after the one it gets, so that it can read it meanwhile; where no other is left, whoever is free gets
    a promised one. Names are taken from their iterable as they are handed out or promised. That the last try is made with no other worker beside it
    tells a name that needs more memory than there is from one that needs more than its share.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = iter(names)
        self._promised: dict[Hashable, str] = {}
        self._again: deque[str] = deque()
        self._alone: deque[str] = deque()
        self._deaths: dict[str, int] = {}
        self._next: object = next(self._names, _NOTHING)

    @property
    def waiting(self) -> bool:
        """Whether a name waits that may be worked on beside others."""
        return bool(self._again or self._promised) or self._next is not _NOTHING

    @property
    def waiting_alone(self) -> bool:
        """Whether a name waits for its last try."""
        return bool(self._alone)

    def take(self, worker: Hashable) -> tuple[str, str | None]:
        """The next name for a worker, of those that may be worked on beside others; and the one it is promised after that, if there is
        one."""
        if self._again:
            name = self._again.popleft()
        elif worker in self._promised:
            name = self._promised.pop(worker)
        elif self._next is not _NOTHING:
            name = self._from_names()
        else:
            _, name = self._promised.popitem()
        if worker not in self._promised and self._next is not _NOTHING:
            self._promised[worker] = self._from_names()
        return name, self._promised.get(worker)

    def _from_names(self) -> str:
        assert isinstance(self._next, str)
        name, self._next = self._next, next(self._names, _NOTHING)
        return name

    def take_alone(self) -> str:
        """The next name for its last try."""
        return self._alone.popleft()

    def died(self, name: str, death: Death, worker: Hashable) -> Lost | None:
        """A worker died while it worked on ``name``: lost, or None where it is tried again."""
        if (promised := self._promised.pop(worker, None)) is not None:
            # Perhaps it died of reading this one ahead: from now on nobody does.
            self._again.append(promised)
        deaths = self._deaths[name] = self._deaths.get(name, 0) + 1
        if deaths >= TRIES:
            return lost(death, deaths)
        (self._alone if deaths == TRIES - 1 else self._again).append(name)
        return None
