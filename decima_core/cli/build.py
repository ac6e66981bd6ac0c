"""``decima-core build``: a gene file out of a genome, or of another gene file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from decima_core.choice import choose, split_options
from decima_core.cli.flags import flags, gene_names
from decima_core.cli.text import count
from decima_core.cli.watching import watching
from decima_core.errors import ConfigError
from decima_core.options import parse_pair
from decima_core.registry import Registry


@click.command("build")
@flags("source", "gene-table")
@click.option("--labels", metavar="FILE", help="Labels: .h5ad (obs are tasks), or TSV or CSV with a gene a row.")
@flags("genes", "split")
@click.option("--upstream", type=int, help="Bases of the window before the gene's start; default: 163,840.")
@click.option("--seq-len", type=int, help="Length of the window; default: 524,288, or the gene file's.")
@click.option("--pad", type=int, default=0, help="Bases to store on each side of the window, for shifts; default: 0.")
@click.option(
    "--compression",
    type=click.Choice(["gzip", "lzf", "none"]),
    default="gzip",
    help="Of the sequences; none reads fastest and takes 2.5 times the space. Default: gzip.",
)
@flags("option")
@click.option("--output", "-o", metavar="FILE", help="The gene file to write.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@flags("quiet")
def command(pairs: tuple[str, ...], quiet: bool, **given: Any) -> None:
    """Write a gene file (HDF5): windows, masks, labels and places of genes.

    \b
    decima-core build --source genome.fa.gz --gene-table genes.gtf --labels expression.h5ad \\
                      --pad 5000 --output genes.h5
    decima-core build --source genes.h5 --genes SPI1,CD68 --output two.h5

    The file appears under its name only when it is whole and reads back as it was written.
    """
    if not given["source"]:
        raise ConfigError("No source was given; use --source genome.fa with --gene-table, or --source genes.h5.")
    if not given["output"]:
        raise ConfigError("No output was given; name the file to write with --output genes.h5.")
    registry = Registry.discover()
    options, _ = split_options([parse_pair(pair) for pair in pairs])
    choice = choose("source", given["source"], registry)
    settings = {**choice.options, **options.pop("source", {})}
    if options:
        raise ConfigError(
            f"build has no stage '{next(iter(options))}'; its options are those of the source: -O source.KEY=VALUE."
        )
    provider = registry.get("source", choice.provider or "")
    known = {field.name for field in attrs.fields(provider.spec.options)}
    for flag, key in (("gene_table", "genes"), ("upstream", "upstream"), ("seq_len", "seq_len")):
        if given[flag] is not None and key in known:
            settings[key] = given[flag]
        elif given[flag] is not None and flag != "seq_len":
            name = flag.replace("_", "-")
            raise ConfigError(f"The source '{provider.spec.name}' takes no --{name}; leave it out.")
    table, output = settings.get("genes"), Path(given["output"])
    if isinstance(table, str) and Path(table).exists() and output.exists() and output.samefile(table):
        raise ConfigError(f"The output '{output}' is the gene table that is read; give another name with --output.")
    from decima_core.builder import build_gene_file

    with watching(quiet=quiet) as (console, progress), provider.create(provider.build_options(settings)) as source:
        bars = {stage: progress.add_task(stage, total=None, visible=stage == "write") for stage in ("write", "check")}

        def told(stage: str, done: int, total: int) -> None:
            progress.update(bars[stage], completed=done, total=total, visible=True)

        summary = build_gene_file(
            source,
            Path(given["output"]),
            genes=gene_names(given["genes"]) or (),
            split=given["split"],
            labels=given["labels"],
            pad=given["pad"],
            seq_len=given["seq_len"],
            compression=given["compression"],
            overwrite=given["overwrite"],
            progress=told,
        )
    console.print(
        f"{count(summary.genes, 'gene')}, {count(summary.tasks, 'task')}, {_size(summary.size)} in "
        f"{summary.seconds:.1f} s -> {summary.output}",
        markup=False,
    )


def _size(n: int) -> str:
    return f"{n / 2**20:,.1f} MiB" if n >= 2**20 else f"{n / 2**10:,.1f} KiB"
