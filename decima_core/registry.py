"""Finds plugins, keeps what failed as data, and looks providers up by kind and name.

A broken plugin is never silent and never contagious: it is recorded with its owner and reason, and all others work.
Two distributions that claim one plugin name, or two plugins that claim one provider name, are refused with both owners
named: the order of installation must never choose the science. The registry is an object; :meth:`Registry.discover`
makes a fresh one.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import pluggy

from decima_core import hookspecs
from decima_core.errors import DecimaError, PluginError, UnknownNameError, first_line
from decima_core.options import as_dict, build
from decima_core.providers import KINDS, Kind, Spec, kind_of

DISABLE_VARIABLE = "DECIMA_DISABLE_PLUGINS"


@attrs.frozen
class Owner:
    """The plugin a provider comes from: plugin name, distribution and version."""

    plugin: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.plugin} ({self.distribution} {self.version})"


@attrs.frozen
class Failure:
    """A plugin, or one provider of it, that cannot be used: who, why, and what to do."""

    owner: Owner
    reason: str
    remedy: str
    claims: tuple[str, str] | None = None  # (stage, provider name) that a lookup would have found


@attrs.frozen
class Registered:
    """A usable provider: its kind, spec and owner."""

    kind: Kind
    spec: Spec[Any]
    owner: Owner

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules it requires that are not installed."""
        return tuple(m for m in self.spec.requires if importlib.util.find_spec(m.partition(".")[0]) is None)

    def build_options(self, values: Mapping[str, Any]) -> Any:
        """Its options object from names and values; errors name the provider."""
        return build(self.spec.options, values, f"{self.kind.label} '{self.spec.name}'")

    def create(self, options: Any = None) -> Any:
        """The provider, from an options object (or its defaults).

        Raises
        ------
        PluginError
            If something it requires is not installed, or it raises anything but a :class:`DecimaError`.
        """
        what = f"The {self.kind.label} '{self.spec.name}' of {self.owner}"
        if self.missing:
            remedy = f"pip install '{self.spec.install}'" if self.spec.install else f"pip install {' '.join(self.missing)}"
            raise PluginError(f"{what} needs {', '.join(self.missing)}, which is not installed; run: {remedy}")
        try:
            provider = self.spec.create(self.spec.options() if options is None else options)
        except DecimaError:
            raise
        except Exception as error:
            raise PluginError(f"{what} could not be created: {first_line(error)}") from error
        lacking = _lacking(provider, self.kind.protocol)
        if lacking:
            raise PluginError(f"{what} made an object without {', '.join(lacking)}, which every {self.kind.label} has.")
        return provider

    def provenance(self, options: Any) -> dict[str, Any]:
        """Who provided this and how it was set, as plain values."""
        return {
            "provider": self.spec.name,
            "plugin": self.owner.plugin,
            "distribution": self.owner.distribution,
            "version": self.owner.version,
            "options": as_dict(options),
        }


