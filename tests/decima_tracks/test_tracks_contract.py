"""Both providers keep every promise of the kit, on short windows of small random networks."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_track_models import LENGTH, save_borzoi, save_enformer, write_table

from decima_core.testing import parametrize_with_checks

needs_borzoi = pytest.mark.skipif(
    importlib.util.find_spec("borzoi_pytorch") is None, reason="the package borzoi-pytorch is not installed"
)
needs_enformer = pytest.mark.skipif(
    importlib.util.find_spec("enformer_pytorch") is None, reason="the package enformer-pytorch is not installed"
)


@functools.cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.cache
def borzoi_options() -> dict[str, Any]:
    return {"path": str(save_borzoi(folder() / "borzoi")), "seq_len": str(LENGTH), "keep": "CNhs1061*,RNA:vagina"}


@functools.cache
def enformer_options() -> dict[str, Any]:
    return {
        "path": str(save_enformer(folder() / "enformer")),
        "seq_len": str(LENGTH),
        "tracks": str(write_table(folder() / "targets.txt", 6)),
    }


@needs_borzoi
@parametrize_with_checks("model", "borzoi", options=lambda: borzoi_options())
def test_borzoi(check: Callable[[], None]) -> None:
    check()


@needs_enformer
@parametrize_with_checks("model", "enformer", options=lambda: enformer_options())
def test_enformer(check: Callable[[], None]) -> None:
    check()


@needs_enformer
@parametrize_with_checks("model", "enformer", options=lambda: {**enformer_options(), "over": "gene", "bins": "16"})
def test_enformer_of_a_gene(check: Callable[[], None]) -> None:
    check()
