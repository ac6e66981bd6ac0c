"""How a Dask scheduler is reached, and a cluster of our own."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from decima_core.errors import WorkerError, first_line
from decima_core.workers.dask_worker import OwnCluster
from decima_core.workers.place import Place
from decima_core.workers.protocol import TRIES

TIMEOUT = 10.0  # seconds in which a scheduler must answer


def connect(address: str) -> Client:
    """A client of the scheduler at an address, or of the one that a scheduler file (``.json``) tells of.

    Raises
    ------
    WorkerError
        If none answers there.
    """
    advice = "give an address such as tcp://host:8786, the path of a scheduler file (.json), or local"
    by_file = address.endswith(".json")
    if by_file and not Path(address).is_file():
        raise WorkerError(f"There is no Dask scheduler file '{address}'; {advice}.")
    where = {"scheduler_file": address} if by_file else {"address": address}
    try:
        return Client(**where, set_as_default=False, timeout=TIMEOUT)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WorkerError(f"No Dask scheduler answers at '{address}' ({first_line(error, 120)}); {advice}.") from error


def local_cluster(places: list[Place]) -> LocalCluster:
    """A process on this machine for each of ``places``, with a scheduler in this one."""
    with dask.config.set({"distributed.scheduler.allowed-failures": TRIES - 1}):
        # No limit to their memory: Dask would move results to disk and pause workers, which hold no results here.
        cluster = LocalCluster(
            n_workers=len(places),
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",  # any port that is free
            silence_logs=logging.CRITICAL,
        )
    with Client(cluster, set_as_default=False) as client:
        client.register_plugin(OwnCluster(places))
    return cluster


@contextmanager
def quiet() -> Iterator[None]:
    """Dask's own messages are held back: what happens to workers is told in our words."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "distributed.scheduler")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def end(cluster: LocalCluster, client: Client, *, busy: bool) -> None:
    """End a cluster of our own, at once where its workers are ``busy``."""
    if busy:
        for nanny in cluster.workers.values():
            nanny.auto_restart = False
            if nanny.pid is not None:
                with suppress(ProcessLookupError):  # it may end by itself meanwhile
                    os.kill(nanny.pid, signal.SIGKILL)
    client.close()
    cluster.close()
