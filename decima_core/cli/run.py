"""``decima-core run``: flags or a TOML file to a folder of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.flags import configure, flags
from decima_core.cli.text import count
from decima_core.cli.watching import watching

if TYPE_CHECKING:
    from decima_core.config import Plan
    from decima_core.records import Interpretation
    from decima_core.runner import Observer, RunSummary


@click.command("run")
@click.argument("config", required=False)
@flags(
    "source", "gene-table", "model", "weights", "genes", "split", "tasks", "off-tasks", "transform", "method", "peaks", "motifs",
    "option", "seq-len", "device", "seed", "output", "attributions", "bigwig", "overwrite", "quiet",
)  # fmt: skip
def command(config: str | None, pairs: tuple[str, ...], quiet: bool, **given: Any) -> None:
    """Explain genes: attributions, peaks and the motifs under them.

    Takes a TOML file CONFIG (or the run.json of a run, to repeat it), flags, or both (flags win). Writes attributions.h5, peaks and hits as TSV and BED, and
    run.json to the output folder.

    \b
    decima-core run --source genes.h5 --model my_model:build --weights w.safetensors \\
                    --genes SPI1,CD68 --tasks CD14 --output results
    decima-core run pipeline.toml --method integrated-gradients -O method.n_steps=20

    `decima-core show KIND NAME` lists the options of a stage.
    """
    settings, registry = configure(config, pairs, given)
    execute(settings.plan(registry), quiet=quiet)


def execute(plan: Plan, *, quiet: bool = False) -> RunSummary:
    """Run a plan with a progress bar when a person is watching, and a line for each gene."""
    from decima_core.runner import run

    def opening(genes: list[str], device: str) -> str:
        return f"{count(len(genes), 'gene')}, {plan.stages['method'].provider.spec.name}, on {device}"

    return follow(plan, lambda observer: run(plan, observer=observer), opening, "gene", quiet=quiet)


def follow(
    plan: Plan,
    start: Callable[[Observer], RunSummary],
    opening: Callable[[list[str], str], str],
    noun: str,
    *,
    quiet: bool,
) -> RunSummary:
    """Start a run, and show it: the line that opens it, one for each gene, and what it did. ``noun`` is what it counts."""
    from decima_core.runner import Observer

    with watching(quiet=quiet) as (console, progress):
        bar = progress.add_task(f"{noun}s", total=None)

        def started(names: list[str], device: str, output: Path) -> None:
            console.print(opening(names, device), markup=False)
            progress.update(bar, total=len(names))

        def gene_done(result: Interpretation) -> None:
            console.print(summarise(result), markup=False)
            progress.advance(bar)

        summary = start(Observer(started=started, gene_done=gene_done))
    for note in summary.notes:
        console.print(note, markup=False)
    console.print(
        f"{count(summary.genes, noun)}, {count(summary.peaks, 'peak')}, {count(summary.hits, 'motif hit')} "
        f"in {summary.seconds['total']:.1f} s -> {summary.output}",
        markup=False,
    )
    if not summary.peaks:
        name = plan.stages["peaks"].provider.spec.name
        lower = "with -O peaks.z=3 or -O peaks.height=..., and negative ones with -O peaks.sign=both."
        if name != "scipy":
            lower = f"with the options that 'decima-core show peaks {name}' lists."
        console.print(f"No peak stands out in any {noun}; see lower ones {lower}", markup=False)
    return summary


def summarise(result: Interpretation) -> str:
    """One line about one gene: counts, and the motif that explains its highest peak best."""
    from decima_core.naming import best_hits

    seconds = sum(result.seconds.values())
    text = f"{result.record.gene}: {count(len(result.peaks), 'peak')}, {count(len(result.hits), 'hit')}"
    if len(result.peaks):
        top, tss = int(result.peaks.position[0]), result.record.tss
        text += f"; highest at {top:,d}" if tss is None else f"; highest at TSS{top - tss:+,d}"
        best = best_hits(result.hits, result.peaks)[0]
        if best >= 0:
            name, matrix, p = result.hits.motif_name[best], result.hits.motif_id[best], result.hits.p_value[best]
            text += f", best motif {name} ({matrix}, p={p:.1e})"
        else:
            text += ", no motif"
    return f"{text}; {seconds:.1f} s"
