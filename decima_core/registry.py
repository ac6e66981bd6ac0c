"""Finds plugins, keeps what failed as data, and looks providers up by kind and name.

A broken plugin is never silent and never contagious: it is recorded with its owner and reason, and all others work.
Two distributions that claim one plugin name, or two plugins that claim one provider name, are refused with both owners
named: the order of installation must never choose the science. The registry is an object; :meth:`Registry.discover`
makes a fresh one.
"""

from __future__ import annotations

import importlib.metadata
import os
import types
from collections.abc import Callable, Iterable
from typing import Any

import pluggy

from decima_core import hookspecs
from decima_core.errors import PluginError, UnknownNameError, first_line, sentence
from decima_core.loading import metadata_of, settle, unmet_requirement, watched
from decima_core.providers import KINDS, Kind, fold, kind_of
from decima_core.registered import CORE
from decima_core.registered import Failure as Failure
from decima_core.registered import Owner as Owner
from decima_core.registered import Registered as Registered
from decima_core.registered import Remark as Remark

DISABLE_VARIABLE = "DECIMA_DISABLE_PLUGINS"


class Registry:
    """The plugins found, the providers they offer, and the failures among them."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._offered: list[Registered] = []  # rivals for a name too; the lookups refuse them
        self._failures: list[Failure] = []
        self._remarks: list[Remark] = []
        self._owners: list[Owner] = []
        self._disabled: tuple[str, ...] = ()

    @classmethod
    def discover(cls, disabled: Iterable[str] | None = None) -> Registry:
        """A registry of every installed plugin.

        ``disabled`` names plugins to leave out; without it the comma-separated variable ``DECIMA_DISABLE_PLUGINS`` does.
        """
        if disabled is None:
            disabled = os.environ.get(DISABLE_VARIABLE, "").split(",")
        registry = cls()
        registry._disabled = tuple(dict.fromkeys(name.strip() for name in disabled if name.strip()))
        by_name: dict[str, list[tuple[Owner, importlib.metadata.EntryPoint]]] = {}
        owners: dict[int, tuple[str, str]] = {}
        for entry_point in importlib.metadata.entry_points(group=hookspecs.GROUP):
            # A distribution's metadata are parsed anew whenever they are asked for, so that is done once.
            distribution = owners.get(id(entry_point.dist)) or _distribution(entry_point)
            owners[id(entry_point.dist)] = distribution
            by_name.setdefault(entry_point.name, []).append((Owner(entry_point.name, *distribution), entry_point))
        for name in sorted(by_name):
            if name not in registry._disabled:
                registry._load(name, by_name[name])
        for name in registry._disabled:
            if name not in by_name:
                mistake = UnknownNameError("plugin", name, sorted(by_name))
                failure = Failure(Owner(name, DISABLE_VARIABLE, ""), str(mistake), f"correct {DISABLE_VARIABLE}")
                registry._failures.append(failure)
        return registry

    def _load(self, name: str, claims: list[tuple[Owner, importlib.metadata.EntryPoint]]) -> None:
        # In an order of their own, not that of sys.path.
        claims = sorted(claims, key=lambda claim: (str(claim[0]), claim[1].value))
        chosen, refused = settle(name, [(owner, entry_point.value) for owner, entry_point in claims])
        self._failures.extend(refused)
        if chosen is None:
            return
        owner, entry_point = claims[chosen]
        unfit = unmet_requirement(entry_point, owner)
        if unfit is not None:
            self._failures.append(unfit)
            return
        with watched(owner) as remarks:
            try:
                # SystemExit too: a plugin that exits on import must not take the program with it.
                plugin = entry_point.load()
            except (Exception, SystemExit) as error:
                remedy = _import_remedy(error, owner, entry_point.module)
                self._failures.append(Failure(owner, first_line(error), remedy))
                return
            self.register(plugin, owner)
        self._remarks.extend(remarks)

    def register(self, plugin: object, owner: Owner | str) -> None:
        """Add one plugin; whatever is wrong with it becomes a :class:`Failure`."""
        if isinstance(owner, str):
            owner = Owner(owner, "(not installed)", "")
        reason = self._announce(plugin, owner)
        if reason:
            self._failures.append(Failure(owner, reason, _report_to(owner)))

    def _announce(self, plugin: object, owner: Owner) -> str:
        """Take what a plugin announces; why it cannot be loaded, or nothing."""
        if self._manager.has_plugin(owner.plugin):
            return f"a plugin of the name '{owner.plugin}' is already loaded"
        try:
            self._manager.register(plugin, name=owner.plugin)
        except Exception as error:
            if self._manager.has_plugin(owner.plugin):
                self._manager.unregister(name=owner.plugin)
            if isinstance(error, pluggy.PluginValidationError) and "Argument(s)" in str(error):
                return "a hook function of it takes arguments; hooks take none"
            return first_line(error)
        callers = self._manager.get_hookcallers(plugin) or []
        strange = [caller.name for caller in callers if not caller.has_spec()]
        bare = [k.hook for k in KINDS if hasattr(plugin, k.hook) and k.hook not in {c.name for c in callers}]
        if strange or bare or not callers:
            self._manager.unregister(name=owner.plugin)
            if strange:
                return str(UnknownNameError("hook", strange[0], [kind.hook for kind in KINDS]))
            return f"{bare[0]} is not marked with @hookimpl" if bare else "it has no function marked with @hookimpl"
        self._owners.append(owner)
        for kind in KINDS:
            for implementation in getattr(self._manager.hook, kind.hook).get_hookimpls():
                if implementation.plugin_name == owner.plugin:
                    self._collect(kind, implementation.function, owner)
        return ""

    def _collect(self, kind: Kind, announce: Callable[[], Iterable[object]], owner: Owner) -> None:
        def fail(reason: str) -> None:
            self._failures.append(Failure(owner, reason, _report_to(owner)))

        try:
            answer = announce()
            if not isinstance(answer, Iterable) or isinstance(answer, (str, bytes)):
                fail(f"{kind.hook} returned {type(answer).__name__}; it must yield {kind.spec.__name__}")
                return
            specs = list(answer)
        except (Exception, SystemExit) as error:
            fail(f"{kind.hook} raised {first_line(error)}")
            return
        for spec in specs:
            if isinstance(spec, kind.spec):
                self._offered.append(Registered(kind, spec, owner))
            else:
                fail(f"{kind.hook} yielded {type(spec).__name__}, not {kind.spec.__name__}")

    def _claims(self, stage: str, name: str) -> list[Registered]:
        """Every provider offered under this name or alias."""
        return [p for p in self._offered if p.kind.stage == stage and name in (p.spec.name, *p.spec.aliases)]

    def _losers(self, stage: str, name: str) -> list[Registered]:
        """Who of several that claim a name may not have it: all of them, or all but the bundled one."""
        claims = self._claims(stage, name)
        bundled = [p for p in claims if p.bundled]
        if len(claims) < 2:
            return []
        return [p for p in claims if not p.bundled] if len(bundled) == 1 else claims

    def _clash(self, stage: str, name: str) -> list[Failure]:
        """A failure for each owner of a provider that may not have this name."""
        losers = self._losers(stage, name)
        if not losers:
            return []
        owners = sorted({p.owner for p in losers}, key=str)
        what = f"the {losers[0].kind.label} '{name}'"
        if len(losers) < len(self._claims(stage, name)):
            reason = f"{what} is bundled with {CORE}, which keeps the name"
            return [Failure(o, reason, f"ask the authors of {o.distribution} to choose another name") for o in owners]
        if len(owners) == 1:
            return [Failure(owners[0], f"{what} is offered twice by {owners[0]}", _report_to(owners[0]))]
        reason = f"{what} is offered by {' and '.join(map(str, owners))}; none of them is used under that name"
        remedy = f"uninstall one, or set {' or '.join(f'{DISABLE_VARIABLE}={o.plugin}' for o in owners)}"
        return [Failure(owner, reason, remedy) for owner in owners]

    def module_of(self, owner: Owner) -> str | None:
        """Name of the module that a plugin announces itself in, where it can be imported by that name; else None."""
        plugin = self._manager.get_plugin(owner.plugin)
        return plugin.__name__ if isinstance(plugin, types.ModuleType) and plugin.__spec__ is not None else None

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that could not be used."""
        names = sorted({(p.kind.stage, n) for p in self._offered for n in (p.spec.name, *p.spec.aliases)})
        return (*self._failures, *(f for stage, name in names for f in self._clash(stage, name)))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What plugins that work do not do as they should: print when imported, or keep every start waiting."""
        return tuple(self._remarks)

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Every plugin that was loaded."""
        return tuple(self._owners)

    @property
    def disabled(self) -> tuple[str, ...]:
        """Names of the plugins that were to be left out."""
        return self._disabled

    def providers(self, kind: str | None = None) -> tuple[Registered, ...]:
        """Usable providers, of one kind or all, ordered by kind and name."""
        stages = [k.stage for k in KINDS] if kind is None else [kind_of(kind).stage]
        usable = (
            p for p in self._offered if p.kind.stage in stages and p not in self._losers(p.kind.stage, p.spec.name)
        )
        return tuple(sorted(usable, key=lambda p: (stages.index(p.kind.stage), p.spec.name)))

    def get(self, kind: str, name: str) -> Registered:
        """The provider of this kind and name (or alias); case and ``_`` for ``-`` are forgiven.

        Raises
        ------
        PluginError
            If two plugins claim the name.
        UnknownNameError
            If no plugin offers it; the message has near matches, and any plugin that failed to load.
        """
        which = kind_of(kind)
        folded = fold(name)
        claims = self._claims(which.stage, folded)
        winners = [p for p in claims if p not in self._losers(which.stage, folded)]
        if winners and winners[0] not in self._losers(which.stage, winners[0].spec.name):
            return winners[0]
        if claims:
            clash = self._clash(which.stage, winners[0].spec.name if winners else folded)[0]
            raise PluginError(sentence(f"{clash.reason[0].upper()}{clash.reason[1:]}; {clash.remedy}"))
        known = [p.spec.name for p in self.providers(which.stage)]
        hints = [sentence(f"The plugin {f.owner} failed: {f.reason}") for f in self.failures]
        if self.disabled:
            hints.append(f"Switched off by {DISABLE_VARIABLE}: {', '.join(self.disabled)}.")
        raise UnknownNameError(which.label, name, known, hint=" ".join(hints))

    def create(self, kind: str, name: str, /, **options: Any) -> Any:
        """Find, check the options of, and create a provider in one call."""
        found = self.get(kind, name)
        return found.create(found.build_options(options))

    def for_file(self, kind: str, path: str, *, hint: str = "") -> Registered:
        """The provider of this kind that reads files with this path's suffix; ``hint`` ends the message if there is none.

        Raises
        ------
        PluginError
            If two providers claim the suffix.
        UnknownNameError
            If none does.
        """
        which = kind_of(kind)
        claims = [
            p for p in self.providers(which.stage) if path.lower().endswith(tuple(getattr(p.spec, "suffixes", ())))
        ]
        if len(claims) == 1:
            return claims[0]
        option = f"--{which.stage} NAME -O {which.stage}.path={path}"
        if claims:
            both = " and ".join(f"'{c.spec.name}' of {c.owner}" for c in claims)
            raise PluginError(f"'{path}' could be read by {both}; choose one with {option}.")
        known = sorted({s for p in self.providers(which.stage) for s in getattr(p.spec, "suffixes", ())})
        endings = f"Known endings: {', '.join(known)}; or use {option}."
        raise UnknownNameError(f"{which.label} that reads", path, hint=f"{endings} {hint}".strip())


def _distribution(entry_point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that an entry point comes from."""
    metadata = metadata_of(entry_point)
    name, version = (metadata["Name"], metadata["Version"]) if metadata is not None else (None, None)
    return name or "(unknown distribution)", version or ""


def _report_to(owner: Owner) -> str:
    return f"report it to the authors of {owner.distribution}"


def _import_remedy(error: BaseException, owner: Owner, module: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        absent = error.name.partition(".")[0]
        if absent == module.partition(".")[0]:
            return f"reinstall it: pip install --force-reinstall {owner.distribution}"
        return f"install the package that holds the module '{absent}'"
    return f"update or uninstall it: pip install --upgrade {owner.distribution}"
