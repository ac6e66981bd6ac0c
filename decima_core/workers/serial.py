"""The executor without workers: this process, one name after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from decima_core.workers.place import torch_threads
from decima_core.workers.protocol import Build, Work


class Serial:
    """Does the work in this process, in order. ``threads`` is torch's number of threads meanwhile; None leaves it."""

    def __init__(self, build: Build, *, threads: int | None = None) -> None:
        self._build = build
        self._threads = threads
        self._work: Work | None = None

    def results(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Each name with what the work returned. What it raises passes through."""
        with torch_threads(self._threads):
            self._work = self._build()
            for name in names:
                yield name, self._work(name)

    def facts(self) -> dict[str, Any]:
        """Nothing: there are no workers."""
        return {}

    def close(self) -> None:
        """Close the work."""
        if self._work is not None:
            self._work.close()
            self._work = None

    def __enter__(self) -> Serial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
