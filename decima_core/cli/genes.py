"""``decima-core genes FILE``: what a gene file holds."""

from __future__ import annotations

import click

from decima_core.choice import choose
from decima_core.cli.text import print_table
from decima_core.registry import Registry


@click.command("genes")
@click.argument("file")
@click.option("--split", help="Only the genes of this split.")
@click.option("--count", is_flag=True, help="Count the genes of each split instead of listing them.")
@click.option("--tasks", is_flag=True, help="List the file's tasks instead of its genes.")
def command(file: str, split: str | None, count: bool, tasks: bool) -> None:
    """List the genes and splits of a gene FILE."""
    registry = Registry.discover()
    choice = choose("source", file, registry)
    with registry.create("source", choice.provider or "", **choice.options) as source:
        if tasks:
            print_table(("number", "task"), list(enumerate(source.tasks)))
        elif count:
            splits = [split] if split else list(source.splits())
            rows = [(s, len(source.genes(s))) for s in splits]
            print_table(("split", "genes"), rows if split else [*rows, ("all", len(source.genes()))])
        else:
            split_of = {gene: s for s in source.splits() for gene in source.genes(s)}
            print_table(("gene", "split"), [(gene, split_of.get(gene, "")) for gene in source.genes(split)])
