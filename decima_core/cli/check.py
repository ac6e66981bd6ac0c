"""``decima-core check KIND NAME``: a provider held to the plugin contract."""

from __future__ import annotations

import sys
from collections import Counter

import click

from decima_core.cli.complete import names_of_kind, stages
from decima_core.cli.text import print_table
from decima_core.errors import OptionError
from decima_core.providers import kind_of


@click.command("check")
@click.argument("kind", shell_complete=stages)
@click.argument("name", shell_complete=names_of_kind)
@click.option(
    "-O",
    "--option",
    "pairs",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option that the provider is checked at, e.g. path=genes.h5.",
)
@click.option(
    "--expect",
    "expected",
    metavar="CHECK=REASON",
    multiple=True,
    help="A check that is known to fail, and why; it is reported if it passes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, name: str, pairs: tuple[str, ...], expected: tuple[str, ...], as_json: bool) -> None:
    """Hold a provider to the plugin contract, and say what to do where it breaks a promise.

    KIND is source, model, method, peaks or motifs; NAME is a provider's name from `decima-core plugins`. Exits with 1 if a
    check fails. A data source is checked on the file that -O path=FILE names.
    """
    stage = kind_of(kind).stage
    options = dict(_pair(text.removeprefix(f"{stage}."), "-O", "path=genes.h5") for text in pairs)
    reasons = dict(_pair(text, "--expect", "check_peaks_edges=why") for text in expected)

    from decima_core.testing import check_provider

    results = check_provider(stage, name, options, expected_failures=reasons)
    if as_json:
        import json

        rows = [{"check": r.check, "outcome": r.outcome, "message": r.message} for r in results]
        click.echo(json.dumps(rows, indent=2))
    else:
        print_table(("check", "outcome", "message"), [(r.check, r.outcome, r.message) for r in results])
    counts = Counter(result.outcome for result in results)
    click.echo(", ".join(f"{n} {outcome}" for outcome, n in counts.items()), err=True)
    if not all(result.ok for result in results):
        sys.exit(1)


def _pair(text: str, flag: str, example: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise OptionError(f"'{flag} {text}' is not of the form {flag} {example}.")
    return key.strip(), value.strip()
