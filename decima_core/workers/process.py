"""One worker process: how it starts, what it does, and how both ends notice that the other is gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from decima_core.workers.deaths import Death
from decima_core.workers.payload import Payload
from decima_core.workers.place import Place
from decima_core.workers.protocol import Work
from decima_core.workers.reply import Reply, reply_of


class WorkerProcess:
    """A process that makes the work, replies once to that, and then once to each name it is sent.

    A new interpreter is started, for a copy of this one (fork) may hold locks that nobody will release, and no use of CUDA
    survives it.
    """

    def __init__(self, payload: Payload, place: Place) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.place = place
        self.ready = False
        self.name: str | None = None  # what it works on
        # Not a daemon: those may have no children, and a plugin may need some.
        self._process = context.Process(target=serve, args=(theirs, payload, place), daemon=False)
        with _interrupts_held():
            self._process.start()
        # Now the process holds the only other end: when it dies, reading here ends.
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def send(self, name: str, following: str | None = None) -> None:
        """Give it the next name, and the one that most likely comes after it."""
        self.name = name
        with suppress(BrokenPipeError, ConnectionResetError):  # it died meanwhile, as the next reading will tell
            self.connection.send((name, following))

    def receive(self) -> Reply | Death:
        """Its next reply, or how it died."""
        try:
            reply: Reply = self.connection.recv()
        except (EOFError, OSError):  # also in the middle of a reply
            self._process.join()
            return Death(self.pid, self._process.exitcode or 0)
        return reply

    def ask_to_end(self) -> None:
        """Let an idle process close its work."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(None)

    def end(self, patience: float = 0.0) -> None:
        """Kill it, unless it ends by itself within ``patience`` seconds."""
        self._process.join(patience)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()
        self._process.close()


def serve(connection: Connection[Any, Any], payload: Payload, place: Place) -> None:
    """The life of a worker process."""
    _leave_interrupts_to_the_main_process()
    _end_with_the_main_process()
    place.take()
    work: list[Work] = []

    def make() -> None:
        work.append(payload.unpack()())

    with suppress(BrokenPipeError, ConnectionResetError, EOFError):
        connection.send(reply_of(make))
        while work and (names := connection.recv()) is not None:
            connection.send(reply_of(partial(work[0], *names)))
        for made in work:
            made.close()


def _leave_interrupts_to_the_main_process() -> None:
    """Ctrl-C reaches every process of a terminal; the main one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end_with_the_main_process() -> None:
    """End at once when the main process is gone, in the middle of whatever it asked for."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="main-process-watch", daemon=True).start()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """SIGINT waits: a process begun meanwhile has it blocked from its first moment, until it says how it is dealt with."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
