"""A whole run: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

import decima_core
from decima_core.config import Plan, RunConfig
from decima_core.device import resolve_device
from decima_core.options import as_dict
from decima_core.outputs.manifest import InputHashes, command_line, is_plain, software
from decima_core.outputs.partial_folder import check_free
from decima_core.outputs.run_folder import RunFolder
from decima_core.pipeline import Clock, interpret, select_genes
from decima_core.records import Interpretation
from decima_core.registry import Registry
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
    started, clock = time.time(), time.perf_counter()
    check_free(Path(settings.output), settings.overwrite)
    device = resolve_device(settings.device)
    with seeded(settings.seed), plan.stages["source"].create() as source:
        genes = select_genes(source, settings.genes, settings.split)
        model = plan.stages["model"].create()
        method, caller, scanner = (plan.stages[stage].create() for stage in ("method", "peaks", "motifs"))
        # Made here too, so that tasks that do not exist are told before anything is written.
        target = make_target(model, settings.target, source.tasks).description
        metadata = _metadata(plan, model.name, target)
        attributes = {"model_name": model.name, "genome": str(getattr(source, "genome", None) or "unknown")}
        config_table = _config(settings)
        counts = {"genes": 0, "peaks": 0, "hits": 0}
        stopwatch = Clock()
        seconds = stopwatch.seconds
        seconds["setup"] = time.perf_counter() - clock
        hashes = InputHashes([*source.files, *model.files, *_option_files(plan)])
        try:
            with RunFolder(
                settings.output, genes, metadata=metadata, attributes=attributes, overwrite=settings.overwrite
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
                seconds["total"] = time.perf_counter() - clock
                folder.finish(
                    {
                        "decima_core": decima_core.__version__,
                        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
                        "command": command_line(),
                        "config": config_table,
                        "repeatable": is_plain(config_table),
                        "target": target,
                        "device": str(device),
                        "model": {"name": model.name, "channels": model.channels, "tasks": list(model.tasks)},
                        "providers": {stage: planned.provenance() for stage, planned in plan.stages.items()},
                        "inputs": hashes.collect(),
                        "software": software(),
                        "genes": genes,
                        "counts": counts,
                        "seconds": seconds,
                    }
                )
        finally:
            hashes.close()
    return RunSummary(output=folder.path, device=str(device), seconds=seconds, **counts)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's and numpy's global generators, for plugins that draw from them; their states are put back afterwards."""
    state = np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            np.random.set_state(state)


def _metadata(plan: Plan, model_name: str, target: str) -> dict[str, str]:
    return {
        "decima_core": decima_core.__version__,
        "model": model_name,
        "target": target,
        "method": plan.stages["method"].provider.spec.name,
        "intervals": "0-based, half-open; window columns in transcript orientation, genome columns on the forward strand; in BED a "
        "gene whose place on the genome is not known stands for a chromosome",
    }


def _config(settings: RunConfig) -> dict[str, Any]:
    """The settings in the shape that ``RunConfig.from_mapping`` reads."""
    stages = {
        stage: {**({"provider": choice.provider} if choice.provider else {}), **choice.options}
        for stage, choice in settings.stages.items()
    }
    fields = {name: getattr(settings, name) for name in ("genes", "split", "seq_len", "device", "seed", "output")}
    return {**{k: v for k, v in fields.items() if v is not None}, "target": as_dict(settings.target), **stages}


def _option_files(plan: Plan) -> list[str]:
    """Files named by the options of the other stages, such as a MEME file of motifs."""
    paths = [
        getattr(planned.options, "path", None)
        for stage, planned in plan.stages.items()
        if stage not in ("source", "model")
    ]
    return [p for p in paths if isinstance(p, str) and Path(p).is_file()]