class Registry:
    """The plugins found, the providers they offer, and the failures among them."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._providers: dict[str, dict[str, Registered]] = {kind.stage: {} for kind in KINDS}
        self._failures: list[Failure] = []
        self._owners: list[Owner] = []

    @classmethod
    def discover(cls, disabled: Iterable[str] | None = None) -> Registry:
        """A registry of every installed plugin.

        ``disabled`` names plugins to leave out; without it the comma-separated variable ``DECIMA_DISABLE_PLUGINS`` does.
        """
        if disabled is None:
            disabled = os.environ.get(DISABLE_VARIABLE, "").split(",")
        off = {name.strip() for name in disabled}
        registry = cls()
        by_name: dict[str, list[importlib.metadata.EntryPoint]] = {}
        for entry_point in importlib.metadata.entry_points(group=hookspecs.GROUP):
            by_name.setdefault(entry_point.name, []).append(entry_point)
        for name in sorted(by_name):
            if name not in off:
                registry._load(name, by_name[name])
        return registry

    def _load(self, name: str, entry_points: list[importlib.metadata.EntryPoint]) -> None:
        owners = [_owner_of(name, e) for e in entry_points]
        if len({(o.distribution, e.value) for o, e in zip(owners, entry_points, strict=True)}) > 1:
            rivals = " and ".join(f"{o.distribution} {o.version}" for o in owners)
            for owner in owners:
                reason = f"the plugin name '{name}' is claimed by {rivals}; neither is loaded"
                self._failures.append(Failure(owner, reason, "uninstall one of them, or ask its author to rename the entry point"))
            return
        try:
            # SystemExit too: a plugin that exits on import must not take the program with it.
            plugin = entry_points[0].load()
        except (Exception, SystemExit) as error:
            self._failures.append(Failure(owners[0], first_line(error), _import_remedy(error, owners[0])))
            return
        self.register(plugin, owners[0])

    def register(self, plugin: object, owner: Owner | str) -> None:
        """Add one plugin; whatever is wrong with it becomes a :class:`Failure`."""
        if isinstance(owner, str):
            owner = Owner(owner, "(not installed)", "")
        remedy = f"report it to the authors of {owner.distribution}"
        try:
            self._manager.register(plugin, name=owner.plugin)
            strange = [h.name for h in self._manager.get_hookcallers(plugin) or () if not h.has_spec()]
        except Exception as error:
            if self._manager.has_plugin(owner.plugin):
                self._manager.unregister(name=owner.plugin)
            self._failures.append(Failure(owner, first_line(error), remedy))
            return
        if strange:
            self._manager.unregister(name=owner.plugin)
            error = UnknownNameError("hook", strange[0], [kind.hook for kind in KINDS])
            self._failures.append(Failure(owner, str(error), remedy))
            return
        self._owners.append(owner)
        for kind in KINDS:
            for implementation in getattr(self._manager.hook, kind.hook).get_hookimpls():
                if implementation.plugin_name == owner.plugin:
                    self._collect(kind, implementation.function, owner, remedy)

    def _collect(self, kind: Kind, announce: Callable[[], Iterable[object]], owner: Owner, remedy: str) -> None:
        try:
            specs = list(announce())
        except Exception as error:
            self._failures.append(Failure(owner, f"{kind.hook} raised {first_line(error)}", remedy))
            return
        for spec in specs:
            if not isinstance(spec, kind.spec):
                reason = f"{kind.hook} yielded {type(spec).__name__}, not {kind.spec.__name__}"
                self._failures.append(Failure(owner, reason, remedy))
            else:
                self._add(Registered(kind, spec, owner))

    def _add(self, new: Registered) -> None:
        stage, table = new.kind.stage, self._providers[new.kind.stage]
        for name in (new.spec.name, *new.spec.aliases):
            rival = self._find(stage, name)
            claimed = next((f for f in self._failures if f.claims == (stage, name)), None)
            if rival is None and claimed is None:
                continue
            other = rival.owner if rival else claimed.owner  # type: ignore[union-attr]
            reason = f"the {new.kind.label} '{name}' is offered by both {other} and {new.owner}; neither can be used"
            remedy = f"uninstall one, or set {DISABLE_VARIABLE}={new.owner.plugin}"
            if rival:
                del table[rival.spec.name]
                self._failures.append(Failure(rival.owner, reason, remedy, (stage, name)))
            self._failures.append(Failure(new.owner, reason, remedy, (stage, name)))
            return
        table[new.spec.name] = new

    def _find(self, stage: str, name: str) -> Registered | None:
        table = self._providers[stage]
        if name in table:
            return table[name]
        return next((p for p in table.values() if name in p.spec.aliases), None)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that could not be used."""
        return tuple(self._failures)

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Every plugin that was loaded."""
        return tuple(self._owners)

    def providers(self, kind: str | None = None) -> tuple[Registered, ...]:
        """Usable providers, of one kind or all, ordered by kind and name."""
        kinds = KINDS if kind is None else (kind_of(kind),)
        return tuple(table[name] for k in kinds for table in (self._providers[k.stage],) for name in sorted(table))

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
        found = self._find(which.stage, name.strip().lower().replace("_", "-"))
        if found is not None:
            return found
        for failure in self._failures:
            if failure.claims == (which.stage, name):
                raise PluginError(f"{failure.reason[0].upper()}{failure.reason[1:]}; {failure.remedy}.")
        known = sorted(self._providers[which.stage])
        hint = "".join(f" The plugin {f.owner} failed to load: {f.reason}." for f in self._failures).strip()
        raise UnknownNameError(which.label, name, known, hint=hint)

    def create(self, kind: str, name: str, **options: Any) -> Any:
        """Find, check the options of, and create a provider in one call."""
        found = self.get(kind, name)
        return found.create(found.build_options(options))

    def for_file(self, kind: str, path: str) -> Registered:
        """The provider of this kind that reads files with this path's suffix.

        Raises
        ------
        PluginError
            If two providers claim the suffix.
        UnknownNameError
            If none does.
        """
        which = kind_of(kind)
        claims = [p for p in self.providers(which.stage) if path.lower().endswith(tuple(getattr(p.spec, "suffixes", ())))]
        if len(claims) == 1:
            return claims[0]
        option = f"--{which.stage} NAME -O {which.stage}.path={path}"
        if claims:
            both = " and ".join(f"'{c.spec.name}' of {c.owner}" for c in claims)
            raise PluginError(f"'{path}' could be read by {both}; choose one with {option}.")
        known = sorted({s for p in self.providers(which.stage) for s in getattr(p.spec, "suffixes", ())})
        raise UnknownNameError(f"{which.label} that reads", path, hint=f"Known endings: {', '.join(known)}; or use {option}.")


def _lacking(provider: object, protocol: type) -> list[str]:
    members = [m for m in vars(protocol) if not m.startswith("_")]
    # type(provider) as well, so that a property is not evaluated just to see that it is there
    return [m for m in members if not hasattr(type(provider), m) and m not in getattr(provider, "__dict__", {})]


def _owner_of(name: str, entry_point: importlib.metadata.EntryPoint) -> Owner:
    dist = entry_point.dist
    if dist is None:
        return Owner(name, "(unknown distribution)", "")
    return Owner(name, dist.metadata["Name"] or "(unnamed distribution)", dist.version)


def _import_remedy(error: BaseException, owner: Owner) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        if error.name == owner.plugin:
            return f"reinstall it: pip install --force-reinstall {owner.distribution}"
        return f"install what it needs: pip install {error.name.partition('.')[0]}"
    return f"update or uninstall it: pip install --upgrade {owner.distribution}"
