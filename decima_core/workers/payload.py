"""A build on its way to another process: pickled here, unpickled there, by the same software on both ends."""

from __future__ import annotations

import importlib.metadata
import pickle
from collections.abc import Iterable

import attrs

import decima_core
from decima_core.errors import ConfigError, WorkerError, first_line, sentence
from decima_core.outputs.manifest import software
from decima_core.registered import CORE
from decima_core.workers.protocol import Build

# What may differ within one run.
IGNORED = ("python", "platform")


@attrs.frozen
class Payload:
    """A pickled build, and the versions of the software that pickled it."""

    build: bytes
    versions: dict[str, str]

    def unpack(self) -> Build:
        """The build, in the process that is to use it.

        Raises
        ------
        WorkerError
            If this process has other versions of the software, or lacks a module that the build needs.
        """
        here = versions(self.versions)
        if here != self.versions:
            differ = ", ".join(f"{n} {here[n]} instead of {v}" for n, v in self.versions.items() if here[n] != v)
            raise WorkerError(f"It has {differ}; one run needs the same software everywhere.")
        try:
            build: Build = pickle.loads(self.build)
        except Exception as error:
            # Unpickling imports the modules of plugins: whatever their import raises is told.
            raise WorkerError(
                sentence(f"What the run needs cannot be loaded there, install the same plugins: {first_line(error)}")
            ) from error
        return build


def pack(build: Build) -> Payload:
    """``build`` for other processes; its ``distributions``, if it has that, are packages that must be alike there.

    Raises
    ------
    ConfigError
        If it cannot be pickled.
    """
    names = [*(name for name in software() if name not in IGNORED), *getattr(build, "distributions", ())]
    try:
        return Payload(pickle.dumps(build), versions(names))
    except Exception as error:
        # Pickling runs code of whatever objects the options hold.
        raise ConfigError(
            "This run cannot be sent to workers, for something in its options or its plugins cannot be pickled "
            f"({first_line(error, 120)}); give a file or a name in its place, or run it without workers."
        ) from None


def versions(names: Iterable[str]) -> dict[str, str]:
    """The versions of installed packages in this process; ``"none"`` for one that is absent."""
    found = {}
    for name in names:
        try:
            found[name] = decima_core.__version__ if name == CORE else importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found
