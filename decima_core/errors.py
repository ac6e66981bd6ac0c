"""Every error that decima_core raises on purpose.

The tree (an ``except DecimaError`` catches all of it)::

    DecimaError
    ├── ConfigError            what was asked for cannot be understood
    │   ├── UnknownNameError   a gene, task, plugin, option ... that does not exist; carries near matches
    │   └── OptionError        an option with a wrong type or value
    ├── PluginError            a plugin is broken, rivals another, or lacks a dependency
    ├── DataError              a gene file or gene record is missing, damaged or inconsistent
    ├── ModelError             a model cannot be loaded, does not fit its input, raises or returns NaN
    ├── AttributionError       an attribution method failed or returned something unusable
    ├── PeakError              a peak caller was given, or returned, something unusable
    ├── MotifError             motifs cannot be read, found or scanned
    ├── WorkerError            worker processes cannot start, cannot do the work, or are gone
    └── OutputError            results cannot be written, or would overwrite a finished run

Each message is one sentence or two that name the culprit (file, option, gene) and the next step. The command line
prints the message alone and exits with status 1; it never shows a traceback for these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class DecimaError(Exception):
    """Base of every deliberate error of decima_core and its plugins."""


class ConfigError(DecimaError):
    """What the user asked for cannot be understood or does not fit together."""


class UnknownNameError(ConfigError):
    """A name that does not exist where it was looked up.

    Parameters
    ----------
    what
        The kind of thing in the user's words, e.g. ``"gene"``.
    name
        The name that was asked for.
    known
        The names that exist, in their natural order.
    where
        Where they were looked up, e.g. a file name; read after "in".
    hint
        The next step, a full sentence; without it the message lists near matches or the known names.
    """

    def __init__(
        self, what: str, name: object, known: Iterable[object] = (), *, where: str = "", hint: str = ""
    ) -> None:
        self.what = what
        self.name = str(name)
        self.known = tuple(str(k) for k in known)
        self.where = where
        self.hint = hint
        self.near = near_matches(self.name, self.known)
        place = f" in {where}" if where else ""
        message = f"There is no {what} '{self.name}'{place}."
        if self.near:
            message += f" Did you mean {' or '.join(self.near)}?"
        elif self.known:
            message += f" Known: {shorten(self.known)}."
        if hint:
            message += f" {hint}"
        super().__init__(message)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickles whole, so that it crosses from a worker process."""
        make = functools.partial(type(self), where=self.where, hint=self.hint)
        return make, (self.what, self.name, self.known)


class OptionError(ConfigError):
    """An option's value has the wrong type or lies outside what is allowed."""


class PluginError(DecimaError):
    """A plugin could not be loaded, rivals another, or lacks something it needs."""


class DataError(DecimaError):
    """A gene file or a gene record is missing, damaged or inconsistent."""


class ModelError(DecimaError):
    """A model cannot be loaded, does not fit its input, raises, or returns something unusable."""


class AttributionError(DecimaError):
    """An attribution method failed or returned something unusable."""


class PeakError(DecimaError):
    """A peak caller was given, or returned, something unusable."""


class MotifError(DecimaError):
    """Motifs cannot be read, found or scanned."""


class WorkerError(DecimaError):
    """Worker processes cannot be started, cannot do the work, or are gone."""


class OutputError(DecimaError):
    """Results cannot be written, or would overwrite a finished run."""


def guarded(call: Callable[[], T], error_type: type[DecimaError], what: str) -> T:
    """What ``call`` returns; whatever a plugin raises in it becomes one sentence: "``what`` failed: ...".

    Raises
    ------
    DecimaError
        As raised by the call; any other exception as ``error_type``.
    """
    try:
        return call()
    except DecimaError:
        raise
    except Exception as error:
        raise error_type(f"{what} failed: {first_line(error)}") from error


def near_matches(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """The names in ``known`` most like ``name``, best first, ignoring case; at most ``limit``, all about as alike."""
    import difflib

    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=limit, cutoff=0.6)
    alike = [difflib.SequenceMatcher(None, c, name.casefold()).ratio() for c in close]
    return tuple(by_folded[c] for c, ratio in zip(close, alike, strict=True) if ratio > alike[0] - 0.1)


def shorten(names: Iterable[object], limit: int = 8) -> str:
    """``a, b, c`` for a few names, ``a, b, ... (1,019 in all)`` for many."""
    listed = [str(n) for n in names]
    if len(listed) <= limit:
        return ", ".join(listed)
    return f"{', '.join(listed[:limit])}, ... ({len(listed):,} in all)"


def sentence(text: str) -> str:
    """``text`` with a full stop at its end, unless it has an end already."""
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def first_line(error: BaseException, limit: int = 300) -> str:
    """One readable line out of an exception of any origin: its type and the first line of its message."""
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else ""
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
