"""Several targets on one model: the same numbers as one by one, from one forward pass and as few backward passes as can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support import LinearModel, wrap
from torch import nn

from decima_core import Attribution, AttributionError, ConfigError, GeneRecord, ModelError, Registry, Scores
from decima_core.attribute import explain, explain_many
from decima_core.guard import left_as_found
from decima_core.joint_method import JointMethod, SeveralTargets
from decima_core.joint_target import JointTarget
from decima_core.sections import TargetOptions
from decima_core.targets import make_target
from decima_core.testing.samples import random_codes

LENGTH, TASKS = 60, 9
CPU = torch.device("cpu")

# Equal within float rounding: no value differs by more than this part of the largest.
TOLERANCE = 2e-6


class Net(nn.Module):
    """Not linear, positive, with an output at every fourth position; counts its forward and backward passes."""

    channels = 5

    def __init__(self, tracks: bool = False) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.head = nn.Conv1d(5, 16, 7, padding=3), nn.Conv1d(16, TASKS, 4, stride=4)
        self.tracks, self.forwards, self.backwards = tracks, 0, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.forwards += 1
        hidden = self.conv(x)
        if hidden.requires_grad:
            hidden.register_hook(self._count)
        out = nn.functional.softplus(self.head(torch.tanh(hidden)))
        return out if self.tracks else out.mean(dim=2)

    def _count(self, _: torch.Tensor) -> None:
        self.backwards += 1


def record() -> GeneRecord:
    mask = np.zeros(LENGTH)
    mask[20:40] = 1
    return GeneRecord(gene="G", codes=random_codes(LENGTH), mask=mask, tss=20)


def joint(module: nn.Module, options: list[dict[str, Any]]) -> JointTarget:
    return JointTarget([make_target(wrap(module), TargetOptions(**each)) for each in options])


def together_and_apart(
    module: Any, options: list[dict[str, Any]], method: Any
) -> tuple[list[Attribution], list[Attribution], tuple[int, int]]:
    targets, model = joint(module, options), wrap(module)
    with left_as_found(targets):
        apart = [explain(record(), model, target, method, CPU) for target in targets.each()]
        before = module.forwards, module.backwards
        together = explain_many(record(), model, targets, method, CPU)
    return together, apart, (module.forwards - before[0], module.backwards - before[1])


def assert_alike(together: list[Attribution], apart: list[Attribution]) -> None:
    assert [a.target for a in together] == [a.target for a in apart]
    for one, other in zip(together, apart, strict=True):
        scale = np.abs(other.values).max()
        assert scale > 0
        assert np.abs(one.values - other.values).max() <= TOLERANCE * scale
        assert one.prediction == pytest.approx(other.prediction, rel=1e-6)
        assert (one.hypothetical is None) == (other.hypothetical is None)
        if one.hypothetical is not None:
            limit = TOLERANCE * np.abs(other.hypothetical).max()
            assert np.abs(one.hypothetical - other.hypothetical).max() <= limit


SETS: dict[str, tuple[list[dict[str, Any]], int]] = {
    # name: the targets, and how many backward passes they need together
    "one against the others each": ([{"tasks": [t]} for t in range(8)], 8),
    "eight against the same": ([{"tasks": [t], "off_tasks": [8]} for t in range(8)], 8),
    "all ordered pairs of three": (
        [{"tasks": [a], "off_tasks": [b]} for a in range(3) for b in range(3) if a != b],
        3,
    ),
    "ratios of all pairs of three": (
        [{"tasks": [a], "off_tasks": [b], "compare": "divide"} for a in range(3) for b in range(3) if a != b],
        3,
    ),
    "a difference, a ratio, and what they are made of": (
        [
            {"tasks": [0, 1], "off_tasks": [2, 3]},
            {"tasks": [1, 0], "off_tasks": [3, 2], "compare": "divide"},
            {"tasks": [0, 1], "transform": "aggregate"},
            {"tasks": [2, 3], "transform": "aggregate"},
        ],
        2,
    ),
    "two families that share nothing": (
        [
            *({"tasks": [a], "off_tasks": [b]} for a in range(3) for b in range(3) if a != b),
            {"tasks": [7], "off_tasks": [8]},
        ],
        4,
    ),
    "the same twice": ([{"tasks": [4]}, {"tasks": [4]}, {"tasks": [4]}], 2),
    "sums and maxima": (
        [
            {"tasks": [0, 1, 2], "transform": "aggregate", "over_tasks": how}
            for how in ("sum", "max", "mean", "sum", "max", "mean")
        ],
        3,
    ),
    "the largest against the same": (
        [{"tasks": [0, 1, 2], "over_tasks": how, "off_tasks": [5]} for how in ("sum", "max", "mean")],
        3,
    ),
}


@pytest.mark.parametrize("method", ["input-x-gradient", "saliency"])
@pytest.mark.parametrize("name", SETS)
def test_together_is_one_by_one_with_one_forward_pass(name: str, method: str) -> None:
    options, passes = SETS[name]
    found = Registry.discover().create("method", method)
    assert isinstance(found, JointMethod)
    together, apart, counted = together_and_apart(Net(), options, found)
    assert_alike(together, apart)
    assert counted == (1, passes)


def test_positions_are_reduced_as_each_target_says() -> None:
    options = [{"tasks": [1], "off_tasks": [2], "over_positions": how} for how in ("sum", "mean", "max", "sum")]
    found = Registry.discover().create("method", "input-x-gradient", hypothetical=True)
    together, apart, (forwards, _) = together_and_apart(Net(tracks=True), options, found)
    assert_alike(together, apart)
    assert forwards == 1


@pytest.mark.parametrize("method", ["integrated-gradients", "deep-lift", "feature-ablation", "captum"])
def test_methods_without_the_ability_explain_one_after_another(method: str) -> None:
    found = Registry.discover().create("method", method)
    together, apart, _ = together_and_apart(Net(), SETS["the same twice"][0][:2], found)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("method", ["input-x-gradient", "saliency"])
def test_one_target_takes_one_forward_and_one_backward_pass(method: str) -> None:
    module = Net()
    targets = joint(module, [{"tasks": [0]}])
    with left_as_found(targets):
        explain_many(record(), wrap(module), targets, Registry.discover().create("method", method), CPU)
    assert (module.forwards, module.backwards) == (1, 1)


def test_a_strangers_method_that_tells_no_prediction_is_served() -> None:
    class Plain:
        def attribute(self, target: Any, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> Scores:
            points = sequence.clone().requires_grad_()
            return Scores(values=torch.autograd.grad(target(points, mask).sum(), points)[0])

    module = Net()
    targets = joint(module, SETS["all ordered pairs of three"][0])
    with left_as_found(targets):
        mine = explain_many(record(), wrap(module), targets, Plain(), CPU)
        ours = explain_many(record(), wrap(module), targets, Registry.discover().create("method", "saliency"), CPU)
    assert_alike(mine, ours)


def test_the_gradient_of_a_linear_model_is_a_difference_of_weights() -> None:
    module = LinearModel(TASKS, 5, LENGTH)
    targets = joint(module, SETS["all ordered pairs of three"][0])
    with left_as_found(targets):
        found = explain_many(record(), wrap(module), targets, Registry.discover().create("method", "saliency"), CPU)
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    for (a, b), one in zip(pairs, found, strict=True):
        np.testing.assert_allclose(one.values, (module.weight[a] - module.weight[b]).detach()[:4], atol=1e-6)


def test_nothing_is_left_behind_between_targets() -> None:
    """The stream stands still with gradients off, and seeds as the caller has them."""
    method, module = Registry.discover().create("method", "saliency"), Net()
    targets = joint(module, [{"tasks": [t]} for t in range(3)])
    sequence, mask = torch.from_numpy(record().one_hot())[None], torch.from_numpy(record().mask.copy())[None, None]
    with torch.no_grad(), left_as_found(targets):
        state = torch.get_rng_state()
        for scores in method.attribute_many(targets, sequence, mask):
            assert not torch.is_grad_enabled()
            assert torch.equal(torch.get_rng_state(), state)
            assert not scores.values.requires_grad
    assert not sequence.requires_grad


def test_joint_targets_are_what_the_ability_asks_for() -> None:
    targets = joint(Net(), SETS["ratios of all pairs of three"][0])
    assert isinstance(targets, SeveralTargets)
    x = torch.rand(2, 4, LENGTH)
    columns = targets(x, torch.ones(2, 1, LENGTH))
    each = torch.stack([target(x, torch.ones(2, 1, LENGTH)) for target in targets.each()], dim=1)
    assert torch.allclose(targets.values(columns), each)
    free = columns.detach().double().requires_grad_()
    for number in range(len(targets)):
        (slope,) = torch.autograd.grad(targets.values(free)[:, number].sum(), free, retain_graph=True)
        assert torch.allclose(targets.weights(free)[:, number], slope)
        assert set(slope.abs().sum(0).nonzero()[:, 0].tolist()) == set(targets.columns_of(number))


class Odd:
    """Claims the ability and fails at it."""

    def __init__(self, *given: Any) -> None:
        self.given = given

    def attribute(self, *_: Any) -> Scores:
        raise AssertionError("not asked for")

    def attribute_many(self, *_: Any) -> Any:
        for each in self.given:
            if isinstance(each, Exception):
                raise each
            yield each


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "returned NoneType, not Scores"),
        ((KeyError("x"),), "on gene 'G' failed: KeyError"),
        ((Scores(values=torch.zeros(1, 4, 3)),), r"returned shape \(1, 4, 3\)"),
        ((Scores(values=torch.zeros(1, 4, LENGTH), prediction=torch.zeros(2)),), r"predictions of shape \(2,\)"),
    ],
)
def test_a_method_that_fails_at_it_is_named_with_its_gene(given: Any, message: str) -> None:
    module = Net()
    with pytest.raises(AttributionError, match=message):
        explain_many(record(), wrap(module), joint(module, [{"tasks": [0]}, {"tasks": [1]}]), Odd(*given), CPU)


def test_targets_that_cannot_go_together() -> None:
    with pytest.raises(ConfigError, match="no target"):
        JointTarget([])
    one, other = (joint(Net(), [{"tasks": [0]}]).each()[0] for _ in range(2))
    with pytest.raises(ConfigError, match="same model"):
        JointTarget([one, other])


def test_a_ratio_over_zero_is_refused_by_name() -> None:
    module = LinearModel(3, 5, LENGTH)
    with torch.no_grad():
        module.weight[1:] = 0
    options = [{"tasks": [0], "off_tasks": [t], "compare": "divide"} for t in (1, 2)]
    with pytest.raises(ModelError, match="target divides by zero"):
        explain_many(
            record(), wrap(module), joint(module, options), Registry.discover().create("method", "saliency"), CPU
        )
