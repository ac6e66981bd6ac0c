"""The executor on Dask: workers of a local cluster, or of a scheduler that runs already, wherever they are."""

from __future__ import annotations

import logging
import pickle
import queue
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from distributed import Client, Future, KilledWorker, LocalCluster

from decima_core.errors import WorkerError, first_line, sentence
from decima_core.workers.dask_cluster import connect, end, local_cluster, quiet
from decima_core.workers.dask_worker import Call, DaskReply, Task, answer, forget, topic
from decima_core.workers.payload import pack
from decima_core.workers.place import share
from decima_core.workers.protocol import TRIES, Build, Lost
from decima_core.workers.reply import Repeater

logger = logging.getLogger(__name__)

LOCAL = "local"
GLANCE = 1.0  # seconds between looks at how many workers there are
QUICK = 1.0  # seconds for a name below which the next one waits at the worker already
QUIET = 10.0  # seconds without a worker before that is told
BARREN = 60.0  # seconds without a worker after which a cluster of our own begins anew


class DaskWorkers:
    """As many names under way as a Dask cluster has workers, one in each process.

    Dask tries a name again whose worker is gone. Where it gives one up, that is believed only if workers had begun it often
    enough: a name that merely waited behind the culprit is given to Dask anew.

    Parameters
    ----------
    build
        Makes the work in each process.
    address
        A scheduler's address (``tcp://host:8786``), a scheduler file (``.json``), or ``local`` for a cluster of our own.
    count
        Processes of a local cluster.
    threads
        Threads of each worker; by default those that a scheduler's workers have (``--nthreads``), and an equal share of the
        cores in a local cluster.
    gpus
        GPUs that the workers of a local cluster share, as ``CUDA_VISIBLE_DEVICES`` names them.

    Raises
    ------
    ConfigError
        If the build cannot be pickled.
    WorkerError
        On entering, if no scheduler answers at the address.
    """

    def __init__(
        self,
        build: Build,
        address: str = LOCAL,
        count: int = 1,
        *,
        threads: int | None = None,
        gpus: tuple[str, ...] = (),
    ) -> None:
        payload = pack(build)
        self._places = share(count, threads=threads, gpus=gpus) if address == LOCAL else []
        if self._places:
            threads = self._places[0].threads
        self._task = Task(uuid.uuid4().hex, payload, str(Path.cwd()), threads)
        self._address = address
        self._cluster: LocalCluster | None = None  # one of our own begins when it is needed
        self._client: Client | None = None
        self._opened = ExitStack()
        self._count = 0  # workers
        self._most = 0
        self._started = time.monotonic()
        self._finished = 0  # names
        self._looked = 0.0
        self._since = time.monotonic()  # when workers were last seen
        self._begun: Counter[str] = Counter()
        self._retried = 0
        self._anew = 0  # clusters of our own that took another's place
        self._given_up: Counter[str] = Counter()
        self._underway: dict[Future, str] = {}
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._hopeless: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._repeater = Repeater()

    def results(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """As :class:`~decima_core.workers.protocol.Executor` says."""
        if self._places:
            self._begin_cluster()
        waiting, self._started = iter(names), time.monotonic()
        with self._scheduler_watched() as client:
            client.subscribe_topic(topic(self._task.token), self._on_begun)
        self._fill(waiting)
        while self._underway:
            yield from self._give_up()
            try:
                future = self._done.get(timeout=GLANCE)
            except queue.Empty:
                self._fill(waiting)  # workers may have joined
                continue
            name = self._underway.pop(future, None)
            if name is None:
                continue  # given up, and cancelled
            found = self._found(name, future)
            self._finished += len(found)
            # Before the result is dealt with, so that its worker need not wait for that.
            self._fill(waiting)
            yield from found

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of a module returns in a worker; waits until there is one. What it raises passes through."""
        with self._scheduler_watched() as client:
            while not self._count:
                self._look()
                time.sleep(GLANCE / 10)
            return client.submit(pickle.loads, pickle.dumps(Call(function, arguments)), pure=False).result()

    def facts(self) -> dict[str, Any]:
        """Their kind, the scheduler, the most workers that there were at once, their threads, and how many names were tried again."""
        return {
            "executor": "dask",
            "scheduler": self._address,
            "count": self._most,
            "threads": self._task.threads,
            "retried": self._retried,
        }

    def close(self) -> None:
        """Take the run away from the workers, and end those of a cluster of our own."""
        if self._cluster is not None:
            end(self._cluster, self._client, busy=bool(self._underway))
        elif self._client is not None:
            with suppress(OSError, TimeoutError):  # the scheduler may be gone, and its workers with it
                if self._client.status == "running":
                    self._client.cancel(list(self._underway))
                    self._client.run(pickle.loads, pickle.dumps(Call(forget, (self._task.token,))), on_error="ignore")
            self._client.close()

    def __enter__(self) -> DaskWorkers:
        with ExitStack() as opened:
            opened.enter_context(quiet())
            if not self._places:
                self._client = connect(self._address)
            opened.callback(self.close)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _fill(self, waiting: Iterator[str]) -> None:
        """As many names under way as there are workers; twice as many where they take so little time that messages count."""
        with self._scheduler_watched() as client:
            self._look()
            quick = self._count * (time.monotonic() - self._started) < self._finished * QUICK
            depth = 2 if quick else 1
            while len(self._underway) < max(1, depth * self._count) and (name := next(waiting, None)) is not None:
                self._submit(name, client)

    def _submit(self, name: str, client: Client) -> None:
        # A key of its own: the same name may come again, in this run or in the next one.
        key = f"decima-core-{uuid.uuid4().hex}"
        call = pickle.dumps(Call(answer, (self._task, name)))
        future = client.submit(pickle.loads, call, key=key, pure=False)
        self._underway[future] = name
        future.add_done_callback(self._done.put)

    def _begin_cluster(self) -> None:
        """A cluster of our own, and the connection to it."""
        self._cluster = local_cluster(self._places)
        self._client = connect(self._cluster.scheduler_address)
        self._since = time.monotonic()

    def _begin_anew(self) -> None:
        """Another cluster of our own in place of one whose workers ended and did not come back; what was under way is given to it.

        Dask starts a worker again that dies, but gives up where the next one dies while it starts.

        Raises
        ------
        WorkerError
            If that was tried often enough.
        """
        self._anew += 1
        if self._anew > TRIES:
            raise WorkerError(
                "The worker processes of the local Dask cluster end, and none comes back; see what ends them, or use --workers without --dask."
            )
        logger.warning("The workers of the local Dask cluster ended, and none came back; another cluster begins.")
        assert self._cluster is not None
        names = list(self._underway.values())
        self._underway.clear()
        end(self._cluster, self._client, busy=True)
        self._begin_cluster()
        with self._scheduler_watched() as client:
            client.subscribe_topic(topic(self._task.token), self._on_begun)
            for name in names:
                self._submit(name, client)

    def _look(self) -> None:
        """How many workers there are now, at most once in ``GLANCE`` seconds; tells where there is none."""
        now = time.monotonic()
        if now < self._looked + GLANCE:
            return
        self._looked = now
        assert self._client is not None
        self._count = len(self._client.nthreads())
        self._most = max(self._most, self._count)
        if self._count:
            self._since = now
        elif self._places:
            if now > self._since + BARREN:
                self._begin_anew()
        elif now > self._since + QUIET:
            logger.warning("The Dask scheduler at %s has no worker; waiting for one.", self._address)
            self._since = float("inf")  # told once

    def _on_begun(self, event: tuple[float, dict[str, Any]]) -> None:
        """A worker told that it begins a name. Called in Dask's thread."""
        _, told = event
        name = told["name"]
        self._begun[name] += 1
        if self._begun[name] > TRIES:
            self._hopeless.put(name)
        elif self._begun[name] > 1:
            self._retried += 1
            logger.warning(
                "A Dask worker was lost before the result of '%s' had come; it is tried again, by process %d at %s.",
                name,
                told["pid"],
                told["worker"],
            )

    def _give_up(self) -> Iterator[tuple[str, Any]]:
        """Names that were begun too often. Dask does not count a worker whose nanny saw it die before the scheduler did."""
        while not self._hopeless.empty():
            name = self._hopeless.get()
            future = next((f for f, n in self._underway.items() if n == name), None)
            if future is not None:
                del self._underway[future]
                with self._scheduler_watched() as client:
                    client.cancel([future], force=True)
                yield self._lost(name)

    def _found(self, name: str, future: Future) -> list[tuple[str, Any]]:
        """What came of a name; nothing where it is given to Dask anew."""
        with self._scheduler_watched():
            try:
                if future.cancelled():
                    raise OSError("its tasks were cancelled")
                answered: DaskReply = future.result()
            except KilledWorker:
                return self._killed(name)
        reply, making = answered.reply, answered.making
        if making is not None:
            self._repeater.repeat(making.warned, once=True)
        if reply is None:
            assert making is not None
            assert making.raised is not None
            raise WorkerError(
                sentence(f"The Dask worker at {answered.worker} cannot do the work of this run: {making.raised.told}")
            )
        self._repeater.repeat(reply.warned)
        if reply.raised is not None:
            raise reply.raised.error()
        self._begun.pop(name, None)
        return [(name, reply.value)]

    def _killed(self, name: str) -> list[tuple[str, Any]]:
        """Dask gave a name up: lost, or given to it anew where the workers that died were at something else."""
        self._given_up[name] += 1
        begun = self._begun.get(name, 0)
        if begun < TRIES and self._given_up[name] < TRIES:
            logger.warning("Workers died while '%s' waited on them; it is tried again.", name)
            with self._scheduler_watched() as client:
                self._submit(name, client)
            return []
        return [self._lost(name)]

    def _lost(self, name: str) -> tuple[str, Lost]:
        times = self._begun.pop(name, 0)
        logger.warning("Dask workers were lost with '%s' %d times; it is given up.", name, times)
        guess = "memory ran out, most likely, or compiled code crashes on it"
        return name, Lost(f"{times} Dask workers were lost while they worked on it; {guess}.")

    @contextmanager
    def _scheduler_watched(self) -> Iterator[Client]:
        """The client; what goes wrong between it, the scheduler and the workers is told in a sentence."""
        try:
            yield self._client
        except (OSError, TimeoutError) as error:
            raise WorkerError(
                f"The connection to the Dask scheduler at {self._address} was lost ({first_line(error, 80)}); start it again, or "
                "give another one."
            ) from error
        except (ImportError, AttributeError) as error:
            raise WorkerError(
                f"The Dask workers cannot load decima_core ({first_line(error, 120)}); install there what is installed here."
            ) from error
