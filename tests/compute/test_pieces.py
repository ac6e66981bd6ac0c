"""Which pieces are computed twice: on timelines whose best choice is known, and on real models."""

from __future__ import annotations

import pytest
import torch
from deep_models import MODELS, Residual, flat, nested
from torch import nn

from decima_core.compute.pieces import MOST_TIME, cut
from decima_core.compute.timeline import Call, Saved, Step, Timeline, record

LENGTH = 2_000


def timeline_of(*blocks: tuple[int, float], given: int = 1, live: int = 0) -> tuple[Timeline, list[nn.Module]]:
    """A model that calls blocks, each of which keeps so many bytes and does so much work."""
    modules: list[nn.Module] = [nn.Identity() for _ in blocks]
    steps = [Step([Saved(n, kept, kept, kept)], live, work) for n, (kept, work) in enumerate(blocks)]
    calls = [Call(module, n, given, n + 1) for n, module in enumerate(modules)]
    return Timeline(steps, Call(nn.Identity(), 0, given, len(steps), calls)), modules


def test_what_holds_much_and_costs_little_is_computed_twice():
    timeline, modules = timeline_of(*[(100, 1.0)] * 4, (100, 100.0))
    plan = cut(timeline)
    assert [piece.module for piece in plan.pieces] == modules[:4]
    assert plan.plain == 500
    # At the end four inputs and the block that is kept; on the way back one of the others in its turn.
    assert plan.peak == 104
    assert plan.twice == pytest.approx(4 / 104)


def test_no_more_is_computed_than_time_allows():
    timeline, _ = timeline_of(*[(100, 1.0)] * 10)
    for passes in (1, 8):
        plan = cut(timeline, passes)
        assert plan.pieces
        assert 1 + passes * (1 + plan.twice) <= MOST_TIME * (1 + passes)


def test_nothing_is_computed_twice_for_little():
    # What is live in one place takes far more than all that is kept.
    timeline, _ = timeline_of((100, 1.0), (100, 1.0), live=100_000)
    assert cut(timeline).pieces == ()


def test_what_keeps_no_more_than_its_input_is_left_alone():
    timeline, _ = timeline_of(*[(100, 1.0)] * 4, given=100)
    assert cut(timeline).pieces == ()


def test_a_tensor_that_two_layers_keep_counts_once():
    saved = Saved(7, 100, 100, 100)
    timeline = Timeline([Step([saved]), Step([saved])], Call(nn.Identity(), 0, 1, 2))
    assert cut(timeline).plain == 100


def test_layers_in_a_row_make_a_piece():
    module = flat(30).eval().requires_grad_(False)
    plan = cut(timeline(module))
    assert all(piece.module is module and piece.end - piece.first > 1 for piece in plan.pieces)
    assert plan.pieces
    assert plan.peak < 0.5 * plan.plain


@pytest.mark.parametrize("name", MODELS)
def test_what_torch_keeps_is_told_to_the_byte(name):
    module = MODELS[name]().eval().requires_grad_(False)
    kept: dict[int, tuple[torch.Tensor, int]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        # The tensor too, so that its place is not given to another.
        kept[tensor.untyped_storage()._cdata] = tensor, tensor.untyped_storage().nbytes()
        return tensor

    x = torch.randn(1, 5, LENGTH, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(x)
    weights = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    told = {saved.storage: saved.plain for step in timeline(module).steps for saved in step.saved}
    assert sum(told.values()) == sum(size for place, (_, size) in kept.items() if place not in weights)


def test_calls_are_told_as_they_are_nested():
    module = nested(2).eval().requires_grad_(False)
    whole = timeline(module).whole
    trunk, head = whole.calls
    assert [call.module for call in whole.calls] == list(module)
    assert [call.module for call in trunk.calls] == list(module[0])
    assert [call.module for call in head.calls] == list(module[1])
    assert whole.begin == 0 < trunk.begin < trunk.end <= head.begin < head.end <= whole.end
    assert trunk.given == 5 * LENGTH * 4


def test_nothing_is_left_of_the_recording():
    module = Residual().eval().requires_grad_(False)
    x = torch.randn(1, 5, LENGTH, requires_grad=True)
    before = x.detach().clone()
    record(module, module.forward, x)
    assert torch.equal(x, before)
    assert x.grad is None
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())
    (gradient,) = torch.autograd.grad(module(x).sum(), x)
    assert gradient.any()


def test_work_is_that_of_the_layers():
    layers = nn.Sequential(nn.Conv1d(5, 8, 3), nn.Conv1d(8, 8, 3)).eval().requires_grad_(False)
    x = torch.randn(1, 5, 102, requires_grad=True)
    found = record(layers, layers.forward, x)
    work = [sum(step.work for step in found.steps[call.begin : call.end]) for call in found.whole.calls]
    # Two operations for each weight and place; and what is written comes on top.
    assert work[0] >= 2 * 5 * 8 * 3 * 100
    assert work[1] >= 2 * 8 * 8 * 3 * 98
    assert work[1] > work[0]


def timeline(module: nn.Module) -> Timeline:
    return record(module, module.forward, torch.randn(1, 5, LENGTH, requires_grad=True))
