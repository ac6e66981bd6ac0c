"""``decima-core demo``: see it work on data the program makes itself."""

from __future__ import annotations

from pathlib import Path

import click

from decima_core.cli.text import print_table
from decima_core.registry import Registry


@click.command("demo")
@click.option("--output", "-o", default="demo-run", show_default=True, metavar="FOLDER", help="Where everything goes.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of everything random.")
@click.option("--genes", "n_genes", default=24, show_default=True, type=click.IntRange(1, 500), help="Genes to make.")
@click.option("--overwrite", is_flag=True, help="Replace a finished demo in the output folder.")
def command(output: str, seed: int, n_genes: int, overwrite: bool) -> None:
    """See it work on data the program makes itself; needs no files and takes under a minute.

    Makes a small genome with real JASPAR motifs planted at known places on both strands, trains a small network on it,
    runs the same pipeline as `decima-core run` through the same plugins, and prints what it found beside what was planted.
    """
    from decima_core.cli.run import execute
    from decima_core.demo.show import TASK, run_demo
    from decima_core.outputs.partial_folder import check_free

    folder = Path(output)
    check_free(folder / "results", overwrite)
    result = run_demo(
        folder,
        seed=seed,
        n_genes=n_genes,
        registry=Registry.discover(),
        execute=execute,
        overwrite=overwrite,
        tell=click.echo,
    )
    click.echo(f"\nSites that drive '{TASK}' (the first 12), and what was found there:\n")
    rows = [
        (
            s.gene,
            f"{s.chrom}:{s.genome_start:,}-{s.genome_end:,}({s.genome_strand})",
            s.motif_name,
            "yes" if s.found else "no",
            s.best_motif,
        )
        for s in result.table.head(12).itertuples()
    ]
    print_table(("gene", "planted at", "motif", "peak", "named"), rows)
    r = result.recovery
    click.echo(
        f"\nrecall     {r.recall:.2f}  ({r.found} of {r.sites} driver sites hold a peak)\n"
        f"precision  {r.precision:.2f}  ({r.true_peaks} of {r.peaks} peaks lie in a driver site)\n"
        f"placed     {r.placed} of the {r.found} found sites have their own motif placed exactly\n"
        f"named      {r.named} of them are called by their own motif's name, out of all of JASPAR's vertebrate motifs\n"
    )
    click.echo(f"Planted beside found: {folder / 'found.tsv'}; data: {folder / 'data'}; results: {folder / 'results'}")
