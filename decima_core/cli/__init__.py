"""The command ``decima-core``: one command a file, loaded only when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import sys

import click

import decima_core
from decima_core.errors import DecimaError

# command -> (module, one line of help); the help stands here so that --help imports no command at all
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Explain genes: attributions, peaks and the motifs under them."),
    "merge": ("merge", "Put the shards of a run together."),
    "annotate": ("annotate", "Call peaks and name motifs on scores you already have."),
    "compare": ("compare", "Compare methods, peak callers or motif scanners on the same genes."),
    "variants": ("variants", "Tell what variants do to the prediction, and to the motifs."),
    "demo": ("demo", "See it work on data the program makes itself; needs no files."),
    "build": ("build", "Write a gene file from a genome and a gene table."),
    "modisco": ("modisco", "Hand a run over to TF-MoDISco, and take its patterns back as motifs."),
    "genes": ("genes", "List the genes and splits of a gene file."),
    "plugins": ("plugins", "List every plugin and provider, and what failed."),
    "show": ("show", "Show one provider's options, types and defaults."),
    "check": ("check", "Hold a provider, yours or another's, to the plugin contract."),
    "new-plugin": ("new_plugin", "Write a plugin package to begin with, tests and all."),
    "completion": ("completion", "Print the shell completion script for bash, zsh or fish."),
}


class LazyGroup(click.Group):
    """A command group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"decima_core.cli.{COMMANDS[name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from decima_core.errors import near_matches

            near = near_matches(args[0], COMMANDS)
            hint = f" Did you mean {' or '.join(near)}?" if near else f" Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(decima_core.__version__, prog_name="decima-core", message="%(prog)s %(version)s")
def cli() -> None:
    """Explain what a genomic sequence model has learned: from a gene file and a model to the named motifs that drive
    the prediction. Every stage is a plugin.

    Start with: decima-core demo
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a deliberate error is one line and exit status 1, an interrupt is 130, a run of which genes failed 3.

    Where the reader of a pipe goes away, click ends the program in silence with status 1.
    """
    try:
        cli.main(args=arguments, prog_name="decima-core", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.UsageError as error:
        # One line, as for every other error; click's own show() would add two lines of usage.
        where = error.ctx.command_path if error.ctx else "decima-core"
        click.echo(f"{where}: error: {error.format_message()} See {where} --help.", err=True)
        sys.exit(error.exit_code)
    except DecimaError as error:
        notes = getattr(error, "__notes__", ())  # what a run that ends early leaves behind
        click.echo(f"decima-core: error: {' '.join(' '.join([str(error), *notes]).split())}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt) as stop:
        told = stop.args or getattr(stop.__cause__, "args", ()) or ["nothing unfinished was left looking finished"]
        click.echo(f"decima-core: interrupted; {told[0]}", err=True)
        sys.exit(130)
