"""What the shell offers for a provider's name."""

from __future__ import annotations

from collections.abc import Callable

import click

from decima_core.errors import UnknownNameError
from decima_core.providers import KINDS


def provider_names(stage: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A completer of the names of this stage's providers."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from decima_core.registry import Registry

        return [p.spec.name for p in Registry.discover().providers(stage) if p.spec.name.startswith(incomplete)]

    return complete


def listed_names(stage: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A completer of the last of several names that commas divide."""
    complete_one = provider_names(stage)

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in complete_one(ctx, param, last)]

    return complete


def stages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the kinds of provider."""
    return [kind.stage for kind in KINDS if kind.stage.startswith(incomplete)]


def names_of_kind(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes a provider's name after its kind, as in ``show KIND NAME``."""
    try:
        return provider_names(str(ctx.params.get("kind")))(ctx, param, incomplete)
    except UnknownNameError:
        return []
