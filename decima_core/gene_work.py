"""The work that a run does for each gene, apart from where its results go.

    with open_genes(plan) as work:
        for gene in work.names:
            outcome = work.outcome(gene)    # GeneResults or GeneFailure

A gene's outcome depends on the plan and the gene alone, not on the genes before it: so any process may do any of them, in any
order.
"""

from __future__ import annotations

import gc
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
import numpy as np
import torch

from decima_core.attribution_layout import Layout
from decima_core.config import Plan
from decima_core.deviation import Deviation, measured_or_told
from decima_core.device import resolve_device
from decima_core.errors import ConfigError, ModelError, OutputError, UnknownNameError, first_line
from decima_core.outputs.bigwig_file import check_place
from decima_core.outputs.encoding import encode
from decima_core.outputs.outcome import GeneFailure, GeneOutcome, GeneResults
from decima_core.pipeline import Clock, explainer, select_genes
from decima_core.providers import DataSource, PlacedSource, SequenceModel
from decima_core.records import Interpretation
from decima_core.run_record import metadata, model_facts, seeded
from decima_core.sections import TargetOptions
from decima_core.targets import make_target

# What concerns the whole run, whatever gene it is noticed at.
STOPPING = (ConfigError, OutputError)


Explain = Callable[[str, Clock, str | None], Iterable[Interpretation]]
Measure = Callable[[str, Clock], Deviation | None]


def not_measured(gene: str, clock: Clock) -> None:
    """For results that are in float32."""


class MeasuredOnce:
    """``measure(gene)`` for the first gene that is asked for, and for no other, whatever comes of it.

    What cannot be measured, such as for want of memory, of which float32 needs more, is told and takes nothing from the gene.
    """

    def __init__(self, measure: Callable[[str], Deviation]) -> None:
        self._measure: Callable[[str], Deviation] | None = measure

    def __call__(self, gene: str, clock: Clock) -> Deviation | None:
        measure, self._measure = self._measure, None
        if measure is None:
            return None
        with clock("compare"):
            return measured_or_told(partial(measure, gene))


@attrs.frozen(kw_only=True)
class GeneWork:
    """All that it takes to explain the genes of a plan.

    Parameters
    ----------
    names
        The genes of the run, in the order of its results.
    explain
        ``explain(gene, clock, following)``: the results of one gene, one for each target; the clock is told the stages. ``following``
        is the gene that comes next, if that is known.
    targets
        What is explained, in words, by the name of the target, where a run has several.
    measure
        ``measure(gene, clock)``: how far the results of a gene lie from those in float32; None where that is not measured.
    header
        The header lines of every table, among them ``model`` and ``target``.
    genome, contigs
        What the files say of where the windows lie; ``contigs`` maps names to lengths, as far as they are known.
    files
        Paths of every file that the results depend on.
    device
        None where nothing is computed on one.
    facts
        What ``run.json`` says of the model, and the scores where there are some.
    seed
        The run's seed.
    placed
        Whether every window's place on the genome must be known.
    layout
        How attributions are stored.
    tally
        Counts since the last call of what the run sums up over its genes.
    """

    names: Sequence[str]
    explain: Explain
    header: Mapping[str, str]
    genome: str | None
    contigs: Mapping[str, int | None]
    files: Sequence[str]
    device: torch.device | None
    facts: Mapping[str, Any]
    seed: int
    placed: bool = False
    layout: Layout = "full"
    tally: Callable[[], Mapping[str, int]] = dict
    targets: Mapping[str, str] = attrs.field(factory=dict)
    measure: Measure = not_measured

    def outcome(self, gene: str, following: str | None = None) -> GeneOutcome:
        """The encoded results of a gene, or why there are none. ``following`` is asked for next, if that is known.

        Raises
        ------
        ConfigError, OutputError
            For what concerns the whole run, such as a task that the model does not have.
        ModelError
            If the GPU can no longer be used.
        """
        clock = Clock()
        seed_gene(self.seed, gene, self.device)
        try:
            encoded = []
            for result in self.explain(gene, clock, following):
                with clock("write"):
                    if self.placed:
                        check_place(result.record)
                    encoded.append(encode(result, self.layout))
            deviation = self.measure(gene, clock)
        except Exception as error:
            if isinstance(error, STOPPING) and not (isinstance(error, UnknownNameError) and clock.stage == "read"):
                raise
            failure = GeneFailure.of(gene, clock.stage, error)
        else:
            return GeneResults(
                gene=gene,
                results=tuple(encoded),
                seconds=clock.seconds,
                tally=self.tally(),
                deviation={} if deviation is None else deviation.facts(),
            )
        self._recover(failure)
        return failure

    def _recover(self, failure: GeneFailure) -> None:
        """Give back the memory that a failed gene held; on a GPU, make sure that it still works."""
        self.tally()
        gc.collect()
        if self.device is None or self.device.type != "cuda":
            return
        try:
            torch.cuda.empty_cache()
            torch.zeros(1, device=self.device).add_(1).cpu()
        except RuntimeError as error:
            raise ModelError(
                f"The GPU can no longer be used after gene '{failure.gene}' ({failure.reason} Then: {first_line(error)})."
            ) from error


