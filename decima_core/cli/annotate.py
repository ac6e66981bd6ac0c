"""``decima-core annotate``: scores that were made elsewhere to a folder of peaks and named motifs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.flags import CONDUCT, WORKERS, conduct_of, configure, flags
from decima_core.cli.run import follow, leave
from decima_core.cli.text import count
from decima_core.errors import ConfigError, UnknownNameError
from decima_core.options import parse_pair

if TYPE_CHECKING:
    from decima_core.carry_out import Conduct
    from decima_core.config import Plan
    from decima_core.outputs.assembly import RunSummary
    from decima_core.registry import Registry

STAGES = ("scores", "source", "peaks", "motifs")


@click.command("annotate")
@click.argument("config", required=False)
@click.option(
    "--scores",
    "path",
    metavar="FILE",
    help="HDF5 of ChromBPNet or Decima (attributions.h5), .npz or .npy of TF-MoDISco, or BigWig.",
)
@click.option(
    "--sequences",
    metavar="FILE",
    help="Their sequences where the scores hold none: one-hot .npz or .npy, FASTA; for BigWig the genome.",
)
@click.option("--regions", metavar="FILE", help="Names and places of the windows, in their order: BED or narrowPeak.")
@click.option("--hypothetical", is_flag=True, help="The scores are those of all four bases; an error if they are not.")
@click.option("--projected", is_flag=True, help="The scores lie on the sequences alone; an error if they do not.")
@flags(
    "source",
    "gene-table",
    "genes",
    "split",
    "peaks",
    "motifs",
    "option",
    "seq-len",
    "seed",
    "output",
    "attributions",
    "bigwig",
    "overwrite",
    *WORKERS,
    *CONDUCT,
    "quiet",
)
def command(
    config: str | None, pairs: tuple[str, ...], quiet: bool, hypothetical: bool, projected: bool, **given: Any
) -> None:
    """Call peaks and name motifs on scores you already have.

    Takes flags, a TOML file CONFIG (or the run.json of such a run, to repeat it), or both (flags win). Writes what
    `decima-core run` writes. No model is needed.

    \b
    decima-core annotate --scores contribs.h5 --regions interpreted_regions.bed --output named
    decima-core annotate --scores hypothetical.npz --sequences one_hot.npz
    decima-core annotate --scores contribs.bw --sequences genome.fa --regions peaks.narrowPeak --seq-len 2114
    decima-core annotate --scores contribs.bw --source genome.fa --gene-table genes.gtf

    Hypothetical scores, which have a value for all four bases, are projected on the sequences; what was found is told.
    `[scores]` in a TOML file, or -O scores.KEY=VALUE, takes more options.
    """
    if config is not None and not config.lower().endswith((".toml", ".json")):
        raise ConfigError(
            f"'{config}' is no description of a run (.toml, or a run.json); give scores with --scores FILE."
        )
    if hypothetical and projected:
        raise ConfigError(
            "Both --hypothetical and --projected were given; give one of them, or neither to have it found out."
        )
    scores = {name: value for name in ("path", "sequences", "regions") if (value := given.pop(name)) is not None}
    if hypothetical or projected:
        scores["values"] = "hypothetical" if hypothetical else "projected"
    for stage, _, _ in map(parse_pair, pairs):
        if stage not in STAGES:
            raise UnknownNameError("stage", stage, STAGES, where="annotate")
    conduct = conduct_of(given)
    settings, registry = configure(config, pairs, given, scores=scores)
    from decima_core.annotate_run import stages_of

    leave(execute(settings.plan(registry, stages_of(settings)), registry, quiet=quiet, conduct=conduct))


def execute(plan: Plan, registry: Registry, *, quiet: bool = False, conduct: Conduct | None = None) -> RunSummary:
    """Run a plan with a progress bar when a person is watching, and a line for each window."""
    from decima_core.annotate_run import run_annotation

    def opening(names: list[str], device: str) -> str:
        return f"{count(len(names), 'window')} of {Path(plan.config.scores.path).name}"

    return follow(
        plan,
        lambda observer: run_annotation(plan, registry=registry, observer=observer, conduct=conduct),
        opening,
        "window",
        quiet=quiet,
    )
