"""``decima-core plugins``: what is installed, who provides it, and what failed."""

from __future__ import annotations

import click

from decima_core.cli.text import print_table
from decima_core.registry import DISABLE_VARIABLE, Registry


@click.command("plugins", help="List every plugin and provider, and what failed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    registry = Registry.discover()
    rows = []
    for provider in registry.providers():
        status = f"available with: {provider.remedy}" if provider.missing else "ready"
        owner = provider.owner
        rows.append(
            (provider.kind.label, provider.spec.name, owner.plugin, f"{owner.distribution} {owner.version}", status)
        )
    failures = [
        (f.owner.plugin, f"{f.owner.distribution} {f.owner.version}", f.reason, f.remedy) for f in registry.failures
    ]
    remarks = [
        (r.owner.plugin, f"{r.owner.distribution} {r.owner.version}", r.reason, r.remedy) for r in registry.remarks
    ]
    if as_json:
        import json

        keys = ("kind", "name", "plugin", "distribution", "status")
        failed = ("plugin", "distribution", "reason", "remedy")
        content = {
            "providers": [dict(zip(keys, row, strict=True)) for row in rows],
            "failures": [dict(zip(failed, row, strict=True)) for row in failures],
            "remarks": [dict(zip(failed, row, strict=True)) for row in remarks],
            "disabled": list(registry.disabled),
        }
        click.echo(json.dumps(content, indent=2))
        return
    print_table(("kind", "name", "plugin", "distribution", "status"), rows)
    if registry.disabled:
        click.echo(f"\nSwitched off by {DISABLE_VARIABLE}: {', '.join(registry.disabled)}")
    if failures:
        click.echo()
        print_table(("failed plugin", "distribution", "reason", "remedy"), failures)
    if remarks:
        click.echo()
        print_table(("plugin that works, but", "distribution", "reason", "remedy"), remarks)
