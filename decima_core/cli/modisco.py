"""``decima-core modisco``: a run's attributions to TF-MoDISco, and its patterns back as motifs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decima_core.cli.flags import flags
from decima_core.cli.text import count
from decima_core.cli.watching import watching
from decima_core.errors import ConfigError, OutputError
from decima_core.options import build

if TYPE_CHECKING:
    from decima_core.modisco.options import ModiscoOptions
    from decima_core.modisco.patterns import Pattern


@click.command("modisco")
@click.argument("run_folder", required=False)
@click.option("--windows", help="peaks (default): a window around each peak; genes: each gene's window whole.")
@click.option("--width", help="Bases of a window around a peak, an even number; default: 400.")
@click.option("--peaks", metavar="FILE", help="Take the summits from this peaks.tsv; default: the run's own.")
@click.option("--scores", help="auto (default), hypothetical or projected: what the attributions are.")
@click.option(
    "--center/--no-center",
    default=None,
    help="Subtract the mean over the bases; default: where the scores are slopes at the sequence or from no base at all.",
)
@click.option("--seed", help="Seed of the order of the windows; default: 0.")
@click.option("--run", "run_it", is_flag=True, help="Run TF-MoDISco too, and make motifs of its patterns.")
@click.option("--max-seqlets", help="Seqlets of each sign that TF-MoDISco uses; default: 20,000.")
@click.option("--leiden-runs", help="Clusterings to choose the best from; default: 2.")
@click.option("--patterns", metavar="FILE", help="Instead of a run: a result of TF-MoDISco to make motifs of.")
@click.option("--trim", help="Cut a pattern's ends off below this part of its highest contribution; default: 0.3.")
@click.option("--output", "-o", metavar="PATH", help="The folder to write; with --patterns the MEME file.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@flags("quiet")
def command(
    run_folder: str | None, patterns: str | None, output: str | None, overwrite: bool, quiet: bool, **given: Any
) -> None:
    """Hand a run over to TF-MoDISco, which finds motifs in attributions alone, and take its patterns back as motifs.

    \b
    decima-core run --source genes.h5 --model my_model:build --tasks CD14 -O method.hypothetical=true --output results
    decima-core modisco results --output found --run
    decima-core run --source genes.h5 --model my_model:build --tasks CD14 -O motifs.path=found/patterns.meme --output named
    decima-core modisco --patterns modisco.h5 --output patterns.meme

    Writes one_hot.npz, hypothetical.npz and windows.tsv; with --run also modisco.h5 and patterns.meme.
    """
    if (run_folder is None) == (patterns is None):
        raise ConfigError("Give the folder of a run, or --patterns with a result of TF-MoDISco, and not both.")
    if output is None:
        example = "--output patterns.meme" if patterns else "--output found"
        raise ConfigError(f"No output was given; name it, for example with {example}.")
    from decima_core.modisco.options import ModiscoInputOptions, ModiscoOptions

    peaks, run_it = given.pop("peaks"), given.pop("run_it")
    asked: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    later: dict[str, Any] = {k: asked.pop(k) for k in ("max_seqlets", "leiden_runs", "trim") if k in asked}
    discovery = build(ModiscoOptions, later, "modisco")
    if patterns is not None:
        misplaced = [*asked, *(["peaks"] if peaks else []), *(["run"] if run_it else [])]
        if misplaced:
            raise ConfigError(f"--{misplaced[0].replace('_', '-')} is for a run; leave it out with --patterns.")
        _motifs(Path(patterns), Path(output), discovery, overwrite=overwrite, quiet=quiet)
        return
    from decima_core.modisco.discover import is_installed, require_installed, run_modisco
    from decima_core.modisco.inputs import write_modisco_inputs

    if run_it:
        require_installed()
    options = build(ModiscoInputOptions, asked, "modisco")
    assert run_folder is not None
    with watching(quiet=quiet) as (console, progress):
        bar = progress.add_task("genes", total=None)
        inputs = write_modisco_inputs(
            run_folder,
            output,
            options,
            peaks=peaks,
            overwrite=overwrite,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
        progress.remove_task(bar)
        for sentence in inputs.warnings:
            click.echo(f"decima-core: warning: {sentence}", err=True)
        what = "projected scores" if inputs.scores == "projected" else "hypothetical scores"
        console.print(
            f"{count(inputs.windows, 'window')} of {inputs.width:,} bases from {count(inputs.genes, 'gene')}, {what}"
            f"{', mean over the bases subtracted' if inputs.centered else ''} -> {inputs.output}",
            markup=False,
        )
        if not run_it:
            missing = "" if is_installed() else ' (pip install "decima-core[modisco]")'
            console.print(f"Run TF-MoDISco{missing} with: {inputs.command(discovery)}", markup=False)
            console.print(
                f"and then: decima-core modisco --patterns {inputs.output / 'modisco.h5'} --output "
                f"{inputs.output / 'patterns.meme'}",
                markup=False,
            )
            return
        waiting = progress.add_task("TF-MoDISco", total=None)
        found = run_modisco(inputs, discovery, told=lambda line: console.print(f"TF-MoDISco: {line}", markup=False))
        progress.remove_task(waiting)
        _tell(console.print, found, inputs.output / "patterns.meme")


def _motifs(result: Path, output: Path, options: ModiscoOptions, *, overwrite: bool, quiet: bool) -> None:
    """The patterns of a result as a MEME file."""
    if output.is_dir():
        raise OutputError(f"The output '{output}' is a folder; name the MEME file to write.")
    if output.exists() and not overwrite:
        raise OutputError(f"The file '{output}' exists; give another one with --output, or --overwrite to replace it.")
    if output.resolve() == result.resolve():
        raise ConfigError(f"The output '{output}' is the file that is read; give another name with --output.")
    from decima_core.modisco.meme import write_meme
    from decima_core.modisco.patterns import read_modisco_patterns

    with watching(quiet=quiet) as (console, _):
        found = read_modisco_patterns(result, trim=options.trim)
        write_meme(output, found)
        _tell(console.print, found, output)


def _tell(show: Any, found: tuple[Pattern, ...], output: Path) -> None:
    for pattern in found:
        show(f"{pattern.motif.id}: {count(pattern.seqlets, 'seqlet')}, {pattern.motif.name}", markup=False)
    show(f"{count(len(found), 'motif')} -> {output}; scan with them: -O motifs.path={output}", markup=False)
