"""What attribution methods share: private copies, seeds, hooks, memory in words, completeness."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import nn

from decima_core import AttributionError, Scores
from decima_core.methods import Method, ScalarTarget, hookable, warn_if_incomplete
from decima_core.testing.samples import Convolution, Linear, random_sequence, target_of


class Noisy(Method):
    """Gradient x input, on a copy that it spoils afterwards; draws of both generators beside it."""

    name = "noisy"
    seed = 3

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        sequence.requires_grad_()
        (gradient,) = torch.autograd.grad(target(sequence, mask).sum(), sequence)
        values = sequence.detach() * gradient
        with torch.no_grad():
            sequence.zero_()
        self.drawn = float(torch.rand(1)), float(np.random.rand())
        return Scores(values=values, convergence_delta=values.sum((1, 2)).requires_grad_())


def test_a_method_of_one_function_keeps_the_contract() -> None:
    module, x = Linear(), random_sequence(2)
    kept, method = x.clone(), Noisy()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    with torch.no_grad():
        scores = method.attribute(target_of(module), x)
    assert torch.allclose(scores.values, module.weights * x)
    assert torch.equal(x, kept)
    assert not x.requires_grad
    assert not scores.convergence_delta.requires_grad
    drawn = method.drawn
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    method.attribute(target_of(module), x)
    assert method.drawn == drawn, "the draws are those of its seed"


def test_running_out_of_memory_says_what_to_do_and_other_errors_pass() -> None:
    class Full(Noisy):
        remedy = "use less"
        text = "DefaultCPUAllocator: can't allocate memory"

        def scores(self, *_: object) -> Scores:
            raise RuntimeError(self.text)

    method = Full()
    with pytest.raises(AttributionError, match=r"noisy ran out of memory on 1 sequence\(s\) of 60 bases; use less\."):
        method.attribute(target_of(Linear()), random_sequence(1))
    method.text = "something else"
    with pytest.raises(RuntimeError, match="something else"):
        method.attribute(target_of(Linear()), random_sequence(1))


@pytest.mark.parametrize("failing", [False, True])
def test_hookable_puts_back_hooks_attributes_and_in_place_work(failing: bool) -> None:
    model = Convolution()
    model.relu = nn.ReLU(inplace=True)
    kept = model.relu.register_forward_hook(lambda *_: None)
    before = {name: dict(vars(m)) for name, m in model.named_modules()}
    tables = dict(model.relu._forward_hooks)
    try:
        with hookable(model, [model.relu]):
            assert not model.relu.inplace
            model.relu.left_behind = torch.zeros(1)
            model.relu.register_full_backward_hook(lambda *_: None)
            model.conv.register_forward_hook(lambda *_: None)
            if failing:
                raise KeyError("no")
    except KeyError:
        assert failing
    assert {name: dict(vars(m)) for name, m in model.named_modules()} == before
    assert dict(model.relu._forward_hooks) == tables
    assert not model.relu._backward_hooks
    assert not model.conv._forward_hooks
    kept.remove()


@pytest.mark.parametrize(("delta", "warned"), [(0.009, False), (0.011, True), (-0.011, True)])
def test_one_percent_may_be_missing(caplog: pytest.LogCaptureFixture, delta: float, warned: bool) -> None:
    logger = logging.getLogger("test_methods")
    deltas, change = torch.tensor([0.0, delta]), torch.tensor([5.0, 1.0])
    warn_if_incomplete(logger, "mine", delta=deltas, change=change, scale=torch.ones(2), advice="Do that.")
    assert bool(caplog.records) is warned
    if warned:
        assert f"mine: completeness does not hold: the values sum to {1 + delta:.4g}" in caplog.text
        assert caplog.records[0].getMessage().endswith("Do that.")


def test_no_sequence_is_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    empty = torch.zeros(0)
    warn_if_incomplete(logging.getLogger("x"), "m", delta=empty, change=empty, scale=empty, advice="")
    assert caplog.records == []
