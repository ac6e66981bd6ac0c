"""What the package tells its loggers below a warning, for whoever wants it, without a change for those who did not ask."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_OWN = logging.getLogger("decima_core")


@contextmanager
def infos_to(handler: logging.Handler) -> Iterator[None]:
    """Inside, ``handler`` gets the package's own records of level INFO up to a warning; other handlers get what they got before."""
    level, propagate = _OWN.level, _OWN.propagate
    infos, others = _Infos(handler), _Others(_OWN.getEffectiveLevel())
    _OWN.addHandler(infos)
    if propagate:
        _OWN.addHandler(others)
    _OWN.propagate = False
    _OWN.setLevel(min(logging.INFO, _OWN.getEffectiveLevel()))
    try:
        yield
    finally:
        _OWN.setLevel(level)
        _OWN.propagate = propagate
        _OWN.removeHandler(others)
        _OWN.removeHandler(infos)


class _Infos(logging.Handler):
    def __init__(self, handler: logging.Handler) -> None:
        super().__init__(logging.INFO)
        self._handler = handler

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            self._handler.handle(record)


class _Others(logging.Handler):
    """Passes on to the root logger's handlers what came to them before."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger().callHandlers(record)
