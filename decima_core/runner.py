"""A whole run: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from decima_core.config import Plan, RunConfig
from decima_core.device import resolve_device
from decima_core.outputs.manifest import InputHashes
from decima_core.outputs.partial_folder import check_free
from decima_core.outputs.run_folder import RunFolder
from decima_core.pipeline import Clock, interpret, select_genes
from decima_core.records import Interpretation
from decima_core.registry import Registry
from decima_core.run_record import RunClock, manifest, metadata, option_files, seeded
from decima_core.targets import make_target


@attrs.frozen(kw_only=True)
class RunSummary:
    """What a run did: the folder, counts, and wall time in seconds by stage."""

    output: Path
    device: str
    genes: int
    peaks: int
    hits: int
    seconds: Mapping[str, float]


@attrs.frozen(kw_only=True)
class Observer:
    """Called as a run goes on: ``started(genes, device, output)`` once, ``gene_done(result)`` after each gene."""

    started: Callable[[list[str], str, Path], None] = lambda genes, device, output: None
    gene_done: Callable[[Interpretation], None] = lambda result: None


def run(config: RunConfig | Plan, *, registry: Registry | None = None, observer: Observer | None = None) -> RunSummary:
    """Explain every gene of the run and write the results.

    Writes ``attributions.h5``, ``peaks.tsv``, ``peaks.bed``, ``hits.tsv``, ``hits.bed`` and, last, ``run.json``.

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
        header = metadata(plan, model.name, target)
        attributes = {"model_name": model.name, "genome": str(getattr(source, "genome", None) or "unknown")}
        counts = {"genes": 0, "peaks": 0, "hits": 0}
        stopwatch = Clock()
        seconds = stopwatch.seconds
        seconds["setup"] = clock.elapsed()
        hashes = InputHashes([*source.files, *model.files, *option_files(plan)])
        try:
            with RunFolder(
                settings.output, genes, metadata=header, attributes=attributes, overwrite=settings.overwrite
            ) as folder:
                watch.started(genes, str(device), folder.path)
                for result in interpret(
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
                ):
                    with stopwatch("write"):
                        folder.write(result)
                    for stage, spent in result.seconds.items():
                        seconds[stage] = seconds.get(stage, 0.0) + spent
                    counts["genes"] += 1
                    counts["peaks"] += len(result.peaks)
                    counts["hits"] += len(result.hits)
                    watch.gene_done(result)
                seconds["total"] = clock.elapsed()
                told = {"inputs": hashes.collect(), "genes": genes, "counts": counts, "seconds": seconds}
                folder.finish(manifest(plan, clock, model=model, target=target, device=device, **told))
        finally:
            hashes.close()
    return RunSummary(output=folder.path, device=str(device), seconds=seconds, **counts)
