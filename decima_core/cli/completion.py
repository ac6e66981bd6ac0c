"""``decima-core completion SHELL``: the script that completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for your shell.

    \b
    bash:  decima-core completion bash >> ~/.bashrc
    zsh:   decima-core completion zsh >> ~/.zshrc
    fish:  decima-core completion fish > ~/.config/fish/completions/decima-core.fish
    """
    from decima_core.cli import cli

    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(cli, {}, "decima-core", "_DECIMA_CORE_COMPLETE").source())
