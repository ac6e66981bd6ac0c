"""What a worker sends back: a result or an error, and what its loggers were told meanwhile."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from decima_core.errors import DecimaError, WorkerError, first_line
from decima_core.outputs.own_logger import infos_to

# Dask has its own ways to tell what it does.
NOT_OURS = ("distributed", "dask", "tornado", "asyncio")


@attrs.frozen
class Warned:
    """A record of a logger, as plain values."""

    logger: str
    level: int
    message: str


@attrs.frozen
class Raised:
    """An exception that crosses to another process: pickled where it can be, and its traceback as text."""

    pickled: bytes
    told: str
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> Raised:
        """``error``, ready to be sent."""
        try:
            pickled = pickle.dumps(error)
            pickle.loads(pickled)  # some exceptions pickle, and then cannot be made again
        except Exception:
            # Whatever their methods raise: the error is told in words instead.
            pickled = b""
        told = str(error) if isinstance(error, DecimaError) else first_line(error)
        return cls(pickled, told, "".join(traceback.format_exception(error)))

    def error(self) -> BaseException:
        """The exception, with the worker's traceback as a note unless it was raised on purpose."""
        error: BaseException = (
            pickle.loads(self.pickled) if self.pickled else WorkerError(f"A worker failed: {self.told}")
        )
        if not isinstance(error, DecimaError):
            error.add_note(f"In a worker:\n{self.trace}")
        return error


@attrs.frozen
class Reply:
    """What came of one call in a worker: ``value``, or ``raised``; and the warnings meanwhile."""

    value: Any = None
    raised: Raised | None = None
    warned: tuple[Warned, ...] = ()


def reply_of(call: Callable[[], Any]) -> Reply:
    """Make a call; whatever it returns, raises and warns of is kept for the main process."""
    with _heard() as warned:
        try:
            value, raised = call(), None
        except Exception as error:
            value, raised = None, Raised.of(error)
    return Reply(value, raised, tuple(warned))


class Repeater:
    """Gives workers' warnings to this process's loggers; what several workers say as they begin is told once."""

    def __init__(self) -> None:
        self._told: set[Warned] = set()

    def repeat(self, warned: tuple[Warned, ...], *, once: bool = False) -> None:
        """Log them here; with ``once``, and what is no warning, those alone that were not logged so before."""
        for warning in warned:
            alone = once or warning.level < logging.WARNING
            if alone and warning in self._told:
                continue
            if alone:
                self._told.add(warning)
            logging.getLogger(warning.logger).log(warning.level, "%s", warning.message)


@contextmanager
def _heard() -> Iterator[list[Warned]]:
    heard: list[Warned] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.partition(".")[0] not in NOT_OURS:
                heard.append(Warned(record.name, record.levelno, record.getMessage()))

    root, ear = logging.getLogger(), Ear(logging.WARNING)
    others = root.handlers[:]
    root.handlers[:] = [ear]
    try:
        with infos_to(ear):
            yield heard
    finally:
        root.handlers[:] = others
