"""``decima-core new-plugin KIND NAME``: a plugin package to begin with."""

from __future__ import annotations

import click

from decima_core.cli.complete import stages


@click.command("new-plugin")
@click.argument("kind", shell_complete=stages)
@click.argument("name")
@click.option(
    "--output", "-o", metavar="FOLDER", default=".", help="Where the package's folder is made; default: here."
)
def command(kind: str, name: str, output: str) -> None:
    """Write a plugin package: installable, with one working provider and tests that hold it to the contract.

    KIND is source, model, method, peaks or motifs; NAME is what users will type, such as my-caller.
    """
    from decima_core.new_plugin.write import write_plugin

    folder = write_plugin(kind, name, output)
    click.echo(f"Wrote {folder}. Next: cd {folder} && pip install -e '.[test]' && pytest")
