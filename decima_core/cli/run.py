"""``decima-core run``: flags or a TOML file to a folder of results."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.complete import provider_names
from decima_core.cli.text import count
from decima_core.config import RunConfig, choose, split_options
from decima_core.errors import ConfigError, first_line
from decima_core.options import parse_pair
from decima_core.registry import Registry

if TYPE_CHECKING:
    from decima_core.config import Plan
    from decima_core.records import Interpretation
    from decima_core.runner import RunSummary


def _listed(flag: str, values: tuple[str, ...]) -> list[str] | None:
    """``--tasks a,b --tasks c`` as one list; None if not given."""
    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    if values and not parts:
        # An empty shell variable, say, must not silently mean all.
        raise ConfigError(f"{flag} was given without a name; give names, or leave it out.")
    return parts or None


@click.command("run")
@click.argument("config", required=False)
@click.option("--source", metavar="FILE", help="The gene file (HDF5), or the name of a data source.")
@click.option("--model", metavar="MODEL", help="module:callable, a .pt2 or TorchScript file, or a model's name (demo).")
@click.option("--weights", metavar="FILE", help="The model's weights; short for -O model.weights=FILE.")
@click.option(
    "--genes",
    metavar="NAMES",
    multiple=True,
    help="Genes, separated by commas, or @FILE with one a line; default: all.",
)
@click.option("--split", help="Take the genes of this split.")
@click.option("--tasks", metavar="NAMES", multiple=True, help="Tasks to explain, by name or number from 0.")
@click.option("--off-tasks", metavar="NAMES", multiple=True, help="Tasks to contrast with; default: all others.")
@click.option("--transform", metavar="NAME", help="specificity (default) or aggregate.")
@click.option(
    "--method",
    metavar="NAME",
    shell_complete=provider_names("method"),
    help="Attribution method; default: input-x-gradient.",
)
@click.option("--peaks", metavar="NAME", shell_complete=provider_names("peaks"), help="Peak caller; default: scipy.")
@click.option(
    "--motifs", metavar="NAME", shell_complete=provider_names("motifs"), help="Motif scanner; default: jaspar."
)
@click.option(
    "-O",
    "--option",
    "pairs",
    metavar="STAGE.KEY=VALUE",
    multiple=True,
    help="An option of a stage, e.g. peaks.number=20.",
)
@click.option("--seq-len", type=int, help="Window length in bases; default: the model's, or the file's.")
@click.option("--device", help="auto (default), cpu, cuda, cuda:N or mps.")
@click.option("--seed", type=int, help="Seed of everything random; default: 0.")
@click.option("--output", "-o", metavar="FOLDER", help="Where the results go; default: results.")
@click.option("--overwrite", is_flag=True, default=None, help="Replace a finished run in the output folder.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def command(config: str | None, pairs: tuple[str, ...], quiet: bool, **flags: Any) -> None:
    """Explain genes: attributions, peaks and the motifs under them.

    Takes a TOML file CONFIG (or the run.json of a run, to repeat it), flags, or both (flags win). Writes attributions.h5, peaks and hits as TSV and BED, and
    run.json to the output folder.

    \b
    decima-core run --source genes.h5 --model my_model:build --weights w.safetensors \\
                    --genes SPI1,CD68 --tasks CD14 --output results
    decima-core run pipeline.toml --method integrated-gradients -O method.n_steps=20

    `decima-core show KIND NAME` lists the options of a stage.
    """
    execute(configure(config, pairs, flags), quiet=quiet)


def configure(config: str | None, pairs: tuple[str, ...], flags: dict[str, Any]) -> Plan:
    """The checked plan that a TOML file and flags describe."""
    registry = Registry.discover()
    base = RunConfig.from_file(config) if config else RunConfig(stages={})
    options, target = split_options([parse_pair(p) for p in pairs])
    providers: dict[str, str] = {}
    merged: dict[str, dict[str, Any]] = {}
    for stage in ("source", "model", "method", "peaks", "motifs"):
        value = flags.pop(stage)
        if value is not None:
            choice = choose(stage, value, registry)
            assert choice.provider is not None
            providers[stage] = choice.provider
            merged[stage] = dict(choice.options)
    weights = flags.pop("weights")
    if weights is not None:
        merged.setdefault("model", {})["weights"] = weights
    for stage, extra in options.items():
        merged.setdefault(stage, {}).update(extra)
    chosen: dict[str, Any] = {
        **target,
        **{k: v for k in ("tasks", "off_tasks") if (v := _listed(f"--{k.replace('_', '-')}", flags.pop(k)))},
    }
    transform = flags.pop("transform")
    if transform is not None:
        chosen["transform"] = transform
    flags["genes"] = _gene_names(flags["genes"])
    plain = base.with_changes(providers=providers, options=merged, target=chosen, **flags)
    return plain.plan(registry)


def _gene_names(values: tuple[str, ...]) -> list[str] | None:
    """``--genes`` as a list; ``@FILE`` is replaced by the file's lines."""
    names: list[str] = []
    for part in _listed("--genes", values) or []:
        if not part.startswith("@"):
            names.append(part)
            continue
        try:
            text = Path(part[1:]).read_text(encoding="utf-8")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or first_line(error)
            raise ConfigError(f"The list of genes '{part[1:]}' cannot be read: {reason}.") from None
        if not lines:
            raise ConfigError(f"The list of genes '{part[1:]}' is empty; write one gene a line.")
        names.extend(lines)
    return names or None


def execute(plan: Plan, *, quiet: bool = False) -> RunSummary:
    """Run a plan with a progress bar when a person is watching, and a line for each gene."""
    import logging
    import signal
    import threading

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from decima_core.runner import Observer, run

    class PatientConsole(Console):
        def on_broken_pipe(self) -> None:
            """The reader of the lines, such as `head`, went away: the run goes on in silence."""
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    # Warnings of the stages, such as a method whose promise does not hold, in the form of this program's errors.
    logging.basicConfig(level=logging.WARNING, format="decima-core: warning: %(message)s")
    # A scheduler's way to end a job: like Ctrl-C, so that nothing unfinished stays behind.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), _interrupt)
    console = PatientConsole(quiet=quiet, highlight=False, soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("genes", total=None)

        def started(genes: list[str], device: str, output: Path) -> None:
            method = plan.stages["method"].provider.spec.name
            console.print(f"{count(len(genes), 'gene')}, {method}, on {device}", markup=False)
            progress.update(bar, total=len(genes))

        def gene_done(result: Interpretation) -> None:
            console.print(summarise(result), markup=False)
            progress.advance(bar)

        summary = run(plan, observer=Observer(started=started, gene_done=gene_done))
    console.print(
        f"{count(summary.genes, 'gene')}, {count(summary.peaks, 'peak')}, {count(summary.hits, 'motif hit')} "
        f"in {summary.seconds['total']:.1f} s -> {summary.output}",
        markup=False,
    )
    if not summary.peaks:
        console.print(
            "No peak stands out in any gene; see lower ones with -O peaks.z=3 or -O peaks.height=..., and negative ones with "
            "-O peaks.sign=both.",
            markup=False,
        )
    return summary


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


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
