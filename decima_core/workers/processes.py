"""Worker processes on this machine. One that dies is replaced, and what it worked on is known and tried again."""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterable, Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any

from decima_core.errors import WorkerError, sentence
from decima_core.workers.deaths import Death
from decima_core.workers.payload import pack
from decima_core.workers.place import Place, share
from decima_core.workers.process import WorkerProcess
from decima_core.workers.protocol import TRIES, Build
from decima_core.workers.reply import Repeater, Reply
from decima_core.workers.turns import Turns

logger = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds that idle workers get to close their files


class Processes:
    """``count`` processes, each with a work of its own, at one name each.

    A process gets its next name when its result has arrived, before anybody looks at that, so it waits only while results
    are written faster than they can be. Which name that will be it knows one ahead.

    Parameters
    ----------
    build
        Makes the work in each process.
    count
        How many processes.
    threads
        Threads of each; by default an equal share of the cores.
    gpus
        GPUs to share, as ``CUDA_VISIBLE_DEVICES`` names them.

    Raises
    ------
    ConfigError
        If the build cannot be pickled.
    """

    def __init__(self, build: Build, count: int, *, threads: int | None = None, gpus: tuple[str, ...] = ()) -> None:
        self._payload = pack(build)
        self._places = share(count, threads=threads, gpus=gpus)
        self._vacant: list[Place] = []
        self._workers: list[WorkerProcess] = []
        self._stillborn = 0  # processes in a row that died before they were ready
        self._retried = 0
        self._repeater = Repeater()

    def results(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """As :class:`~decima_core.workers.protocol.Executor` says."""
        self._vacant = self._places[: operator.length_hint(names, len(self._places))]
        turns = Turns(names)
        self._assign(turns)
        while self._underway or turns.waiting or turns.waiting_alone:
            watched: dict[object, WorkerProcess] = {
                w.connection: w for w in self._workers if w.name is not None or not w.ready
            }
            for connection in wait([w.connection for w in watched.values()]):
                worker = watched[connection]
                if worker not in self._workers:
                    continue  # dismissed meanwhile
                message = worker.receive()
                done = (
                    self._dead(worker, message, turns) if isinstance(message, Death) else self._alive(worker, message)
                )
                # Before the result is dealt with, so that its worker need not wait for that.
                self._assign(turns)
                yield from done

    def facts(self) -> dict[str, Any]:
        """Their kind, number and threads, and how many names were tried again."""
        return {
            "executor": "processes",
            "count": len(self._places),
            "threads": self._places[0].threads,
            "retried": self._retried,
        }

    def close(self) -> None:
        """Kill those at work; let the others close their files."""
        idle = [w for w in self._workers if w.ready and w.name is None]
        for worker in [w for w in self._workers if w not in idle]:
            worker.end()
        self._workers = idle
        self._dismiss(idle)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _underway(self) -> bool:
        return any(w.name is not None for w in self._workers)

    def _assign(self, turns: Turns) -> None:
        """Give names to those who are free, and start processes where there are more names."""
        for worker in self._workers:
            if turns.waiting and worker.ready and worker.name is None:
                worker.send(*turns.take(worker))
        if turns.waiting:
            while self._vacant:
                self._workers.append(WorkerProcess(self._payload, self._vacant.pop(0)))
        elif turns.waiting_alone and not self._underway:
            # Also those that still start: what they hold is memory too.
            self._dismiss(sorted(self._workers, key=lambda w: w.ready)[:-1])
            if not self._workers:
                self._workers.append(WorkerProcess(self._payload, self._places[0]))
            if self._workers[0].ready:
                self._workers[0].send(turns.take_alone())

    def _alive(self, worker: WorkerProcess, reply: Reply) -> list[tuple[str, Any]]:
        """What a reply holds; none where it says that the worker is ready."""
        name, worker.name = worker.name, None
        self._repeater.repeat(reply.warned, once=not worker.ready)
        if not worker.ready:
            if reply.raised is not None:
                raise WorkerError(sentence(f"A worker process cannot do the work of this run: {reply.raised.told}"))
            worker.ready, self._stillborn = True, 0
            return []
        if reply.raised is not None:
            raise reply.raised.error()
        assert name is not None
        return [(name, reply.value)]

    def _dead(self, worker: WorkerProcess, death: Death, turns: Turns) -> list[tuple[str, Any]]:
        """Bury a process; its name is tried again, or lost."""
        name = worker.name
        self._workers.remove(worker)
        self._vacant.append(worker.place)
        worker.end()
        if name is None:
            self._mourn_stillborn(death)
            return []
        lost = turns.died(name, death, worker)
        if lost is not None:
            logger.warning("Worker process %d, at '%s', %s; it is given up.", death.pid, name, death)
            return [(name, lost)]
        logger.warning("Worker process %d, at '%s', %s; it is tried again.", death.pid, name, death)
        self._retried += 1
        return []

    def _mourn_stillborn(self, death: Death) -> None:
        self._stillborn += 1
        if death.by_itself:
            raise WorkerError(
                f"A worker process {death} before it could begin; what it printed says why. A Python script that runs with "
                "workers must do so under: if __name__ == '__main__':"
            )
        if self._stillborn >= TRIES:
            raise WorkerError(
                f"A worker process {death} before it could begin, {self._stillborn} times in a row; most likely memory does "
                f"not suffice for {len(self._places)} copies of the model. Use fewer workers."
            )
        logger.warning("Worker process %d %s before it could begin; another is started.", death.pid, death)

    def _dismiss(self, workers: list[WorkerProcess]) -> None:
        """End processes that have nothing to do."""
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.end(PATIENCE if worker.ready else 0.0)
        self._workers = [w for w in self._workers if w not in workers]
