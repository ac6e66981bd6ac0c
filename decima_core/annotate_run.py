"""A whole run on scores that were made elsewhere: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import attrs

from decima_core.config import Plan, RunConfig
from decima_core.errors import ConfigError
from decima_core.outputs.partial_folder import check_free
from decima_core.pipeline import annotate, chosen_names, select_genes
from decima_core.registry import Registry
from decima_core.run_record import RunClock, metadata, seeded
from decima_core.runner import Observer, RunSummary, write_results
from decima_core.scores.opening import open_described


def stages_of(config: RunConfig) -> tuple[str, ...]:
    """The stages that such a run needs: peaks and motifs, and a source where one is named."""
    return ("source", "peaks", "motifs") if "source" in config.stages else ("peaks", "motifs")


def run_annotation(
    config: RunConfig | Plan, *, registry: Registry | None = None, observer: Observer | None = None
) -> RunSummary:
    """Call peaks and name motifs on scores that were made elsewhere, and write the results.

    ``config.scores`` says which. Writes the files of :func:`~decima_core.run`.

    Raises
    ------
    DecimaError
        One of its subclasses; the output folder then holds no ``run.json`` and no file that looks finished.
    """
    plugins = registry or Registry.discover()
    plan = config if isinstance(config, Plan) else config.plan(plugins, stages_of(config))
    settings = plan.config
    clock = RunClock()
    check_free(Path(settings.output), settings.overwrite)
    with ExitStack() as opened:
        opened.enter_context(seeded(settings.seed))
        planned = plan.stages.get("source")
        source = None if planned is None else opened.enter_context(planned.create())
        scores = opened.enter_context(
            open_described(settings.scores, source=source, seq_len=settings.seq_len, registry=plugins)
        )
        if source is not None:
            names = select_genes(source, settings.genes, settings.split)
        elif settings.split is not None:
            raise ConfigError("Scores have no splits; leave out --split, or name windows with --genes.")
        else:
            names = chosen_names("window", settings.genes, scores.names, scores.files)
        caller, scanner = (plan.stages[stage].create() for stage in ("peaks", "motifs"))
        facts = scores.facts
        summary = write_results(
            annotate(scores, caller, scanner, genes=names),
            plan,
            clock,
            observer or Observer(),
            names=names,
            header=metadata(model=facts.model, target=facts.target, method=facts.method),
            genome=facts.genome,
            contigs=facts.contigs,
            files=scores.files,
            device=None,
            facts=lambda: {
                "model": {"name": facts.model},
                "scores": {"format": facts.format, "projected": scores.projects, **attrs.asdict(scores.found)},
            },
        )
        return attrs.evolve(summary, notes=(scores.told(),))
