"""Reads the next gene in a thread while this one is computed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Read = TypeVar("Read")


class ReadAhead(Generic[Read]):
    """``with ReadAhead(read) as ahead: ahead.get(name, following)`` returns ``read(name)``, and begins to read ``following``.

    There is one thread, at most one name is read ahead, and nothing is read by two threads at once. What ``read`` raises is raised
    when its name is asked for. On leaving, what is being read is waited for, and the rest is not begun.
    """

    def __init__(self, read: Callable[[str], Read]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._next: tuple[str, Future[Read]] | None = None

    def get(self, name: str, following: str | None = None) -> Read:
        """``read(name)``; the thread then begins with ``following``, if there is one."""
        begun, self._next = self._next, None
        if begun is not None and begun[0] == name:
            found = begun[1].result()
        else:
            if begun is not None:
                # Something else is asked for than was announced: the thread is to be done with that first.
                begun[1].exception()
            found = self._read(name)
        if following is not None:
            self._next = following, self._thread.submit(self._read, following)
        return found

    def close(self) -> None:
        """End the thread. What was read ahead and never asked for is dropped, errors too."""
        self._next = None
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
