"""What the user asked for: parsed and checked before anything heavy is imported.

A :class:`RunConfig` comes from a TOML file, from command-line flags, or from Python; a :class:`Plan` is the same with
every provider found and every option checked. Paths in a TOML file are relative to the current folder, as on the
command line.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from decima_core.choice import DEFAULT_PROVIDERS, STAGES, StageChoice, choose
from decima_core.errors import ConfigError, OptionError, UnknownNameError, first_line, sentence
from decima_core.options import as_dict, build, coerce
from decima_core.providers import fold, kind_of
from decima_core.registry import Registered, Registry
from decima_core.sections import CompareOptions, ComputeOptions, Layout, ScoreOptions, TargetOptions, VariantOptions
from decima_core.target_list import build_targets


def _text_or_none(value: Any) -> str | None:
    return None if value is None else coerce(value, str)


@attrs.frozen(kw_only=True)
class RunConfig:
    """One run, as asked for.

    ``stages`` maps ``source``, ``model``, ``method``, ``peaks`` and ``motifs`` to a :class:`StageChoice`. Either
    ``genes`` or ``split`` chooses genes; with neither, every gene of the source is taken. ``variants`` matters to
    ``decima-core variants`` alone, ``scores`` to ``decima-core annotate``, ``compare`` to ``decima-core compare``. ``attributions``
    says how these are stored (:mod:`decima_core.attribution_layout`), ``bigwig`` asks for ``attributions.bw``. ``workers`` is a number of
    processes, ``dask`` the address of a Dask scheduler, or ``local``; ``threads`` is what each process has for one operation. ``compute``
    says how the model is computed. ``targets`` takes the place of ``target`` where there are several: each has a name, and its results
    a folder of that name.
    """

    stages: Mapping[str, StageChoice]
    target: TargetOptions = attrs.field(factory=TargetOptions)
    targets: Mapping[str, TargetOptions] = attrs.field(factory=dict)
    compute: ComputeOptions = attrs.field(factory=ComputeOptions)
    variants: VariantOptions = attrs.field(factory=VariantOptions)
    scores: ScoreOptions = attrs.field(factory=ScoreOptions)
    compare: CompareOptions = attrs.field(factory=CompareOptions)
    genes: tuple[str, ...] = ()
    split: str | None = None
    seq_len: int | None = None
    device: str = "auto"
    seed: int = 0
    output: str = "results"
    attributions: Layout = "full"
    bigwig: bool = False
    overwrite: bool = False
    workers: int | None = None
    dask: str | None = None
    threads: int | None = None

    def __attrs_post_init__(self) -> None:
        for stage, choice in self.stages.items():
            if stage not in STAGES:
                raise UnknownNameError("stage", stage, STAGES)
            if not isinstance(choice, StageChoice):
                raise ConfigError(
                    f"Stage '{stage}' must be a StageChoice, not {choice!r}; RunConfig.from_mapping takes plain values."
                )
        for name in _FIELD_TYPES:
            object.__setattr__(self, name, _field(name, getattr(self, name), "the configuration"))

    @classmethod
    def from_file(cls, path: str | Path) -> RunConfig:
        """The run that a TOML file describes, or that a ``run.json`` records. Raises as :meth:`from_toml`."""
        if Path(path).suffix.lower() != ".json":
            return cls.from_toml(path)
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"'{path}' cannot be read as the record of a run: {first_line(error)}.") from None
        if not (isinstance(record, dict) and isinstance(record.get("config"), dict)):
            raise ConfigError(
                f"'{path}' is not the record of a run: it has no 'config'; give a run.json or a TOML file."
            )
        if record.get("repeatable") is False:
            raise ConfigError(
                f"The run of '{path}' was started from Python with values that no file can hold, such as arrays of motifs; "
                "repeat it from Python."
            )
        return cls.from_mapping(record["config"], where=f"'{path}'")

    @classmethod
    def from_toml(cls, path: str | Path) -> RunConfig:
        """The run a TOML file describes.

        Raises
        ------
        ConfigError
            If the file cannot be read or is not TOML, naming it and the line.
        UnknownNameError, OptionError
            For a key that does not exist or a value of the wrong type.
        """
        try:
            with Path(path).open("rb") as file:
                table = tomllib.load(file)
        except FileNotFoundError:
            raise ConfigError(
                f"There is no file '{path}'; give the path of a TOML file that describes the run."
            ) from None
        except IsADirectoryError:
            raise ConfigError(f"'{path}' is a folder; give the path of a TOML file that describes the run.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"'{path}' cannot be read: {error}.") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"'{path}' is not valid TOML: {error}.") from None
        return cls.from_mapping(table, where=f"'{path}'")

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any], where: str = "the configuration") -> RunConfig:
        """The run that a nested mapping (a parsed TOML file) describes; ``where`` names it in errors."""
        fields = sorted(_FIELD_TYPES)
        known = [*STAGES, *_SECTIONS, *fields]
        given: dict[str, Any] = {}
        stages: dict[str, StageChoice] = {}
        for key, value in table.items():
            name = key.replace("-", "_")
            if name in STAGES:
                stages[name] = _stage_from_table(name, value, where)
            elif name in _SECTIONS:
                if not isinstance(value, Mapping):
                    raise OptionError(
                        f"'{name}' in {where} must be a table, such as [{name}] with {_SECTION_EXAMPLES[name]}."
                    )
                given[name] = build(_SECTIONS[name], value, f"[{name}] in {where}")
            elif name == "targets":
                given[name] = build_targets(value, where)
            elif name in fields:
                given[name] = _field(name, value, where)
            else:
                raise UnknownNameError("setting", key, known, where=where)
        return cls(stages=stages, **given)

    def with_changes(
        self,
        *,
        providers: Mapping[str, str] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        target: Mapping[str, Any] | None = None,
        targets: Mapping[str, TargetOptions] | None = None,
        compute: Mapping[str, Any] | None = None,
        variants: Mapping[str, Any] | None = None,
        scores: Mapping[str, Any] | None = None,
        compare: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> RunConfig:
        """A copy in which what is given replaces what was there; None among ``fields`` means not given.

        Naming another provider for a stage drops the options that were meant for the old one. A source whose provider
        was left to its file's suffix keeps its other options, which the new provider checks.
        """
        stages = dict(self.stages)
        for stage, name in (providers or {}).items():
            old = stages.get(stage, StageChoice())
            before = old.provider or DEFAULT_PROVIDERS.get(stage, name)
            stages[stage] = StageChoice(name, old.options if fold(before) == fold(name) else {})
        for stage, extra in (options or {}).items():
            old = stages.get(stage, StageChoice())
            stages[stage] = StageChoice(old.provider, _overlaid(old.options, extra))
        sections = {
            name: build(_SECTIONS[name], {**as_dict(getattr(self, name)), **(extra or {})}, f"the {name}")
            for name, extra in (
                ("target", target),
                ("compute", compute),
                ("variants", variants),
                ("scores", scores),
                ("compare", compare),
            )
        }
        changed = {k: _field(k, v, "the command line") for k, v in fields.items() if v is not None}
        # One choice of genes replaces the other.
        if "split" in changed and "genes" not in changed:
            changed["genes"] = ()
        elif "genes" in changed and "split" not in changed:
            changed["split"] = None
        listed = self.targets if targets is None else targets
        return attrs.evolve(self, stages=stages, targets=listed, **sections, **changed)

    def plan(self, registry: Registry, stages: Sequence[str] = STAGES) -> Plan:
        """The same with the provider of each of ``stages`` found and every option checked; imports nothing heavy.

        Raises
        ------
        ConfigError
            If the source or the model is missing, or (its subclasses) a name or an option is wrong.
        PluginError
            If a provider is claimed twice or lacks something it needs.
        """
        planned = {stage: _resolve(stage, self.stages.get(stage), self.seed, registry) for stage in stages}
        if "model" in planned:
            for target in self.targets.values() or [self.target]:
                _check_target(target)
            if self.targets and self.target != TargetOptions():
                raise ConfigError(
                    "Both one target (tasks, off_tasks, transform ...) and a list of targets were given; give one of them."
                )
        if self.genes and self.split is not None:
            raise ConfigError(f"Both genes and the split '{self.split}' were given; give one of them.")
        return Plan(config=self, stages=planned)


def refuse_targets(config: RunConfig, command: str) -> None:
    """Refuse several targets, of which ``decima-core run`` alone knows. Raises ConfigError, naming the command that does not."""
    if config.targets:
        raise ConfigError(
            f"[targets] is read by decima-core run alone, and not by decima-core {command}; give one [target], or leave it out."
        )


@attrs.frozen
class PlannedStage:
    """A provider that was found, and its checked options."""

    provider: Registered
    options: Any

    def create(self) -> Any:
        return self.provider.create(self.options)

    def provenance(self) -> dict[str, Any]:
        return self.provider.provenance(self.options)


@attrs.frozen(kw_only=True)
class Plan:
    """A checked :class:`RunConfig`: ``stages`` maps each stage that is needed to its provider and options."""

    config: RunConfig
    stages: Mapping[str, PlannedStage]


def _stage_from_table(stage: str, value: Any, where: str) -> StageChoice:
    if isinstance(value, str):
        return StageChoice(None, {"path": value}) if stage in ("source", "model") else StageChoice(value)
    if not isinstance(value, Mapping):
        raise OptionError(f"'{stage}' in {where} must be a table, such as [{stage}] with provider = \"...\".")
    options = dict(value)
    provider = options.pop("provider", None)
    try:
        return StageChoice(_text_or_none(provider), options)
    except OptionError as error:
        raise OptionError(sentence(f"'provider' of [{stage}] in {where} {error}")) from None


_SECTIONS: Mapping[str, Any] = {
    "target": TargetOptions,
    "compute": ComputeOptions,
    "variants": VariantOptions,
    "scores": ScoreOptions,
    "compare": CompareOptions,
}
_SECTION_EXAMPLES = {
    "target": "tasks = [...]",
    "compute": "low_memory = true",
    "variants": 'path = "in.vcf"',
    "scores": 'path = "scores.h5"',
    "compare": 'method = ["input-x-gradient", "deep-lift"]',
}
_FIELD_TYPES: Mapping[str, Any] = {
    "genes": tuple[str, ...],
    "split": str | None,
    "seq_len": int | None,
    "device": str,
    "seed": int,
    "output": str,
    "attributions": Layout,
    "bigwig": bool,
    "overwrite": bool,
    "workers": int | None,
    "dask": str | None,
    "threads": int | None,
}


def _field(name: str, value: Any, where: str) -> Any:
    try:
        checked = coerce(value, _FIELD_TYPES[name])
    except OptionError as error:
        raise OptionError(sentence(f"'{name}' in {where} {error}")) from None
    if name == "output" and not checked.strip():
        raise OptionError(f"'output' in {where} is empty; name a folder.")
    if name in ("seq_len", "workers", "threads") and checked is not None and checked < 1:
        raise OptionError(f"'{name}' in {where} must be at least 1, not {checked}.")
    if name == "dask" and checked is not None and not checked.strip():
        raise OptionError(f"'dask' in {where} is empty; give a scheduler's address, or local.")
    if name == "seed" and not 0 <= checked < 2**63:
        raise OptionError(f"'seed' in {where} must lie between 0 and 2^63 - 1, not {checked}.")
    return checked


def _resolve(stage: str, choice: StageChoice | None, seed: int, registry: Registry) -> PlannedStage:
    choice = choice or StageChoice()
    provider, options = choice.provider, dict(choice.options)
    path = options.get("path")
    if provider is None and stage in ("source", "model"):
        if path is None or path == "":
            example = "--source genes.h5" if stage == "source" else "--model my_model:build (or --model demo)"
            raise ConfigError(f"No {kind_of(stage).label} was given; use {example}.")
        try:
            path = coerce(path, str)
        except OptionError as error:
            raise OptionError(sentence(f"Option 'path' of the {kind_of(stage).label} {error}")) from None
        chosen = choose(stage, path, registry)
        provider = chosen.provider
        if "path" not in chosen.options:  # a bare provider name, such as model = "demo"
            del options["path"]
    found = registry.get(stage, provider or DEFAULT_PROVIDERS[stage])
    if "seed" not in options and any(f.name == "seed" for f in attrs.fields(found.spec.options)):
        options["seed"] = seed
    return PlannedStage(found, found.build_options(options))


def _overlaid(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """``new`` over ``old``; tables are joined entry by entry."""
    both = dict(old)
    for key, value in new.items():
        before = both.get(key)
        both[key] = {**before, **value} if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return both


def _check_target(target: TargetOptions) -> None:
    """Refuse at once what could only fail after the model is loaded."""
    if target.transform == "specificity" and not target.tasks:
        raise ConfigError(
            "No tasks were given, so the transform 'specificity' has nothing to contrast; name some with --tasks, or explain "
            "all of them with --transform aggregate."
        )
