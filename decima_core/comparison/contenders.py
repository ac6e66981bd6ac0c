"""Which providers are compared: ``NAME`` or ``NAME[option=value,...]``, several for a stage; the first is the reference.

Options of a stage in the configuration (a file's, or ``-O method.n_steps=20``) go to every contender that has them; those in
brackets go to one, and win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from decima_core.choice import StageChoice, split_options
from decima_core.comparison.side_by_side import labels_of
from decima_core.config import Plan, PlannedStage, RunConfig
from decima_core.errors import ConfigError, OptionError, UnknownNameError
from decima_core.options import as_dict, shown
from decima_core.providers import fold, kind_of
from decima_core.registry import Registry

CONTESTED = ("method", "peaks", "motifs")  # the stages that can have several providers


@attrs.frozen
class Contender:
    """A provider with its options, and what it is called in tables: its name, and in brackets the options by which it differs
    from other contenders of that name."""

    label: str
    planned: PlannedStage


@attrs.frozen(kw_only=True)
class ComparisonPlan:
    """What is compared, checked: ``plan`` is that of the reference, ``contenders`` maps each contested stage to its providers."""

    plan: Plan
    contenders: Mapping[str, tuple[Contender, ...]]


def plan_comparison(config: RunConfig, registry: Registry) -> ComparisonPlan:
    """The comparison that a configuration describes, with every provider found and every option checked.

    Raises
    ------
    ConfigError
        As :meth:`RunConfig.plan`; and if there are fewer than two contenders, or two are the same.
    PluginError
        As :meth:`RunConfig.plan`.
    """
    choices = {stage: _choices(stage, config, registry) for stage in CONTESTED}
    settled = attrs.evolve(config, stages={**config.stages, **{stage: found[0] for stage, found in choices.items()}})
    contenders = {}
    for stage, found in choices.items():
        each = [attrs.evolve(settled, stages={**settled.stages, stage: choice}).plan(registry) for choice in found]
        contenders[stage] = _labelled(stage, [plan.stages[stage] for plan in each])
    labels_of(*([contender.label for contender in found] for found in contenders.values()))
    return ComparisonPlan(plan=attrs.evolve(settled.plan(registry), config=config), contenders=contenders)


def _choices(stage: str, config: RunConfig, registry: Registry) -> list[StageChoice]:
    """What is compared in one stage; where nothing is named, the configuration's own provider alone."""
    common = config.stages.get(stage, StageChoice())
    written = [parse_contender(stage, text) for text in split_contenders(getattr(config.compare, stage))]
    if not written:
        return [common]
    known = [_options_of(stage, choice.provider or "", registry) for choice in written]
    # A file's options for a provider that is not compared are left out, as by any command that swaps the provider.
    meant = _options_of(stage, common.provider, registry) if common.provider else set()
    for name in common.options:
        if _field(name) not in meant.union(*known):
            every = dict.fromkeys(n for names in known for n in sorted(names))
            raise UnknownNameError("option", name, every, where=f"any {kind_of(stage).label} that is compared")
    return [
        StageChoice(choice.provider, _overlaid(common.options, choice.options, names))
        for choice, names in zip(written, known, strict=True)
    ]


def _options_of(stage: str, provider: str, registry: Registry) -> set[str]:
    return {field.name for field in attrs.fields(registry.get(stage, provider).spec.options)}


def _field(name: str) -> str:
    return name.replace("-", "_")


def _overlaid(common: Mapping[str, Any], own: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """A contender's own options over those of the common ones that it has."""
    both = {_field(name): value for name, value in common.items() if _field(name) in known}
    return {**both, **{_field(name): value for name, value in own.items()}}


def _labelled(stage: str, planned: Sequence[PlannedStage]) -> tuple[Contender, ...]:
    found: list[Contender] = []
    for each in planned:
        rivals = [other for other in planned if other.provider.spec.name == each.provider.spec.name]
        if sum(_same(other.options, each.options) for other in rivals) > 1:
            name = each.provider.spec.name
            raise ConfigError(
                f"The {kind_of(stage).label} '{name}' is to be compared with itself; give one of the two other options, as in "
                f"'{name}[OPTION=VALUE]' (decima-core show {stage} {name} lists them)."
            )
        found.append(Contender(_label(each, rivals), each))
    return tuple(found)


def _same(first: Any, second: Any) -> bool:
    return first is second or bool(first == second)


def _label(each: PlannedStage, rivals: Sequence[PlannedStage]) -> str:
    mine = as_dict(each.options)
    differing = [k for k, v in mine.items() if not all(_same(getattr(r.options, k), v) for r in rivals)]
    name: str = each.provider.spec.name
    return f"{name}[{','.join(f'{k}={shown(mine[k])}' for k in differing)}]" if differing else name


def split_contenders(texts: Iterable[str]) -> list[str]:
    """``a,b[x=1,y=2]`` as ``a`` and ``b[x=1,y=2]``; commas in brackets divide nothing.

    Raises
    ------
    OptionError
        If a bracket is not closed, or closed without having been opened.
    """
    whole, parts, depth = ",".join(texts), [""], 0
    for letter in whole:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if depth < 0:
            break
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise OptionError(f"The brackets of '{whole}' do not match; write NAME[option=value,...].")
    return [part.strip() for part in parts if part.strip()]


def parse_contender(stage: str, text: str) -> StageChoice:
    """``NAME`` or ``NAME[option=value,...]`` as a choice for a stage; a part without ``=`` goes on with the list before it.

    Raises
    ------
    OptionError
        If the text has another form.
    """
    name, bracket, inside = text.partition("[")
    triples: list[tuple[str, str, str]] = []
    good = bool(name.strip()) and (not bracket or inside.endswith("]"))
    for part in split_contenders([inside[:-1]]) if good and bracket else ():
        key, equals, value = part.partition("=")
        if equals and key.strip():
            triples.append((stage, key.strip(), value.strip()))
        elif triples and not equals:
            triples[-1] = (*triples[-1][:2], f"{triples[-1][2]},{part}")
        else:
            good = False
    if not good:
        raise OptionError(
            f"'{text}' is not of the form NAME[option=value,...], for example integrated-gradients[n_steps=20]."
        )
    return StageChoice(fold(name), split_options(triples)[0].get(stage, {}))
