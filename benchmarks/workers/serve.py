"""The loop that every contender runs: it reads a request, does the task, and says how long that took.

A contender is a script that marks functions with :func:`task` and ends with ``serve()``. It may run under another interpreter
than ours, so this module needs nothing but Python. Requests and answers are lines of JSON. What a library prints goes to the
standard error, never between the answers.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

_TASKS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {}


def task(answer: Callable[[Any], Any] = lambda found: found) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function as a task of its name. ``answer`` makes of what it returns what is compared: plain values or an array.

    Only the function is timed, not ``answer``.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        _TASKS[function.__name__] = function, answer
        return function

    return mark


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = _reply(json.loads(line))
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


def _reply(request: dict[str, Any]) -> dict[str, Any]:
    function, answer = _TASKS[request["task"]]
    given, times = request["given"], request["times"]
    gc.collect()
    started = time.perf_counter()
    for _ in range(times - 1):
        function(**given)
    found = function(**given)
    seconds = (time.perf_counter() - started) / times
    reply: dict[str, Any] = {"seconds": seconds, "peak_mib": _peak_mib()}
    if request["answer"]:
        value = answer(found)
        if hasattr(value, "__array__"):
            reply["array"] = _saved(value)
        else:
            reply["value"] = value
    return reply


def _saved(array: Any) -> str:
    import numpy as np

    handle, path = tempfile.mkstemp(suffix=".npy")
    with os.fdopen(handle, "wb") as file:
        np.save(file, np.asarray(array))
    return path


def _peak_mib() -> float | None:
    """The most memory this process has held; None where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None
