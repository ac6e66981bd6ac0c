"""A network that uses most of what real ones do, and the files it may come in."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from decima_core.models import WrappedModel
from decima_core.registry import Registry

LENGTH = 48


class Network(nn.Module):
    """``(B, 5, L) -> (B, 3)``; batch normalisation and dropout tell training from evaluation."""

    def __init__(self, n_tasks: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 6, 5)
        self.norm = nn.BatchNorm1d(6)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, n_tasks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.relu(self.norm(self.conv(x)))).mean(2))


def make_network() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Network().eval()


def save_script(network: nn.Module, path: Path, how: str = "scripted") -> Path:
    """``network`` as TorchScript: scripted, traced or frozen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        example = torch.zeros(1, 5, LENGTH)
        made = torch.jit.trace(network, example) if how == "traced" else torch.jit.script(network)
        if how == "frozen":
            made = torch.jit.freeze(made)
        made.save(str(path))
    return path


def save_program(
    network: nn.Module, path: Path, *, batch: int = 1, channels: int = 5, dynamic: tuple[int, ...] = ()
) -> Path:
    """``network`` as a ``torch.export`` program whose ``dynamic`` axes may vary."""
    axes = {axis: torch.export.Dim(f"axis{axis}", min=8 if axis == 2 else 1) for axis in dynamic}
    example = torch.zeros(max(batch, 2) if 0 in dynamic else batch, channels, LENGTH)
    torch.export.save(torch.export.export(network, (example,), dynamic_shapes=(axes,)), path)
    return path


@pytest.fixture
def network() -> Network:
    return make_network()


@pytest.fixture(scope="session")
def save() -> SimpleNamespace:
    """``save.script(network, path, how)`` and ``save.program(network, path, batch=, channels=, dynamic=)``."""
    return SimpleNamespace(script=save_script, program=save_program)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The network in every form that holds it whole."""
    folder = tmp_path_factory.mktemp("saved")
    network = make_network()
    return {
        "static": save_program(network, folder / "static.pt2"),
        "dynamic": save_program(network, folder / "dynamic.pt2", dynamic=(0,)),
        "any length": save_program(network, folder / "free.pt2", dynamic=(0, 2)),
        **{how: save_script(network, folder / f"{how}.pt", how) for how in ("scripted", "traced", "frozen")},
    }


@pytest.fixture
def example() -> torch.Tensor:
    """Three one-hot sequences with a mask, ``(3, 5, L)``."""
    generator = torch.Generator().manual_seed(1)
    codes = torch.randint(0, 4, (3, LENGTH), generator=generator)
    mask = torch.zeros(3, 1, LENGTH)
    mask[:, :, 20:30] = 1
    return torch.cat([nn.functional.one_hot(codes, 4).transpose(1, 2).float(), mask], dim=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.discover()


@pytest.fixture
def load(registry: Registry) -> Callable[..., WrappedModel]:
    """The model that the provider ``torch`` makes of a path and options."""
    return lambda path, **options: registry.create("model", "torch", path=str(path), **options)
