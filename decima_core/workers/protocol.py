"""What an executor is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol

import attrs

TRIES = 3  # a name whose worker died so often is lost


class Work(Protocol):
    """What is done for each name, in one process: ``work(name)`` returns anything that can be pickled.

    ``following`` is the name that most likely comes next there, where that is known: it may be prepared meanwhile.
    """

    def __call__(self, name: str, following: str | None = None, /) -> Any: ...

    def close(self) -> None: ...


Build = Callable[[], Work]


@attrs.frozen
class Lost:
    """In place of a result: the processes that worked on this name died. ``reason`` is one sentence."""

    reason: str


class Executor(Protocol):
    """Calls the work for names, in one process or many; a context manager, for one round of names."""

    def results(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Each name once with what the work returned, or with :class:`Lost`; in any order.

        Raises
        ------
        WorkerError
            If no worker can do the work: it cannot be made there, or the workers are gone.
        Exception
            What the work raised; a note tells the worker's traceback.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """What ``run.json`` says of the workers: their kind, how many, threads, and how many names were tried again."""
        ...

    def close(self) -> None:
        """End every worker at once, whatever it does."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
