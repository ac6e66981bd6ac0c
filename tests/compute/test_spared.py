"""What is kept in place of a tensor gives the very same gradient, and is less."""

from __future__ import annotations

import pytest
import torch
from spared_operations import OPERATIONS, gradients
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from decima_core.compute.spared import Spared, Watched

# PyTorch's own remark, which the test is about.
COPIES = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


@COPIES
@pytest.mark.parametrize("shapes_alone", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_its_own_gradient(name: str, shapes_alone: bool) -> None:
    plain, spared = gradients(name, shapes_alone)
    assert torch.allclose(plain, spared, rtol=0, atol=0, equal_nan=True)


LAYERS = {
    "convolution": (nn.Conv1d(4, 4, 3), 0),
    "batch norm": (nn.BatchNorm1d(4), 0),
    "max pool": (nn.MaxPool1d(2), 2 * 4 * 25),
    "average pool": (nn.AvgPool1d(2), 0),
    "relu": (nn.ReLU(), 2 * 4 * 50),
    "relu in place": (nn.ReLU(inplace=True), 2 * 4 * 50),
    "gelu": (nn.GELU(), 4 * 2 * 4 * 50),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_keep_as_little_as_is_said(name: str) -> None:
    """In bytes, and weights left out. What is not spared goes to the hooks around the whole."""
    layer, most = LAYERS[name]
    layer = layer.eval().requires_grad_(False)
    x = torch.randn(2, 4, 50, requires_grad=True) * 1.0
    weights = {w.data_ptr() for w in (*layer.parameters(), *layer.buffers())}
    told: list[int] = []

    def keep(tensor: torch.Tensor) -> None:
        told.append(0 if tensor.data_ptr() in weights else tensor.nbytes)

    with (
        saved_tensors_hooks(keep, lambda _: x),
        Watched(lambda tensor, outside, _: told.append(0 if tensor.data_ptr() in weights else outside)),
    ):
        layer(x)
    assert sum(told) == most


@COPIES
@pytest.mark.parametrize("layer", [nn.Conv1d(4, 4, 3), nn.Conv1d(4, 4, 4, padding="same")])
def test_what_a_convolution_casts_or_pads_is_not_kept(layer: nn.Module) -> None:
    layer = layer.eval().requires_grad_(False)
    x = torch.randn(2, 4, 5_000, requires_grad=True) * 1.0
    told: list[int] = []

    def keep(tensor: torch.Tensor) -> None:
        told.append(tensor.nbytes)

    with (
        torch.autocast("cpu", torch.bfloat16),
        saved_tensors_hooks(keep, lambda _: x),
        Watched(lambda tensor, outside, _: told.append(outside)),
    ):
        layer(x)
    assert sum(told) < 1_000


def test_of_two_modes_the_inner_one_counts() -> None:
    """In a piece that is computed again a ReLU keeps its output as torch does, for the piece's own hooks."""
    seen: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(tensor)
        return tensor

    x = torch.randn(2, 4, 50, requires_grad=True)
    with Spared(), saved_tensors_hooks(keep, lambda tensor: tensor):
        with Spared(shapes_alone=True):
            torch.relu(x)
        assert len(seen) == 1
        torch.relu(x)
        assert len(seen) == 1


def test_operations_with_weights_that_learn_are_left_alone() -> None:
    x, layer, norm = torch.randn(2, 4, 50, requires_grad=True), nn.Conv1d(4, 4, 3), nn.BatchNorm1d(4).eval()
    weights = [*layer.parameters(), *norm.parameters()]
    plain = torch.autograd.grad(norm(layer(x)).square().sum(), weights)
    with Spared():
        value = norm(layer(x)).square().sum()
    for one, other in zip(plain, torch.autograd.grad(value, weights), strict=True):
        assert torch.equal(one, other)


def test_a_training_batch_norm_is_left_alone() -> None:
    x, norm = torch.randn(3, 4, 50, requires_grad=True), nn.BatchNorm1d(4).requires_grad_(False)
    seed = torch.randn(3, 4, 50)
    (plain,) = torch.autograd.grad(norm(x), x, seed)
    with Spared():
        value = norm(x)
    assert torch.equal(plain, torch.autograd.grad(value, x, seed)[0])


def test_the_input_of_a_convolution_is_not_held() -> None:
    """Seen from outside: hooks around the whole are asked to keep the weight alone."""
    weight = torch.ones(4, 4, 3) / 7
    asked: list[tuple[int, ...]] = []

    def ask(tensor: torch.Tensor) -> torch.Tensor:
        asked.append(tuple(tensor.shape))
        return tensor

    x = torch.randn(2, 4, 50, requires_grad=True)
    held = torch.randn(2, 4, 50)
    place = held.data_ptr()
    with Spared():
        value = torch.conv1d(x + held, weight)
    function = value.grad_fn
    assert function is not None
    found = function._saved_input
    assert found.shape == (2, 4, 50)
    assert place != found.data_ptr()
    assert not found.any()
    with saved_tensors_hooks(ask, lambda tensor: tensor):
        torch.conv1d(x + held, weight)
    assert (2, 4, 50) in asked  # so it is without
