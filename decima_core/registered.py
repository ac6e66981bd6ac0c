"""What a registry holds: who owns a plugin, a provider that can be used, and a failure that says why one cannot be."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Mapping
from typing import Any

import attrs

from decima_core.errors import DecimaError, PluginError, first_line, sentence
from decima_core.options import as_dict, build
from decima_core.providers import Kind, Spec

CORE = "decima-core"  # the distribution of the engine and the bundled plugins


@attrs.frozen
class Owner:
    """The plugin a provider comes from: plugin name, distribution and version."""

    plugin: str
    distribution: str
    version: str

    def __str__(self) -> str:
        if not self.version:  # the distribution says in brackets why it has none
            return f"{self.plugin} {self.distribution}"
        return f"{self.plugin} ({self.distribution} {self.version})"


@attrs.frozen
class Failure:
    """A plugin, or one provider of it, that cannot be used: who, why, and what to do."""

    owner: Owner
    reason: str
    remedy: str


@attrs.frozen
class Remark:
    """Something about a plugin that works, but not as it should: who, what, and what to do."""

    owner: Owner
    reason: str
    remedy: str


@attrs.frozen
class Registered:
    """A usable provider: its kind, spec and owner."""

    kind: Kind
    spec: Spec[Any]
    owner: Owner

    @property
    def bundled(self) -> bool:
        """Whether it comes with decima_core itself."""
        return self.owner.distribution == CORE

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules it requires that are not installed."""
        return tuple(m for m in self.spec.requires if not _installed(m))

    @property
    def remedy(self) -> str:
        """How to get what is missing; empty where nothing is."""
        if not self.missing:
            return ""
        return f"pip install '{self.spec.install}'" if self.spec.install else f"install {', '.join(self.missing)}"

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
            raise PluginError(f"{what} needs {', '.join(self.missing)}, which is not installed; {self.remedy}.")
        try:
            provider = self.spec.create(self.spec.options() if options is None else options)
        except DecimaError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(sentence(f"{what} could not be created: {first_line(error)}")) from error
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


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except ValueError:  # a module made by hand, without a spec
        return True


def _lacking(provider: object, protocol: type) -> list[str]:
    members = [m for m in vars(protocol) if not m.startswith("_") or m in ("__enter__", "__exit__")]
    # Found without evaluating a property; what a provider forwards by __getattr__ is there too.
    return [m for m in members if inspect.getattr_static(provider, m, None) is None and not hasattr(provider, m)]
