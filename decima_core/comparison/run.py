"""A whole comparison: from a :class:`~decima_core.config.RunConfig` to a table, and a folder where one is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import torch

import decima_core
from decima_core.comparison.contenders import ComparisonPlan, Contender, plan_comparison
from decima_core.comparison.side_by_side import GeneComparison, compare, labels_of
from decima_core.comparison.table import Tally, gene_rows
from decima_core.compute import check_computable
from decima_core.config import RunConfig, refuse_targets
from decima_core.deviation import Deviation
from decima_core.device import resolve_device
from decima_core.errors import DecimaError, PluginError
from decima_core.outputs.manifest import InputHashes
from decima_core.outputs.partial_folder import check_free
from decima_core.outputs.table_folder import TableFolder
from decima_core.pipeline import Clock, select_genes
from decima_core.registry import Registry
from decima_core.run_record import RunClock, manifest, model_facts, option_files, seeded
from decima_core.targets import make_target

SUMMARY, PAIRS, GENES = "comparison.tsv", "comparison_pairs.tsv", "comparison_genes.tsv"


@attrs.frozen(kw_only=True, eq=False)
class ComparisonSummary:
    """What a comparison found: the tables by contender and by pair, why contenders failed, wall time in seconds by stage.

    ``deviations`` tells how far each method lies from float32, where the model is computed in another precision.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    failures: Mapping[str, str]
    deviations: Mapping[str, Deviation]
    genes: int
    device: str
    output: Path | None
    seconds: Mapping[str, float]


@attrs.frozen(kw_only=True)
class ComparisonObserver:
    """Called as a comparison goes on: ``started(genes, contenders, device)`` once, ``gene_done(comparison)`` after each gene."""

    started: Callable[[list[str], list[str], str], None] = lambda genes, contenders, device: None
    gene_done: Callable[[GeneComparison], None] = lambda comparison: None


def run_comparison(
    config: RunConfig | ComparisonPlan,
    *,
    output: str | Path | None = None,
    registry: Registry | None = None,
    observer: ComparisonObserver | None = None,
) -> ComparisonSummary:
    """Compare the providers named in ``config.compare`` on the genes of a run.

    Writes nothing unless ``output`` names a folder (``config.output`` is that of a run, and not looked at): then
    ``comparison.tsv``, ``comparison_pairs.tsv``, ``comparison_genes.tsv`` and, last, ``run.json``.

    Raises
    ------
    DecimaError
        One of its subclasses, where nothing can be compared, as :func:`compare` says; the output folder then holds no
        ``run.json`` and no file that looks finished. A contender that fails is told in the summary.
    """
    refuse_targets(config if isinstance(config, RunConfig) else config.plan.config, "compare")
    if isinstance(config, RunConfig):
        config = plan_comparison(config, registry or Registry.discover())
    plan, contenders, watch = config.plan, config.contenders, observer or ComparisonObserver()
    settings, clock, stopwatch = plan.config, RunClock(), Clock()
    if output is not None:
        check_free(Path(output), settings.overwrite)
    device = resolve_device(settings.device)
    check_computable(settings.compute, device)
    with seeded(settings.seed), plan.stages["source"].create() as source:
        genes = select_genes(source, settings.genes, settings.split)
        model = plan.stages["model"].create()
        # Made here too, so that tasks that do not exist are told before anything is written.
        target = make_target(model, settings.target, source.tasks).description
        methods, callers, scanners = (_created(found) for found in contenders.values())
        labels = list(labels_of(methods, callers, scanners).values())
        tally = Tally()
        deviations: dict[str, Deviation] = {}
        stopwatch.seconds["setup"] = clock.elapsed()
        hashes = InputHashes([*source.files, *model.files, *_option_files(config)] if output is not None else [])
        try:
            with (
                nullcontext()
                if output is None
                else TableFolder(
                    output,
                    (SUMMARY, PAIRS, GENES),
                    metadata=_header(config, model.name, target, labels[0]),
                    overwrite=settings.overwrite,
                )
            ) as folder:
                watch.started(genes, labels, str(device))
                for each in compare(
                    source,
                    model,
                    methods,
                    callers,
                    scanners,
                    target=settings.target,
                    genes=genes,
                    seq_len=settings.seq_len,
                    device=device,
                    options=settings.compare,
                    compute=settings.compute,
                ):
                    tally.add(each)
                    deviations |= each.deviations
                    if folder is not None:
                        folder.append(GENES, gene_rows(each), f"gene '{each.gene}'")
                    watch.gene_done(each)
                stopwatch.seconds["total"] = clock.elapsed()
                summary = ComparisonSummary(
                    table=tally.table(),
                    pairs=tally.pairs(),
                    failures=tally.failures,
                    deviations=deviations,
                    genes=tally.genes,
                    device=str(device),
                    output=None if folder is None else folder.path,
                    seconds=stopwatch.seconds,
                )
                if folder is not None:
                    folder.append(SUMMARY, summary.table, "the contenders")
                    folder.append(PAIRS, summary.pairs, "the pairs")
                    told = _told(config, summary, labels, genes[: tally.genes])
                    inputs = hashes.collect()
                    folder.finish(
                        manifest(
                            plan, clock, model=model_facts(model), target=target, device=device, inputs=inputs, **told
                        )
                    )
        finally:
            hashes.close()
    return summary


class _Unmade:
    """Stands for a provider that could not be made: every stage says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def attribute(self, target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
        raise PluginError(self._reason)

    def call(self, attribution: Any) -> Any:
        raise PluginError(self._reason)

    def scan(self, record: Any, attribution: Any, peaks: Any) -> Any:
        raise PluginError(self._reason)


def _created(contenders: tuple[Contender, ...]) -> dict[str, Any]:
    """The providers of one stage by label; the reference must be there, another one fails when its turn comes."""
    reference, *others = contenders
    made = {reference.label: reference.planned.create()}
    for each in others:
        try:
            made[each.label] = each.planned.create()
        except DecimaError as error:
            made[each.label] = _Unmade(str(error))
    return made


def _option_files(config: ComparisonPlan) -> list[str]:
    """Files that the options of any contender name."""
    plans = (
        attrs.evolve(config.plan, stages={**config.plan.stages, stage: contender.planned})
        for stage, contenders in config.contenders.items()
        for contender in contenders
    )
    return [path for plan in plans for path in option_files(plan)]


def _header(config: ComparisonPlan, model: str, target: str, reference: str) -> dict[str, str]:
    """The header lines of every table."""
    options = config.plan.config.compare
    common = {
        stage: found[0].planned.provider.spec.name for stage, found in config.contenders.items() if len(found) == 1
    }
    return {
        "decima_core": decima_core.__version__,
        "model": model,
        "target": target,
        "reference": reference,
        **common,
        "peaks compared": f"the {options.top} highest of each gene, at most {options.distance} bases apart",
        "hits compared": f"those under a peak with a p-value of at most {options.p_value:g}",
    }


def _told(config: ComparisonPlan, summary: ComparisonSummary, labels: list[str], genes: list[str]) -> dict[str, Any]:
    """What run.json says of the comparison itself."""
    provenance = {
        stage: {contender.label: contender.planned.provenance() for contender in found}
        for stage, found in config.contenders.items()
    }
    deviations = {label: deviation.facts() for label, deviation in summary.deviations.items()}
    return {
        "contenders": labels,
        "compared": provenance,
        "failures": summary.failures,
        **({"deviation": deviations} if deviations else {}),
        "genes": genes,
        "seconds": summary.seconds,
    }
