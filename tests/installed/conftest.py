"""A folder on ``sys.path`` in which tests install distributions, and a clean slate afterwards."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import fake_distributions
import pytest

from decima_core.registry import DISABLE_VARIABLE


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder on ``sys.path``; what was imported from it is forgotten afterwards."""
    monkeypatch.delenv(DISABLE_VARIABLE, raising=False)
    # Written and rewritten within one second, a module's cached bytecode could outlive its source.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def install(site: Path) -> Callable[..., None]:
    """``install(distribution, files, ...)`` into :func:`site`; see :func:`fake_distributions.install`."""
    return functools.partial(fake_distributions.install, site)
