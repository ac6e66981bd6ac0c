"""Who does the genes of a run: this process, worker processes, or Dask; as the run's settings say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import attrs
import torch

from decima_core.config import Plan
from decima_core.device import resolve_device
from decima_core.errors import ConfigError
from decima_core.gene_work import GeneWork
from decima_core.outputs.outcome import GeneFailure, GeneOutcome, from_bytes, to_bytes
from decima_core.pipeline import with_following
from decima_core.workers.place import gpus_for, torch_threads
from decima_core.workers.processes import Processes
from decima_core.workers.protocol import Executor, Lost

LOCAL = "local"
Opener = Callable[[Plan], AbstractContextManager[GeneWork]]


@attrs.frozen(kw_only=True)
class Done:
    """What came of a gene, and the bytes of it that a journal keeps."""

    outcome: GeneOutcome
    record: bytes


@attrs.frozen
class GeneBuild:
    """Makes the work of a plan in whatever process: opens it, and answers a gene with the bytes of its outcome."""

    opener: Opener
    plan: Plan

    @property
    def distributions(self) -> list[str]:
        """The installed packages whose plugins do the work."""
        return sorted({planned.provider.owner.distribution for planned in self.plan.stages.values()})

    def __call__(self) -> _Opened:
        stack = ExitStack()
        return _Opened(stack.enter_context(self.opener(self.plan)), stack)


@attrs.frozen
class _Opened:
    work: GeneWork
    stack: ExitStack

    def __call__(self, gene: str, following: str | None = None) -> bytes:
        return to_bytes(self.work.outcome(gene, following))

    def close(self) -> None:
        self.stack.close()


@attrs.frozen
class Workforce:
    """Who does the genes. Without an executor it is this process."""

    executor: Executor | None
    device: torch.device | None

    def outcomes(self, work: GeneWork, genes: Sequence[str]) -> Iterator[Done]:
        """What comes of each gene, in any order. Raises as :class:`~decima_core.workers.protocol.Executor`."""
        if self.executor is None:
            for gene, following in with_following(genes):
                outcome = work.outcome(gene, following)
                yield Done(outcome=outcome, record=to_bytes(outcome))
            return
        for gene, record in self.executor.results(genes):
            if isinstance(record, Lost):
                failure = GeneFailure(gene=gene, stage="worker", error="WorkerError", reason=record.reason)
                yield Done(outcome=failure, record=to_bytes(failure))
            else:
                yield Done(outcome=from_bytes(record), record=record)

    def facts(self) -> dict[str, Any]:
        """What ``run.json`` says of the workers; nothing where there are none."""
        return {} if self.executor is None else {"workers": self.executor.facts()}


@contextmanager
def employ(plan: Plan, opener: Opener) -> Iterator[Workforce]:
    """The workforce that a plan's ``workers``, ``dask`` and ``threads`` ask for; ended on leaving, whatever it does.

    Parameters
    ----------
    opener
        Opens the work in each worker; a function of a module, which can be sent there by its name.

    Raises
    ------
    ConfigError
        If these settings contradict each other, or the plan cannot be sent to workers.
    WorkerError
        If no Dask scheduler answers.
    PluginError
        If Dask is asked for and not installed.
    """
    settings = plan.config
    placed = "model" in plan.stages  # scores made elsewhere are worked on without a device
    if settings.workers is None and settings.dask is None:
        with torch_threads(settings.threads):
            yield Workforce(None, resolve_device(settings.device) if placed else None)
        return
    build = GeneBuild(opener, plan)
    if settings.dask is None:
        assert settings.workers is not None
        device = resolve_device(settings.device) if placed else None
        with Processes(build, settings.workers, threads=settings.threads, gpus=gpus_for(device)) as processes:
            yield Workforce(processes, device)
        return
    from decima_core.workers.dask_library import dask_workers

    if settings.dask == LOCAL:
        if settings.workers is None:
            raise ConfigError("A local Dask cluster has as many processes as you say; give --workers N.")
        device = resolve_device(settings.device) if placed else None
        local = dask_workers()(build, LOCAL, settings.workers, threads=settings.threads, gpus=gpus_for(device))
        with local:
            yield Workforce(local, device)
        return
    if settings.workers is not None:
        raise ConfigError(
            f"The Dask scheduler at '{settings.dask}' has the workers that were started for it; leave out --workers."
        )
    with dask_workers()(build, settings.dask, threads=settings.threads) as elsewhere:
        # This machine may lack the GPU that those have.
        yield Workforce(elsewhere, elsewhere.ask(resolve_device, settings.device) if placed else None)
