"""``decima-core show KIND NAME``: one provider's options."""

from __future__ import annotations

import click

from decima_core.cli.complete import names_of_kind, stages
from decima_core.cli.text import print_table
from decima_core.options import describe, shown
from decima_core.registry import Registry


@click.command("show")
@click.argument("kind", shell_complete=stages)
@click.argument("name", shell_complete=names_of_kind)
def command(kind: str, name: str) -> None:
    """Show one provider's options: types, defaults, help.

    KIND is source, model, method, peaks or motifs; NAME is a provider's name from `decima-core plugins`.
    """
    found = Registry.discover().get(kind, name)
    click.echo(f"{found.spec.name}: {found.spec.summary}")
    aliases = f"; also called {', '.join(found.spec.aliases)}" if found.spec.aliases else ""
    click.echo(f"{found.kind.label} of {found.owner}{aliases}")
    suffixes = getattr(found.spec, "suffixes", ())
    if suffixes:
        click.echo(f"reads {', '.join(suffixes)}")
    if found.missing:
        click.echo(f"needs {', '.join(found.missing)}, which is not installed; {found.remedy}")
    options = describe(found.spec.options)
    if not options:
        click.echo("It takes no options.")
        return
    # Options of any type are for Python.
    example = next((o.name for o in options if o.type != "any"), options[0].name)
    click.echo(f"Set an option with -O {found.kind.stage}.{example}=VALUE\n")
    print_table(("option", "type", "default", "help"), [(o.name, o.type, shown(o.default), o.help) for o in options])
