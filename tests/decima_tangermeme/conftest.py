"""Small networks and sequences, and providers as a user would get them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from decima_core.options import build
from decima_tangermeme import decima_attribution_methods, decima_peak_callers

SPECS = {spec.name: spec for spec in (*decima_attribution_methods(), *decima_peak_callers())}


class Net(nn.Module):
    """``target(sequence, mask)``: convolution, an activation used twice, pooling, dense; and a branch of the mask alone."""

    def __init__(self, activation: nn.Module | None = None, pool: nn.Module | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.first, self.second = nn.Conv1d(5, 6, 5, padding=2), nn.Conv1d(6, 6, 3, padding=1)
            self.side, self.head = nn.Conv1d(1, 3, 1), nn.Linear(9, 1)
            self.head.weight.data *= 5
        self.activation = activation or nn.ReLU()
        self.pool = pool or nn.Identity()
        self.side_relu = nn.ReLU()
        self.calls, self.fail_at = 0, -1

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        hidden = self.pool(self.activation(self.first(torch.cat([sequence, mask], 1))))
        if self.calls == self.fail_at:
            raise ValueError("the model broke")
        hidden = self.activation(self.second(hidden)).mean(2)
        side = self.side_relu(self.side(mask)).mean(2)
        out: torch.Tensor = self.head(torch.cat([hidden, side], 1))
        return out[:, 0]


class LinearTarget(nn.Module):
    """sum(weight x sequence) + 0.7, and half as much of it outside the mask, if there is one."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, length, generator=torch.Generator().manual_seed(0)))

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        factor = 1.0 if mask is None else 0.5 + 0.5 * mask
        return (factor * sequence * self.weight).sum((1, 2)) + 0.7


def frozen(model: nn.Module) -> Any:
    """As the engine hands it over: evaluation mode, weights frozen."""
    return model.eval().requires_grad_(False)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """The networks are tiny: threads cost more than they give."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def net() -> Callable[..., Any]:
    return lambda *args, **kwargs: frozen(Net(*args, **kwargs))


@pytest.fixture
def linear() -> Callable[[int], Any]:
    return lambda length: frozen(LinearTarget(length))


@pytest.fixture
def gene_mask() -> Callable[[int, int], torch.Tensor]:
    """A gene mask ``(count, 1, length)``; the genes begin at different places."""

    def make(count: int, length: int) -> torch.Tensor:
        mask = torch.zeros(count, 1, length)
        for i in range(count):
            mask[i, 0, length // 3 + i : length // 2 + 3 * i] = 1
        return mask

    return make


@pytest.fixture
def make() -> Callable[..., Any]:
    """A provider by name, with options."""

    def create(name: str, **options: Any) -> Any:
        return SPECS[name].create(build(SPECS[name].options, options, name))

    return create
