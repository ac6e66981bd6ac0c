"""What runs in the processes of a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
from distributed import Worker, WorkerPlugin, get_worker

from decima_core.workers.payload import Payload
from decima_core.workers.place import Place, torch_threads
from decima_core.workers.protocol import Work
from decima_core.workers.reply import Reply, reply_of

# One name at a time, however many threads the worker has: a model and the random generators belong to the process.
_AT_WORK = threading.Lock()


@attrs.frozen
class Task:
    """A run, as every task carries it; small, for a model and data are named in it, not held.

    ``token`` tells runs apart; ``folder`` is where the run was started; without ``threads`` a worker's own number is taken.
    """

    token: str
    payload: Payload
    folder: str
    threads: int | None


@attrs.frozen
class DaskReply:
    """What a worker answers: the reply to a name, and before it, where the work had to be made, the reply to that.

    Without a reply to the name the work could not be made.
    """

    worker: str
    reply: Reply | None = None
    making: Reply | None = None


@attrs.define
class _Made:
    """The run that this process works for, its work, and how making it failed, if it did."""

    task: Task
    work: Work | None = None
    failed: Reply | None = None
    over: bool = False

    def make(self) -> Reply | None:
        """Make the work; the reply to that, or None where there is one already."""
        if self.work is not None:
            return None
        if self.failed is None:
            reply = reply_of(self._make)
            if reply.raised is None:
                return reply
            self.failed = reply
        return self.failed

    def _make(self) -> None:
        with contextlib.chdir(self.task.folder):
            self.work = self.task.payload.unpack()()

    def close(self) -> None:
        if self.work is not None:
            with contextlib.chdir(self.task.folder):
                self.work.close()
            self.work = None


# One at most: what a run leaves behind whose main process was killed must not take memory from the next one.
_made: list[_Made] = []


@attrs.frozen
class Call:
    """A call of a function, made where this is unpickled.

    A worker that cannot unpickle a task's function or arguments dies of it. So Dask is given bytes, and told to unpickle
    them: where decima_core is absent, that task fails, and no more.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def answer(task: Task, name: str) -> DaskReply:
    """Do a run's work for one name, in a worker."""
    worker = get_worker()
    with _AT_WORK:
        made = _of(task)
        try:
            with torch_threads(task.threads or worker.state.nthreads):
                making = made.make()
                if made.work is None:
                    return DaskReply(worker.address, making=making)
                # Told before the work begins: if the process dies of it, the main process knows on what.
                worker.log_event(topic(task.token), {"name": name, "worker": worker.address, "pid": os.getpid()})
                # Relative paths mean what they mean where the run was started.
                with contextlib.chdir(task.folder):
                    reply = reply_of(partial(made.work, name))
                return DaskReply(worker.address, reply, making)
        finally:
            if made.over:
                made.close()


def _of(task: Task) -> _Made:
    if not _made or _made[0].task.token != task.token:
        while _made:
            _made.pop().close()
        _made.append(_Made(task))
    return _made[0]


def forget(token: str) -> None:
    """The run is over: close its work, at once or, where it is at a name still, after that. Called in Dask's thread."""
    for made in [m for m in _made if m.task.token == token]:
        made.over = True
        if _AT_WORK.acquire(blocking=False):
            try:
                made.close()
                _made.remove(made)
            finally:
                _AT_WORK.release()


def topic(token: str) -> str:
    """The topic of Dask's events on which workers tell what they begin."""
    return f"decima-core-{token}"


class OwnCluster(WorkerPlugin):  # type: ignore[misc]  # distributed is typed in part alone
    """Settles the workers of a cluster of our own, whose names are 0, 1, ..., in their places."""

    def __init__(self, places: list[Place]) -> None:
        self._places = places

    def setup(self, worker: Worker) -> None:
        """Called by Dask as the worker begins."""
        self._places[int(worker.name)].take()
        # Ctrl-C reaches every process of a terminal; the main one ends the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
