"""What every test shares."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# In CI the same examples each time, so that a change lands or not by its own merit; elsewhere new ones each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


# A shell that starts a job in the background has it ignore Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _forget_own_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a test imported out of its own folder is forgotten: the next test may have a module of the same name."""
    before = set(sys.modules)
    yield
    folder = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
            del sys.modules[name]
    importlib.invalidate_caches()
