"""A folder on ``sys.path`` in which tests install distributions."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

import fake_distributions
import pytest

from decima_core.registry import DISABLE_VARIABLE


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder on ``sys.path``."""
    monkeypatch.delenv(DISABLE_VARIABLE, raising=False)
    # Written and rewritten within one second, a module's cached bytecode could outlive its source.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def install(site: Path) -> Callable[..., None]:
    """``install(distribution, files, ...)`` into :func:`site`; see :func:`fake_distributions.install`."""
    return functools.partial(fake_distributions.install, site)
