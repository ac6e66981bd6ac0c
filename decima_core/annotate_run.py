"""A whole run on scores that were made elsewhere: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import attrs

from decima_core.carry_out import Conduct, Observer, carry_out, check_start
from decima_core.config import Plan, RunConfig
from decima_core.errors import ConfigError
from decima_core.gene_work import GeneWork
from decima_core.outputs.assembly import RunSummary
from decima_core.pipeline import annotate_one, chosen_names, select_genes
from decima_core.registry import Registry
from decima_core.run_record import RunClock, metadata, seeded
from decima_core.scores.opening import open_described
from decima_core.scores.projection import Found, Projected
from decima_core.workforce import employ


def stages_of(config: RunConfig) -> tuple[str, ...]:
    """The stages that such a run needs: peaks and motifs, and a source where one is named."""
    return ("source", "peaks", "motifs") if "source" in config.stages else ("peaks", "motifs")


def run_annotation(
    config: RunConfig | Plan,
    *,
    registry: Registry | None = None,
    observer: Observer | None = None,
    conduct: Conduct | None = None,
) -> RunSummary:
    """Call peaks and name motifs on scores that were made elsewhere, and write the results.

    ``config.scores`` says which. Writes the files of :func:`~decima_core.runner.run`, and goes on as that does.

    Raises
    ------
    DecimaError
        As :func:`~decima_core.runner.run`.
    """
    plugins = registry or Registry.discover()
    plan = config if isinstance(config, Plan) else config.plan(plugins, stages_of(config))
    # Targets are a model's, and there is none; a file that others read too may name some.
    plan = attrs.evolve(plan, config=attrs.evolve(plan.config, targets={}))
    conduct, clock = conduct or Conduct(), RunClock()
    check_start(plan.config, conduct)
    with employ(plan, open_annotation) as workforce, open_windows(plan, plugins) as (work, scores):
        summary = carry_out(work, plan, clock, observer or Observer(), conduct, workforce)
        scores.found = Found(**summary.tally)
        return attrs.evolve(summary, notes=(scores.told(),))


@contextmanager
def open_annotation(plan: Plan) -> Iterator[GeneWork]:
    """The work of ``decima-core annotate`` with the plugins that are installed where this is called: in a worker process."""
    with open_windows(plan, Registry.discover()) as (work, _):
        yield work


@contextmanager
def open_windows(plan: Plan, registry: Registry) -> Iterator[tuple[GeneWork, Projected]]:
    """The work of ``decima-core annotate``, window by window, and the scores it is on; as :func:`~decima_core.gene_work.open_genes`."""
    settings = plan.config
    with ExitStack() as opened:
        opened.enter_context(seeded(settings.seed))
        planned = plan.stages.get("source")
        source = None if planned is None else opened.enter_context(planned.create())
        scores = opened.enter_context(
            open_described(settings.scores, source=source, seq_len=settings.seq_len, registry=registry)
        )
        if source is not None:
            names = select_genes(source, settings.genes, settings.split)
        elif settings.split is not None:
            raise ConfigError("Scores have no splits; leave out --split, or name windows with --genes.")
        else:
            names = chosen_names("window", settings.genes, scores.names, scores.files)
        caller, scanner = (plan.stages[stage].create() for stage in ("peaks", "motifs"))
        facts = scores.facts

        def tally() -> Mapping[str, int]:
            found, scores.found = scores.found, Found()
            return attrs.asdict(found)

        yield (
            GeneWork(
                names=names,
                explain=lambda name, clock, following: [annotate_one(scores, caller, scanner, name, clock)],
                header=metadata(model=facts.model, target=facts.target, method=facts.method),
                genome=facts.genome,
                contigs=facts.contigs,
                files=scores.files,
                device=None,
                facts={
                    "model": {"name": facts.model},
                    "scores": {"format": facts.format, "projected": scores.projects},
                },
                seed=settings.seed,
                placed=settings.bigwig,
                layout=settings.attributions,
                tally=tally,
            ),
            scores,
        )
