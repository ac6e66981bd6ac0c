"""Small targets whose attributions are known, and sequences to explain."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn


class Linear(nn.Module):
    """sum(weight x sequence) + bias; with a mask, the sequence is multiplied by it first."""

    def __init__(self, length: int, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(4, length, generator=generator))
        self.bias = nn.Parameter(torch.tensor(0.7))

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        held = sequence if mask is None else sequence * mask
        return (held * self.weight).sum((1, 2)) + self.bias


class MaskOnly(nn.Module):
    """3 x mean(mask): ignores the sequence."""

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return 3 * mask.mean((1, 2))


class ConvNet(nn.Module):
    """Two convolutions with ReLU modules, a mask channel and a branch that reads the mask alone."""

    def __init__(self, *, pool: bool = False, inplace: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.first = nn.Conv1d(5, 6, 5, padding=2)
            self.second = nn.Conv1d(6, 6, 3, padding=1)
            self.side = nn.Conv1d(1, 3, 1)
            self.head = nn.Linear(9, 1)
            self.head.weight.data *= 5
        self.relu1, self.relu2, self.side_relu = nn.ReLU(inplace=inplace), nn.ReLU(), nn.ReLU()
        self.pool = nn.MaxPool1d(2) if pool else nn.Identity()
        self.calls = 0
        self.fail_at = -1

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        hidden = self.pool(self.relu1(self.first(torch.cat([sequence, mask], 1))))
        hidden = self.relu2(self.second(hidden)).mean(2)
        if self.calls == self.fail_at:
            raise ValueError("the model broke")
        side = self.side_relu(self.side(mask)).mean(2)
        return self.head(torch.cat([hidden, side], 1))[:, 0]


class Equivariant(nn.Module):
    """The mean of a ReLU net over both strands: unchanged when the sequence is reverse-complemented."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(2)
            self.conv = nn.Conv1d(4, 8, 5, padding=2)
            self.weight = nn.Parameter(torch.randn(8, 1))
        self.forward_relu, self.backward_relu = nn.ReLU(), nn.ReLU()

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        one = self.forward_relu(self.conv(sequence))
        other = self.backward_relu(self.conv(sequence.flip(1, 2)))
        return ((one + other) * self.weight).mean((1, 2))


def frozen(model: nn.Module) -> nn.Module:
    """As the engine hands it over: evaluation mode, weights frozen."""
    return model.eval().requires_grad_(False)


def random_sequence(count: int, length: int, seed: int = 0, n_at: tuple[int, ...] = ()) -> torch.Tensor:
    """One-hot ``(count, 4, length)``, with N at ``n_at``."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 4, (count, length), generator=generator)
    x = nn.functional.one_hot(codes, 4).permute(0, 2, 1).float().contiguous()
    x[:, :, list(n_at)] = 0
    return x


def random_mask(count: int, length: int) -> torch.Tensor:
    """A gene mask ``(count, 1, length)``, one run of ones each, of different lengths."""
    mask = torch.zeros(count, 1, length)
    for i in range(count):
        mask[i, 0, length // 3 : length // 2 + 2 * i + 1] = 1
    return mask


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The targets are tiny: threads cost more than they give."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def zoo() -> SimpleNamespace:
    return SimpleNamespace(
        Linear=lambda length: frozen(Linear(length)),
        MaskOnly=lambda: frozen(MaskOnly()),
        ConvNet=lambda **kwargs: frozen(ConvNet(**kwargs)),
        Equivariant=lambda: frozen(Equivariant()),
        sequence=random_sequence,
        mask=random_mask,
    )


@pytest.fixture(scope="session")
def make():
    """A method by name with options, as a user would get it."""
    from decima_captum import decima_attribution_methods
    from decima_core.options import build

    specs = {spec.name: spec for spec in decima_attribution_methods()}

    def create(name: str, **options):
        return specs[name].create(build(specs[name].options, options, f"method {name}"))

    return create
