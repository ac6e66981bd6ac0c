"""What runs in the processes of a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from functools import partial

import attrs
from distributed import Worker, WorkerPlugin, get_worker

from decima_core.workers.payload import Payload
from decima_core.workers.place import Place, torch_threads
from decima_core.workers.protocol import Work
from decima_core.workers.reply import Reply, reply_of

# One name at a time, however many threads the worker has: a model and the random generators belong to the process.
_AT_WORK = threading.Lock()
_RUNS: dict[str, _Run] = {}


@attrs.frozen
class DaskReply:
    """What a worker answers: the reply to a name, and before it, where the work had to be made, the reply to that.

    Without a reply to the name the work could not be made.
    """

    worker: str
    reply: Reply | None = None
    making: Reply | None = None


@attrs.define
class _Run:
    payload: Payload
    folder: str
    place: Place
    work: Work | None = None
    failed: Reply | None = None
    over: bool = False

    def make(self) -> Reply | None:
        """Make the work; the reply to that, or None where there is one already."""
        if self.work is not None:
            return None
        if self.failed is None:
            reply = reply_of(self._make)
            if self.work is not None:
                return reply
            self.failed = reply
        return self.failed

    def _make(self) -> None:
        self.work = self.payload.unpack()()

    def close(self) -> None:
        if self.work is not None:
            self.work.close()
            self.work = None


class RunPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed is not typed here
    """Brings a run to every worker, also to those that join later; the work is made there with the first name.

    ``places`` has one for each worker of a cluster of our own, whose names are 0, 1, ...; elsewhere it is empty.
    """

    def __init__(self, token: str, payload: Payload, folder: str, threads: int | None, places: list[Place]) -> None:
        self.name = f"decima-core-{token}"
        self._token = token
        self._payload = payload
        self._folder = folder
        self._threads = threads
        self._places = places

    def setup(self, worker: Worker) -> None:
        """Called by Dask as the worker begins."""
        if self._places:
            place = self._places[int(worker.name)]
            place.take()
            # Ctrl-C reaches every process of a terminal; the main one ends the others.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        else:
            place = Place(threads=self._threads or worker.state.nthreads)
        _RUNS[self._token] = _Run(self._payload, self._folder, place)

    def teardown(self, worker: Worker) -> None:
        """Called by Dask when the run is over; where the worker is at a name still, it closes the work after that."""
        run = _RUNS.pop(self._token, None)
        if run is not None:
            run.over = True
            if _AT_WORK.acquire(blocking=False):
                try:
                    run.close()
                finally:
                    _AT_WORK.release()


def answer(token: str, name: str) -> DaskReply:
    """Do a run's work for one name; the task that is given to Dask."""
    worker = get_worker()
    with _AT_WORK:
        run = _RUNS[token]
        try:
            # Relative paths mean what they mean where the run was started.
            with contextlib.chdir(run.folder), torch_threads(run.place.threads):
                making = run.make()
                if run.work is None:
                    return DaskReply(worker.address, making=making)
                # Told before the work begins: if the process dies of it, the main process knows on what.
                worker.log_event(topic(token), {"name": name, "worker": worker.address, "pid": os.getpid()})
                return DaskReply(worker.address, reply_of(partial(run.work, name)), making)
        finally:
            if run.over:
                run.close()


def topic(token: str) -> str:
    """The topic of Dask's events on which workers tell what they begin."""
    return f"decima-core-{token}"