def seed_gene(seed: int, gene: str, device: torch.device | None = None) -> None:
    """Seed the global generators for one gene: what a plugin draws depends on the run's seed and the gene alone."""
    digest = int.from_bytes(hashlib.sha256(f"{seed}\0{gene}".encode()).digest()[:8], "little")
    if device is None or device.type == "cpu":
        torch.default_generator.manual_seed(digest)  # the others take milliseconds
    else:
        torch.manual_seed(digest)
    np.random.seed(digest % 2**32)
    random.seed(digest)


@contextmanager
def open_genes(plan: Plan, *, device: torch.device | None = None, ready: bool = True) -> Iterator[GeneWork]:
    """The work of ``decima-core run``: source, model and the other providers made and ready, the model on its device.

    ``device`` is the one that the plan's settings mean, where that is known already. Unless ``ready``, the work can say what it is
    but explain nothing, and the model is not kept: for a process that leaves the genes to others.

    Raises
    ------
    DecimaError
        If one of them cannot be made, or a gene or task does not exist.
    """
    settings = plan.config
    device = device or resolve_device(settings.device)
    with seeded(settings.seed), plan.stages["source"].create() as source:
        if not ready:
            yield _Opening(plan, source, device).work(explain=_left_to_others)
            return
        opening = _Opening(plan, source, device)
        with explainer(
            source,
            opening.model,
            opening.method,
            opening.caller,
            opening.scanner,
            target=list(settings.targets.values()) or settings.target,
            seq_len=settings.seq_len,
            device=device,
            method_name=opening.method_name,
            compute=settings.compute,
        ) as explain:
            exact = settings.compute.precision == "float32"
            yield opening.work(explain=explain, measure=not_measured if exact else MeasuredOnce(explain.deviation))


class _Opening:
    """The providers of a run beside its source, and the description of the work."""

    def __init__(self, plan: Plan, source: DataSource, device: torch.device) -> None:
        self._plan, self._source, self._device = plan, source, device
        self._names = select_genes(source, plan.config.genes, plan.config.split)
        self.method_name = plan.stages["method"].provider.spec.name
        self.model: SequenceModel = plan.stages["model"].create()
        self.method, self.caller, self.scanner = (plan.stages[s].create() for s in ("method", "peaks", "motifs"))
        # Made here too, so that tasks that do not exist are told before anything is written.
        named = plan.config.targets
        self._targets = {name: self._described(options) for name, options in named.items()}
        self._target = "several: " + ", ".join(named) if named else self._described(plan.config.target)

    def _described(self, options: TargetOptions) -> str:
        return make_target(self.model, options, self._source.tasks).description

    def work(self, *, explain: Explain, measure: Measure = not_measured) -> GeneWork:
        """The work, with the function that does it; it does not hold the model."""
        source, model, settings = self._source, self.model, self._plan.config
        return GeneWork(
            names=self._names,
            explain=explain,
            header=metadata(model=model.name, target=self._target, method=self.method_name),
            genome=getattr(source, "genome", None),
            contigs=source.contigs() if isinstance(source, PlacedSource) else {},
            files=[*source.files, *model.files],
            device=self._device,
            facts={"model": model_facts(model)},
            seed=settings.seed,
            placed=settings.bigwig,
            layout=settings.attributions,
            targets=self._targets,
            measure=measure,
        )


def _left_to_others(gene: str, clock: Clock, following: str | None) -> Sequence[Interpretation]:
    raise AssertionError("this process describes the work, and others do it")
