"""``decima-core merge``: the shards of a run to a folder of results."""

from __future__ import annotations

import click


@click.command("merge")
@click.argument("output", metavar="FOLDER")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def command(output: str, quiet: bool) -> None:
    """Put the shards of a run together.

    Takes the output folder that all shards were given. Names the shards that are not done, if any; writes what `decima-core run` writes. Neither the model nor
    the gene file is needed.

    \b
    decima-core run --source genes.h5 --model my_model:build --tasks CD14 -o results --shard 1/2 --resume
    decima-core run --source genes.h5 --model my_model:build --tasks CD14 -o results --shard 2/2 --resume
    decima-core merge results
    """
    from decima_core.cli.run import closing, leave
    from decima_core.merging import merge

    summary = merge(output)
    if not quiet:
        for line in closing(summary, "gene"):
            click.echo(line)
    leave(summary)
