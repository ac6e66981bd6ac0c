"""tangermeme's seqlet functions, compiled once for a machine instead of once for a process."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import tangermeme.seqlet
from numba.core.dispatcher import Dispatcher
from tangermeme.seqlet import recursive_seqlets

__all__ = ["recursive_seqlets_compiled"]

_log = logging.getLogger("decima_tangermeme")


@functools.cache
def recursive_seqlets_compiled() -> Callable[..., Any]:
    """tangermeme's ``recursive_seqlets``, whose machine code is kept on disk from now on.

    numba compiles its functions at their first call, which takes half a minute. tangermeme keeps the result of its
    other functions, not of these. numba puts it beside tangermeme, or, where that folder cannot be written, in the
    user's cache folder; ``NUMBA_CACHE_DIR`` names another.
    """
    for function in vars(tangermeme.seqlet).values():
        if isinstance(function, Dispatcher) and function.py_func.__module__ == tangermeme.seqlet.__name__:
            try:
                function.enable_caching()
            except RuntimeError as error:  # numba finds no folder that it may write
                _log.info("recursive-seqlets is compiled anew in each process: %s", error)
                break
    call: Callable[..., Any] = recursive_seqlets
    return call
