"""``decima-core compare``: several methods, peak callers or motif scanners on the same genes, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.complete import listed_names
from decima_core.cli.flags import COMPUTE, Command, configure, flags
from decima_core.cli.text import Layout, count, default_layout, print_table
from decima_core.cli.watching import watching
from decima_core.config import refuse_targets
from decima_core.errors import ConfigError, DecimaError, shorten

if TYPE_CHECKING:
    from decima_core.comparison.contenders import ComparisonPlan
    from decima_core.comparison.run import ComparisonSummary
    from decima_core.comparison.side_by_side import GeneComparison

# What a person sees of the table's columns, on two lines so that a row fits on one.
HEADINGS = {
    "contender": "contender",
    "spearman": "rank\ncorr.",
    "peaks_found": "peaks\nfound",
    "peaks_jaccard": "peaks\nJaccard",
    "hits_jaccard": "hits\nJaccard",
    "same_name": "same\nname",
    "peaks": "\npeaks",
    "hits": "\nhits",
}


def _contenders(stage: str, what: str) -> Callable[[Command], Command]:
    return click.option(
        f"--{stage}",
        f"compared_{stage}",
        metavar="NAMES",
        multiple=True,
        shell_complete=listed_names(stage),
        help=f"{what}, separated by commas, each NAME or 'NAME[option=value,...]'.",
    )


@click.command("compare")
@click.argument("config", required=False)
@_contenders("method", "Attribution methods")
@_contenders("peaks", "Peak callers")
@_contenders("motifs", "Motif scanners")
@click.option("--top", type=int, help="How many of each gene's highest peaks are compared; default: 10.")
@click.option("--distance", type=int, help="Bases that two summits of the same peak may lie apart; default: 10.")
@click.option("--p-value", type=float, help="Largest p-value of the motif hits that are compared; default: 1e-4.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "tsv"]),
    help="table (the default on a terminal) or tsv (the default elsewhere).",
)
@flags(
    "source", "gene-table", "model", "weights", "genes", "split", "tasks", "off-tasks", "transform", "option", "seq-len", "device",
    *COMPUTE, "seed",
)  # fmt: skip
@click.option("--output", "-o", metavar="FOLDER", help="Write the tables there too; default: nowhere.")
@flags("overwrite")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but the table and errors.")
def command(
    config: str | None,
    pairs: tuple[str, ...],
    layout: Layout | None,
    output: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Compare methods, peak callers or motif scanners on the same genes.

    Several names for one stage, or for more, are compared in every combination; the first is the reference. Prints how alike
    their tracks, peaks and motifs are to the reference's, and what each took. What they share is done once. A contender that
    fails is shown as failed, the others go on, and the exit status is 1.

    \b
    decima-core compare --source genes.h5 --model my_model:build --weights w.safetensors --genes SPI1,CD68 \\
                        --tasks CD14 --method input-x-gradient,integrated-gradients,deep-lift
    decima-core compare pipeline.toml --method 'integrated-gradients[n_steps=20],integrated-gradients[n_steps=200]'

    -O method.n_steps=20 goes to every contender that has the option; what stands in brackets goes to one, and wins. `[compare]` in
    a TOML file, or -O compare.KEY=VALUE, takes method, peaks, motifs, top, distance and p_value.
    """
    compared: dict[str, Any] = {
        stage: list(names) for stage in ("method", "peaks", "motifs") if (names := given.pop(f"compared_{stage}"))
    }
    for stage, names in compared.items():
        if not any(name.strip(" ,") for name in names):
            # An empty shell variable, say, must not silently mean the default.
            raise ConfigError(f"--{stage} was given without a name; give names, or leave it out.")
    compared |= {k: v for k in ("top", "distance", "p_value") if (v := given.pop(k)) is not None}
    settings, registry = configure(config, pairs, given, compare=compared)
    refuse_targets(settings, "compare")

    from decima_core.comparison.contenders import plan_comparison

    summary = execute(plan_comparison(settings, registry), output=output, quiet=quiet)
    show(summary, layout or default_layout())
    if summary.failures:
        failed = shorten(summary.failures)
        raise DecimaError(
            f"{len(summary.failures)} of {len(summary.table)} contenders failed ({failed}); the table says why."
        )


def execute(plan: ComparisonPlan, *, output: str | None = None, quiet: bool = False) -> ComparisonSummary:
    """Compare with a progress bar on standard error when a person is watching."""
    from decima_core.comparison.run import ComparisonObserver, run_comparison

    with watching(quiet=quiet, stderr=True) as (console, progress):
        bar = progress.add_task("genes", total=None)

        def started(genes: list[str], contenders: list[str], device: str) -> None:
            console.print(f"{count(len(genes), 'gene')}, {len(contenders)} contenders, on {device}", markup=False)
            progress.update(bar, total=len(genes))

        def gene_done(comparison: GeneComparison) -> None:
            progress.advance(bar)

        summary = run_comparison(plan, output=output, observer=ComparisonObserver(started=started, gene_done=gene_done))
        where = f" -> {summary.output}" if summary.output else ""
        console.print(f"{count(summary.genes, 'gene')} in {summary.seconds['total']:.1f} s{where}", markup=False)
    return summary


def show(summary: ComparisonSummary, layout: Layout) -> None:
    """Print the table: all of it for a program; for a person rounded, with the notes beneath."""
    from decima_core.comparison.table import SECONDS

    table = summary.table
    if layout == "tsv":
        print_table(
            list(table.columns), (_cells(row, "{:.9g}") for row in table.itertuples(index=False)), layout=layout
        )
        return
    cells = [_cells(row, "{:.2f}") for row in table[list(HEADINGS)].itertuples(index=False)]
    seconds = ["+".join(_cells(row, "{:.1f}")) for row in table[list(SECONDS)].itertuples(index=False)]
    print_table(
        [*HEADINGS.values(), "seconds"],
        [[*row, spent.strip("+")] for row, spent in zip(cells, seconds, strict=True)],
        title=f"{table['contender'].iloc[0]} is the reference; means over {count(summary.genes, 'gene')}; seconds of attribution "
        "+ peaks + motifs",
        layout=layout,
        numbers=True,
    )
    for label, status, note in table[["contender", "status", "note"]].to_numpy().tolist():
        if note:
            click.echo(f"{label}{' failed' if status == 'failed' else ''}: {note}")


def _cells(row: Any, number: str) -> list[str]:
    import pandas as pd

    return ["" if pd.isna(cell) else number.format(cell) if isinstance(cell, float) else str(cell) for cell in row]
