"""A build on its way to another process: pickled here, unpickled there, by the same software on both ends."""

from __future__ import annotations

import pickle

import attrs

from decima_core.errors import ConfigError, WorkerError, first_line, sentence
from decima_core.outputs.manifest import software
from decima_core.workers.protocol import Build

# Where these differ, so may results; the operating system may differ.
IGNORED = ("platform",)


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
        here = versions()
        names = sorted(name for name in {*here, *self.versions} if here.get(name) != self.versions.get(name))
        if names:
            differ = ", ".join(f"{n} {here.get(n, 'none')} instead of {self.versions.get(n, 'none')}" for n in names)
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
    """``build`` for other processes.

    Raises
    ------
    ConfigError
        If it cannot be pickled.
    """
    try:
        return Payload(pickle.dumps(build), versions())
    except Exception as error:
        # Pickling runs code of whatever objects the options hold.
        raise ConfigError(
            "This run cannot be sent to workers, for its options hold a Python object that cannot be pickled "
            f"({first_line(error, 120)}); give a file or a name in its place, or run it without workers."
        ) from None


def versions() -> dict[str, str]:
    """The software of this process, as far as it must be alike everywhere."""
    return {name: version for name, version in software().items() if name not in IGNORED}
