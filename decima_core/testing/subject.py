"""What is checked: one provider with the options it is checked at."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from decima_core.providers import Spec
from decima_core.registered import Registered


class Subject:
    """A provider and the options it is checked at.

    Parameters
    ----------
    found
        The provider as the registry has it.
    values
        Options by name, as a user gives them; the others are at their defaults.
    module
        Name of the module that announces the provider, where it can be imported by name; else None.
    """

    def __init__(self, found: Registered, values: Mapping[str, Any], module: str | None = None) -> None:
        self.found = found
        self.values = dict(values)
        self.module = module

    @property
    def spec(self) -> Spec[Any]:
        return self.found.spec

    @property
    def label(self) -> str:
        """``peak caller 'scipy'``, for messages."""
        return f"{self.found.kind.label} '{self.spec.name}'"

    def options(self, **changes: Any) -> Any:
        """Its options object, with some of the options changed."""
        return self.found.build_options({**self.values, **changes})

    def create(self, **changes: Any) -> Any:
        """A new provider, with some of the options changed."""
        return self.found.create(self.options(**changes))

    @functools.cached_property
    def provider(self) -> Any:
        """One provider that every check may use, for those that are slow to make."""
        return self.create()
