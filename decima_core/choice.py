"""What a user's words for a stage mean: a provider by name, or a file that a provider reads."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from decima_core.errors import UnknownNameError
from decima_core.providers import KINDS, kind_of
from decima_core.registry import Registry

STAGES = tuple(kind.stage for kind in KINDS)
# Tables of a run's description that belong to no provider.
SECTIONS = ("target", "compute", "variants", "scores", "compare")

# Used where a stage is not named. A model is named by the user; "torch" is what reads a bare module:callable.
DEFAULT_PROVIDERS: Mapping[str, str] = {
    "model": "torch",
    "method": "input-x-gradient",
    "peaks": "scipy",
    "motifs": "jaspar",
}


@attrs.frozen
class StageChoice:
    """A provider's name (None: decided by default or by the file's suffix) and the options given for it."""

    provider: str | None = None
    options: dict[str, Any] = attrs.field(factory=dict)


def choose(stage: str, value: str, registry: Registry) -> StageChoice:
    """What ``--source VALUE`` or ``--model VALUE`` means: a provider's name, or a file that a provider reads."""
    kind = kind_of(stage)
    names = [name for p in registry.providers(stage) for name in (p.spec.name, *p.spec.aliases)]
    if value in names or stage not in ("source", "model"):
        return StageChoice(value)
    suffixed = any(value.lower().endswith(tuple(getattr(p.spec, "suffixes", ()))) for p in registry.providers(stage))
    if suffixed:
        return StageChoice(registry.for_file(stage, value).spec.name, {"path": value})
    if stage == "model" and ":" in value:
        return StageChoice(DEFAULT_PROVIDERS["model"], {"path": value})
    if "/" in value or "." in value:
        code = "For a model in Python code write module:callable." if stage == "model" else ""
        return StageChoice(registry.for_file(stage, value, hint=code).spec.name, {"path": value})
    try:
        return StageChoice(registry.get(stage, value).spec.name)
    except UnknownNameError as error:
        form = "a file, or module:callable" if stage == "model" else "or a file"
        hint = f"Give a provider's name, {form}. {error.hint}".strip()
        raise UnknownNameError(kind.label, value, error.known, hint=hint) from None


def split_options(
    pairs: Sequence[tuple[str, str, str]],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Parsed ``-O stage.key=value`` triples as options by stage, and options of ``SECTIONS`` by section.

    A key with a dot, such as ``model.arguments.layers=8``, sets an entry of a table; its value is read as TOML where it is
    that, else as text.

    Raises
    ------
    UnknownNameError
        For a stage that does not exist.
    """
    by_stage: dict[str, dict[str, Any]] = {}
    by_section: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for stage, key, value in pairs:
        if stage not in (*SECTIONS, *STAGES):
            raise UnknownNameError("stage", stage, [*STAGES, *SECTIONS])
        options = by_section[stage] if stage in SECTIONS else by_stage.setdefault(stage, {})
        table, dot, entry = key.partition(".")
        if dot:
            options.setdefault(table, {})[entry] = _toml_value(value)
        else:
            options[key] = value
    return by_stage, by_section


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
