"""A whole run: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch

from decima_core.config import Plan, RunConfig
from decima_core.device import resolve_device
from decima_core.outputs.manifest import InputHashes
from decima_core.outputs.partial_folder import check_free
from decima_core.outputs.run_folder import RunFolder
from decima_core.pipeline import Clock, interpret, select_genes
from decima_core.providers import PlacedSource
from decima_core.records import Interpretation
from decima_core.registry import Registry
from decima_core.run_record import RunClock, manifest, metadata, model_facts, option_files, seeded
from decima_core.targets import make_target


@attrs.frozen(kw_only=True)
class RunSummary:
    """What a run did: the folder, counts, and wall time in seconds by stage.

    ``device`` is empty where nothing was computed on one; ``notes`` are sentences about what was found in the input.
    """

    output: Path
    device: str
    genes: int
    peaks: int
    hits: int
    seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Observer:
    """Called as a run goes on: ``started(genes, device, output)`` once, ``gene_done(result)`` after each gene."""

    started: Callable[[list[str], str, Path], None] = lambda genes, device, output: None
    gene_done: Callable[[Interpretation], None] = lambda result: None


def run(config: RunConfig | Plan, *, registry: Registry | None = None, observer: Observer | None = None) -> RunSummary:
    """Explain every gene of the run and write the results.

    Writes ``attributions.h5``, ``peaks.tsv``, ``peaks.bed``, ``hits.tsv``, ``hits.bed``, with ``bigwig`` also
    ``attributions.bw``, and, last, ``run.json``.

    Raises
    ------
    DecimaError
        One of its subclasses; the output folder then holds no ``run.json`` and no file that looks finished.
    """
    plan = config if isinstance(config, Plan) else config.plan(registry or Registry.discover())
    settings, watch = plan.config, observer or Observer()
    clock = RunClock()
    check_free(Path(settings.output), settings.overwrite)
    device = resolve_device(settings.device)
    with seeded(settings.seed), plan.stages["source"].create() as source:
        genes = select_genes(source, settings.genes, settings.split)
        model = plan.stages["model"].create()
        method, caller, scanner = (plan.stages[stage].create() for stage in ("method", "peaks", "motifs"))
        # Made here too, so that tasks that do not exist are told before anything is written.
        target = make_target(model, settings.target, source.tasks).description
        results = interpret(
            source,
            model,
            method,
            caller,
            scanner,
            target=settings.target,
            genes=genes,
            seq_len=settings.seq_len,
            device=device,
            method_name=plan.stages["method"].provider.spec.name,
        )
        return write_results(
            results,
            plan,
            clock,
            watch,
            names=genes,
            header=metadata(model=model.name, target=target, method=plan.stages["method"].provider.spec.name),
            genome=getattr(source, "genome", None),
            contigs=source.contigs() if isinstance(source, PlacedSource) else {},
            files=[*source.files, *model.files],
            device=device,
            facts=lambda: {"model": model_facts(model)},
        )


def write_results(
    results: Iterable[Interpretation],
    plan: Plan,
    clock: RunClock,
    watch: Observer,
    *,
    names: list[str],
    header: Mapping[str, str],
    genome: str | None,
    contigs: Mapping[str, int | None],
    files: Sequence[str],
    device: torch.device | None,
    facts: Callable[[], Mapping[str, Any]],
) -> RunSummary:
    """Write results as they come to the output folder of a plan, and its record last.

    Parameters
    ----------
    results
        One interpretation for each of ``names``, in that order; nothing is computed before they are asked for.
    header
        The header lines of every table, among them ``model`` and ``target``.
    genome, files, device
        What the record and ``attributions.h5`` say of where they come from.
    contigs
        Lengths of contigs, as far as they are known, for a BigWig.
    facts
        What the record says beside that, ``model`` at least; asked for at the end.
    """
    settings, counts, stopwatch = plan.config, {"genes": 0, "peaks": 0, "hits": 0}, Clock()
    attributes = {"model_name": header["model"], "genome": str(genome or "unknown")}
    where, seconds = "" if device is None else str(device), stopwatch.seconds
    seconds["setup"] = clock.elapsed()
    hashes = InputHashes([*files, *option_files(plan)])
    try:
        with RunFolder(
            settings.output,
            names,
            metadata=header,
            attributes=attributes,
            overwrite=settings.overwrite,
            bigwig=contigs if settings.bigwig else None,
            layout=settings.attributions,
        ) as folder:
            watch.started(names, where, folder.path)
            for result in results:
                with stopwatch("write"):
                    folder.write(result)
                for stage, spent in result.seconds.items():
                    seconds[stage] = seconds.get(stage, 0.0) + spent
                counts["genes"] += 1
                counts["peaks"] += len(result.peaks)
                counts["hits"] += len(result.hits)
                watch.gene_done(result)
            seconds["total"] = clock.elapsed()
            told = {"inputs": hashes.collect(), "genes": names, "counts": counts, "seconds": seconds, **facts()}
            folder.finish(manifest(plan, clock, target=header["target"], device=device, **told))
    finally:
        hashes.close()
    return RunSummary(
        output=folder.path,
        device=where,
        genes=counts["genes"],
        peaks=counts["peaks"],
        hits=counts["hits"],
        seconds=seconds,
    )
