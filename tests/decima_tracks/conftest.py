"""Small Borzoi and Enformer networks with random weights, in folders as ``save_pretrained`` writes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_track_models import LENGTH, Load, save_borzoi, save_enformer, save_prime

from decima_core import Registry


@pytest.fixture(scope="session")
def saved_borzoi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_borzoi(tmp_path_factory.mktemp("models") / "small-borzoi")


@pytest.fixture(scope="session")
def saved_prime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_prime(tmp_path_factory.mktemp("models") / "small-prime")


@pytest.fixture(scope="session")
def saved_enformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_enformer(tmp_path_factory.mktemp("models") / "small-enformer")


@pytest.fixture
def own_enformer(saved_enformer: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(saved_enformer, tmp_path / "own"))


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.discover()


@pytest.fixture
def borzoi(registry: Registry, saved_borzoi: Path) -> Load:
    """``borzoi(keep=...)``: the small Borzoi, at its short window, with these options."""

    def load(**options: Any) -> Any:
        return registry.create("model", "borzoi", **{"path": str(saved_borzoi), "seq_len": LENGTH, **options})

    return load


@pytest.fixture
def enformer(registry: Registry, saved_enformer: Path) -> Load:
    """``enformer(keep=...)``: the small Enformer, at its short window, with these options."""

    def load(**options: Any) -> Any:
        return registry.create("model", "enformer", **{"path": str(saved_enformer), "seq_len": LENGTH, **options})

    return load


@pytest.fixture
def change_config() -> Callable[..., None]:
    """``change_config(folder, dim=8)``: other values in its config.json."""

    def change(folder: Path, **values: Any) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


@pytest.fixture
def own_enformer_half(own_enformer: Path) -> Path:
    """Its weights in half precision."""
    path = own_enformer / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    torch.save({name: t.half() if t.is_floating_point() else t for name, t in state.items()}, path)
    return own_enformer
