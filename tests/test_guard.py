"""The model is left exactly as found, also after an exception."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from decima_core.guard import left_as_found


def model() -> nn.Module:
    net = nn.Sequential(nn.Conv1d(4, 3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.ReLU())
    net.train()
    net[1].eval()  # a frozen batch norm inside a model in training mode must stay frozen
    net[0].bias.requires_grad_(False)
    net[0].weight.grad = torch.ones_like(net[0].weight)
    net[3].register_forward_hook(lambda *a: None)
    return net


def state(net: nn.Module) -> tuple:
    return (
        [m.training for m in net.modules()],
        [p.requires_grad for p in net.parameters()],
        [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        [list(m._forward_hooks) for m in net.modules()],
        [b.clone() for b in net.buffers()],
        [p.device for p in net.parameters()],
    )


def same(a: tuple, b: tuple) -> bool:
    def equal(x: object, y: object) -> bool:
        if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
            return torch.equal(x, y)
        return x == y

    return all(equal(x, y) for left, right in zip(a, b, strict=True) for x, y in zip(left, right, strict=True))


def disturb(net: nn.Module) -> None:
    net.train()
    net[0].weight.grad = None
    net[0].weight.requires_grad_(True)
    net[3].register_forward_hook(lambda *a: None)
    net[0].register_full_backward_hook(lambda *a: None)
    net[0].register_forward_pre_hook(lambda *a: None)


def test_evaluation_mode_and_frozen_weights_inside():
    net = model()
    with left_as_found(net):
        assert not any(m.training for m in net.modules())
        assert not any(p.requires_grad for p in net.parameters())


def test_everything_is_restored():
    net = model()
    before = state(net)
    with left_as_found(net, torch.device("cpu")):
        disturb(net)
    assert same(before, state(net))
    assert len(net[0]._backward_hooks) == len(net[0]._forward_pre_hooks) == 0


def test_everything_is_restored_after_an_exception():
    net = model()
    before = state(net)

    def fail_inside() -> None:
        with left_as_found(net):
            disturb(net)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert same(before, state(net))


def test_batch_norm_statistics_do_not_move():
    net = model()
    net[1].train()
    before = net[1].running_mean.clone()
    with left_as_found(net):
        net(torch.randn(2, 4, 10))
    assert torch.equal(net[1].running_mean, before)
    assert net[1].training


def test_modules_that_refuse_to_switch_modes_are_served():
    class Fixed(nn.Module):
        def train(self, mode: bool = True):
            raise NotImplementedError

    net = Fixed()
    with left_as_found(net):
        assert not net.training
    assert net.training
