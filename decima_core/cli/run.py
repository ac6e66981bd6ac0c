"""``decima-core run``: flags or a TOML file to a folder of results."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.flags import COMPUTE, CONDUCT, WORKERS, conduct_of, configure, flags
from decima_core.cli.text import count
from decima_core.cli.watching import watching

if TYPE_CHECKING:
    from decima_core.carry_out import Conduct, Observer
    from decima_core.config import Plan
    from decima_core.outputs.assembly import RunSummary
    from decima_core.outputs.outcome import GeneFailure, GeneResults

SOME_FAILED = 3  # exit status
EVERY = 60.0  # seconds


@click.command("run")
@click.argument("config", required=False)
@flags(
    "source", "gene-table", "model", "weights", "genes", "split", "tasks", "off-tasks", "transform", "targets", "method", "peaks", "motifs",
    "option", "seq-len", "device", *COMPUTE, "seed", "output", "attributions", "bigwig", "overwrite",
    *WORKERS, *CONDUCT, "quiet",
)  # fmt: skip
def command(config: str | None, pairs: tuple[str, ...], quiet: bool, **given: Any) -> None:
    """Explain genes: attributions, peaks and the motifs under them.

    Takes a TOML file CONFIG (or the run.json of a run, to repeat it), flags, or both (flags win). Writes attributions.h5, peaks and hits as TSV and BED, and
    run.json to the output folder.

    \b
    decima-core run --source genes.h5 --model my_model:build --weights w.safetensors \\
                    --genes SPI1,CD68 --tasks CD14 --output results
    decima-core run pipeline.toml --method integrated-gradients -O method.n_steps=20

    `decima-core show KIND NAME` lists the options of a stage. A gene that fails is listed in failures.tsv, and the exit status is 3. Whatever
    ends a run, --resume goes on with it.
    """
    conduct = conduct_of(given)
    settings, registry = configure(config, pairs, given)
    leave(execute(settings.plan(registry), quiet=quiet, conduct=conduct))


def leave(summary: RunSummary) -> None:
    """End with the exit status of a run: 3 where genes failed beside others."""
    if summary.failures:
        sys.exit(SOME_FAILED)


def execute(plan: Plan, *, quiet: bool = False, conduct: Conduct | None = None) -> RunSummary:
    """Run a plan with a progress bar when a person is watching, and a line for each gene."""
    from decima_core.runner import run

    def opening(genes: list[str], device: str) -> str:
        return f"{count(len(genes), 'gene')}, {plan.stages['method'].provider.spec.name}, on {device}"

    return follow(plan, lambda observer: run(plan, observer=observer, conduct=conduct), opening, "gene", quiet=quiet)


def follow(
    plan: Plan,
    start: Callable[[Observer], RunSummary],
    opening: Callable[[list[str], str], str],
    noun: str,
    *,
    quiet: bool,
) -> RunSummary:
    """Start a run, and show it: the line that opens it, one for each gene, and what it did. ``noun`` is what it counts."""
    from decima_core.carry_out import Observer
    from decima_core.pace import Pace

    with watching(quiet=quiet) as (console, progress):
        bar = progress.add_task(f"{noun}s", total=None)

        def say(line: str) -> None:
            console.print(line, markup=False)

        pace, told = Pace(0), time.monotonic()

        def started(names: list[str], device: str, output: Path, done: int) -> None:
            nonlocal pace
            pace = Pace(len(names), done)
            say(opening(names, device) + (f"; {done:,} done before" if done else ""))
            progress.update(bar, total=len(names), completed=done)

        def step(line: str) -> None:
            nonlocal told
            say(line)
            pace.step()
            progress.update(bar, advance=1, description=f"{noun}s, {pace.rate}")
            # A file of lines has no bar; it is told now and then.
            if not console.is_terminal and time.monotonic() - told > EVERY:
                told = time.monotonic()
                say(str(pace))

        def gene_done(results: GeneResults) -> None:
            step(summarise(results))

        def gene_failed(failure: GeneFailure) -> None:
            step(f"{failure.gene}: failed ({failure.stage}): {failure.reason}")

        summary = start(Observer(started=started, gene_done=gene_done, gene_failed=gene_failed))
    for line in (*summary.notes, *closing(summary, noun)):
        say(line)
    if summary.whole and not summary.before and not summary.peaks:
        name = plan.stages["peaks"].provider.spec.name
        lower = "with -O peaks.z=3 or -O peaks.height=..., and negative ones with -O peaks.sign=both."
        if name != "scipy":
            lower = f"with the options that 'decima-core show peaks {name}' lists."
        say(f"No peak stands out in any {noun}; see lower ones {lower}")
    return summary


def closing(summary: RunSummary, noun: str) -> list[str]:
    """What a run, or a shard of one, has come to."""
    counts = f"{count(summary.genes, noun)}, {count(summary.peaks, 'peak')}, {count(summary.hits, 'motif hit')}"
    failed = f"{count(len(summary.failures), noun)} failed"
    if summary.before:
        lines = [f"The run in '{summary.output}' was finished already: {counts}"]
    elif summary.whole:
        lines = [f"{counts} in {summary.seconds['total']:.1f} s -> {summary.output}"]
    else:
        lines = [
            f"{counts} in {summary.seconds['total']:.1f} s; when all shards are done: decima-core merge {summary.output}"
        ]
    if summary.failures and summary.whole:
        lines.append(f"{failed}; see {summary.output / 'failures.tsv'}")
    elif summary.failures:
        lines.append(f"{failed}; --resume tries again")
    return lines


def summarise(results: GeneResults) -> str:
    """One line about one gene: counts, and the motif that explains its highest peak best."""
    found, seconds = results.results[0].summary, sum(results.seconds.values())
    if len(results.results) > 1:
        peaks, hits = (sum(getattr(each.summary, what) for each in results.results) for what in ("peaks", "hits"))
        return f"{results.gene}: {count(len(results.results), 'target')}, {count(peaks, 'peak')}, {count(hits, 'hit')}; {seconds:.1f} s"
    text = f"{results.gene}: {count(found.peaks, 'peak')}, {count(found.hits, 'hit')}"
    if found.top is not None:
        place = f"{found.top:,d}" if found.from_tss is None else f"TSS{found.from_tss:+,d}"
        text += f"; highest at {place}"
        if found.motif is not None:
            matrix, name, p = found.motif
            text += f", best motif {name} ({matrix}, p={p:.1e})"
        else:
            text += ", no motif"
    return f"{text}; {seconds:.1f} s"
