"""Interrupts that wait: Ctrl-C and the scheduler's SIGTERM must not fall into a call of HDF5.

HDF5 writes through Python functions (:mod:`decima_core.outputs.patient_file`). An exception that a signal raises inside one of
them is swallowed by HDF5, or leaves its state broken. So signals are held back for as long as a call lasts, and raised after it.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def held() -> Iterator[None]:
    """Signals wait until the block ends; then the first that came goes to its own handler.

    Where the block ends in an error of its own, that error is the one to tell. Signals reach the main thread alone, so in others
    there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before: dict[int, Any] = {}
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):  # what is ignored, or ends the process outright, stays as it is
            before[number] = handler
            signal.signal(number, lambda caught, frame: came.append(caught))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        before[came[0]](came[0], None)


def uninterrupted(function: Callable[P, T]) -> Callable[P, T]:
    """A function during which signals wait (see :func:`held`)."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with held():
            return function(*args, **kwargs)

    return wrapped
