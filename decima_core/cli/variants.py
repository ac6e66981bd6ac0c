"""``decima-core variants``: a VCF or a table of variants to a folder of effects, and of motifs made and broken."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.flags import COMPUTE, configure, flags
from decima_core.cli.text import count
from decima_core.cli.watching import watching
from decima_core.config import refuse_targets

if TYPE_CHECKING:
    import pandas as pd

    from decima_core.config import Plan
    from decima_core.effects import VariantExplanation
    from decima_core.variant_run import VariantSummary


@click.command("variants")
@click.argument("config", required=False)
@click.option("--variants", "path", metavar="FILE", help="VCF or BCF, or TSV or CSV with chrom, pos, ref, alt.")
@click.option(
    "--attribute", is_flag=True, default=None, help="Attribute both alleles, and list the motifs gained and lost."
)
@click.option("--shifts", metavar="N,N,...", help="Average predictions over windows moved by these bases; default: 0.")
@click.option(
    "--replicate",
    "replicates",
    metavar="FILE",
    multiple=True,
    help="Weights of a further replicate of the model to average with.",
)
@click.option("--normalise", is_flag=True, default=None, help="Left-align alleles and make them as short as can be.")
@click.option("--strict", is_flag=True, default=None, help="Refuse a list with a variant that cannot be used.")
@click.option("--batch-size", type=int, help="Sequences in one forward pass, an even number.")
@flags(
    "source", "gene-table", "model", "weights", "genes", "split", "tasks", "off-tasks", "transform", "method", "motifs",
    "option", "seq-len", "device", *COMPUTE, "seed", "output", "overwrite", "quiet",
)  # fmt: skip
def command(config: str | None, pairs: tuple[str, ...], quiet: bool, **given: Any) -> None:
    """Tell what variants do to a model's prediction.

    Writes one row for each variant and gene whose window it lies in, with the effect on the tasks and a status, to effects.tsv
    and effects.parquet in the output folder; with --attribute also the motifs gained, lost and changed (motif_changes) and
    both alleles' attributions on one axis (alleles.h5).

    \b
    decima-core variants --variants in.vcf.gz --source genome.fa --gene-table genes.gtf \\
                         --model my_model:build --weights w.safetensors --tasks CD14 --output effects
    decima-core variants pipeline.toml --variants in.vcf --attribute

    The effect is that on the tasks; with --off-tasks, or --transform specificity, that on the tasks minus that on the off-tasks
    (by default all others). `[variants]` in a TOML file, or
    -O variants.KEY=VALUE, takes the same options.
    """
    names = ("path", "attribute", "shifts", "replicates", "normalise", "strict", "batch_size")
    variants = {name: value for name in names if (value := given.pop(name)) not in (None, ())}
    if given["transform"] is None and not given["off_tasks"] and not _contrasts(config, pairs):
        given["transform"] = "aggregate"
    settings, registry = configure(config, pairs, given, variants)
    refuse_targets(settings, "variants")
    execute(settings.plan(registry), quiet=quiet)


def _contrasts(config: str | None, pairs: tuple[str, ...]) -> bool:
    """Whether the file or an option says how tasks are contrasted; where nothing does, the tasks alone are looked at."""
    keys = ("transform", "off_tasks")
    if any(pair.replace("-", "_").strip().startswith(tuple(f"target.{key}" for key in keys)) for pair in pairs):
        return True
    if config is None:
        return False
    if not config.lower().endswith(".toml"):  # the record of a run, which holds every option
        return True
    path = Path(config)
    try:
        target = tomllib.loads(path.read_text(encoding="utf-8")).get("target", {}) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):  # told by whoever reads the settings
        return True
    return isinstance(target, dict) and any(key in target for key in keys)


def execute(plan: Plan, *, quiet: bool = False) -> VariantSummary:
    """Run a plan with a count of the variants done when a person is watching."""
    from decima_core.variant_run import VariantObserver, run_variants

    with watching(quiet=quiet) as (console, progress):
        bar = progress.add_task("variants", total=None)

        def started(device: str, output: Path) -> None:
            console.print(f"variants of {plan.config.variants.path}, on {device}", markup=False)

        def part_done(table: pd.DataFrame) -> None:
            progress.advance(bar, len(table))

        def explained(explanation: VariantExplanation) -> None:
            console.print(summarise(explanation), markup=False)

        observer = VariantObserver(started=started, part_done=part_done, explained=explained)
        summary = run_variants(plan, observer=observer)
    statuses = ", ".join(f"{n:,} {status}" for status, n in sorted(summary.statuses.items(), key=lambda s: -s[1]))
    console.print(
        f"{count(sum(summary.statuses.values()), 'row')} ({statuses or 'no variants'}) in {summary.seconds['total']:.1f} s -> "
        f"{summary.output}",
        markup=False,
    )
    return summary


def summarise(explanation: VariantExplanation) -> str:
    """One line about one variant: its motif changes, and the greatest of them."""
    row, motifs = explanation.row, explanation.motifs
    place = f"{row['chrom']}:{row['pos']} {row['ref']}>{row['alt']}" if isinstance(row["chrom"], str) else ""
    text = f"{place or row['rel_pos']} {row['gene']}:"
    kinds = motifs["change"].value_counts()
    text += " " + ", ".join(f"{kinds.get(kind, 0)} {kind}" for kind in ("lost", "gained", "changed")) + " motif sites"
    if len(motifs):
        top = motifs.iloc[0]
        text += f"; most: {top['motif_name']} ({top['motif_id']}) {top['change']}, support {top['support_change']:+.3g}"
    return text
