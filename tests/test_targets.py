"""Targets: the right number out of a model's tasks and positions, and a clear word where there is none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support import LinearModel, TrackModel, wrap

from decima_core import ConfigError, ModelError, UnknownNameError
from decima_core.sections import TargetOptions
from decima_core.targets import make_target

NAMES = ("CD14", "CD19", "CD3", "NK")


def value(options: dict[str, Any], module: Any = None, names: tuple[str, ...] = NAMES) -> torch.Tensor:
    module = module or LinearModel(4, 4, 10)
    x = torch.eye(4)[torch.arange(20) % 4].reshape(2, 10, 4).transpose(1, 2)
    return make_target(wrap(module, tasks=names), TargetOptions(**options))(x)


def outputs(module: Any = None) -> torch.Tensor:
    x = torch.eye(4)[torch.arange(20) % 4].reshape(2, 10, 4).transpose(1, 2)
    return (module or LinearModel(4, 4, 10))(x)


def test_specificity_is_on_minus_all_others_by_default():
    y = outputs()
    expected = y[:, [0, 2]].mean(1) - y[:, [1, 3]].mean(1)
    assert torch.allclose(value({"tasks": ["CD14", "CD3"]}), expected)


def test_specificity_with_named_off_tasks_and_division():
    y = outputs()
    got = value({"tasks": ["CD14"], "off_tasks": ["NK"], "compare": "divide"})
    assert torch.allclose(got, y[:, 0] / y[:, 3])


def test_off_tasks_that_are_also_on_are_left_out():
    y = outputs()
    got = value({"tasks": ["CD14", "CD19"], "off_tasks": ["CD19", "NK"]})
    assert torch.allclose(got, y[:, :2].mean(1) - y[:, 3])


@pytest.mark.parametrize(("over", "reduce"), [("mean", torch.mean), ("sum", torch.sum), ("max", torch.amax)])
def test_aggregate_reduces_tasks(over, reduce):
    got = value({"transform": "aggregate", "tasks": ["CD19", "NK"], "over_tasks": over})
    assert torch.allclose(got, reduce(outputs()[:, [1, 3]], dim=1))


@pytest.mark.parametrize(("over", "reduce"), [("mean", torch.mean), ("sum", torch.sum), ("max", torch.amax)])
def test_positions_are_reduced_before_tasks(over, reduce):
    module = TrackModel(4, 4, 10)
    got = value({"transform": "aggregate", "over_positions": over}, module)
    assert torch.allclose(got, reduce(outputs(module), dim=2).mean(1))


def test_tasks_may_be_numbers_names_or_both_and_repeats_count_once():
    assert torch.equal(value({"tasks": [0, "CD3", "2"]}), value({"tasks": ["CD14", "CD3"]}))
    assert torch.equal(value({"tasks": [-1]}), value({"tasks": ["NK"]}))


def test_a_name_that_looks_like_a_number_is_a_name():
    names = ("3", "x", "y", "z")
    assert torch.equal(value({"tasks": ["3"]}, names=names), value({"tasks": ["CD14"]}))


def test_names_of_the_gene_file_serve_a_model_without_names():
    module = LinearModel(3, 4, 10)
    target = make_target(wrap(module), TargetOptions(tasks=["b"]), ["a", "b", "c"])
    x = torch.randn(1, 4, 10)
    y = module(x)
    assert torch.allclose(target(x), y[:, 1] - y[:, [0, 2]].mean(1))


def test_the_gene_files_names_are_not_used_for_numbers():
    target = make_target(wrap(LinearModel(1, 4, 10)), TargetOptions(transform="aggregate", tasks=[0]), ["a", "b"])
    assert target(torch.zeros(1, 4, 10)).shape == (1,)


def test_names_that_disagree_with_the_models_output_are_refused():
    target = make_target(wrap(LinearModel(5, 4, 10)), TargetOptions(tasks=["a"]), ["a", "b"])
    with pytest.raises(ModelError, match="5 tasks, but 2 task names"):
        target(torch.zeros(1, 4, 10))


def test_mask_is_appended_as_fifth_channel():
    module = LinearModel(2, 5, 10)
    target = make_target(wrap(module), TargetOptions(tasks=[0]))
    x, mask = torch.randn(3, 4, 10), torch.ones(3, 1, 10)
    y = module(torch.cat([x, mask], 1))
    assert torch.allclose(target(x, mask), y[:, 0] - y[:, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["CD144"]}, "Did you mean CD14"),
        ({"tasks": ["CD14"], "off_tasks": ["NKK"]}, "Did you mean NK"),
        ({"tasks": [7]}, "4 tasks, numbered 0 to 3"),
        ({}, "All tasks are on"),
        ({"tasks": list(NAMES)}, "aggregate"),
        ({"tasks": ["NK"], "off_tasks": ["NK"]}, "nothing to contrast with"),
        ({"transform": "aggregate", "tasks": ["NK"], "off_tasks": ["CD3"]}, "contrasts with nothing"),
    ],
)
def test_choices_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        value(options)


def test_a_misspelt_transform_is_refused_with_a_near_match():
    from decima_core.options import build

    with pytest.raises(ConfigError, match="did you mean specificity"):
        build(TargetOptions, {"transform": "specifity"}, "the target")


def test_numbers_out_of_range_are_told_when_the_model_has_no_names():
    with pytest.raises(UnknownNameError, match="numbered 0 to 3"):
        value({"tasks": [9]}, names=())
    with pytest.raises(ConfigError, match="All tasks are on"):
        value({"tasks": [0, 1, 2, 3]}, names=())


def test_a_name_without_names_says_how_to_give_them():
    with pytest.raises(UnknownNameError, match=r"model\.tasks"):
        value({"tasks": ["monocyte"]}, names=())


class Odd(torch.nn.Module):
    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor) -> Any:
        if isinstance(self.output, Exception):
            raise self.output
        return self.output


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(2, 3, 4, 5), "must be"),
        (torch.zeros(7, 4), "returned shape"),
        (torch.zeros(2, 0), "returned shape"),
        ((torch.zeros(2, 4),), "returned tuple"),
        (RuntimeError("expected 19 channels\nlong trace"), "RuntimeError: expected 19 channels"),
    ],
)
def test_a_model_that_does_not_fit(output, message):
    with pytest.raises(ModelError, match=message):
        value({"tasks": [0]}, Odd(output), names=())


def test_one_number_an_example_counts_as_one_task():
    assert value({"transform": "aggregate"}, Odd(torch.tensor([1.0, 2.0])), names=()).tolist() == [1, 2]


def test_description_says_contrast_and_reduction():
    model = wrap(LinearModel(4, 4, 10), tasks=NAMES)
    text = make_target(model, TargetOptions(tasks=["CD14"], compare="divide")).description
    assert "CD14" in text
    assert "/ mean prediction of all other tasks" in text
    assert "sum over positions" in text


def test_description_names_the_tasks_that_are_used_not_those_that_were_typed():
    model = wrap(LinearModel(4, 4, 10), tasks=NAMES)
    text = make_target(model, TargetOptions(tasks=["0"], off_tasks=["CD14", "NK"])).description
    assert text.startswith("mean prediction of tasks CD14 - mean prediction of tasks NK (")


def test_a_model_that_works_in_place_does_not_change_what_is_explained():
    class InPlace(LinearModel):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.mul_(3))

    x = torch.randn(1, 4, 10, requires_grad=True)
    before = x.detach().clone()
    target = make_target(wrap(InPlace(2, 4, 10)), TargetOptions(tasks=["0"]))
    (gradient,) = torch.autograd.grad(target(x).sum(), x)
    assert torch.equal(x, before)
    weight = target.model.weight
    assert torch.allclose(gradient[0], 3 * (weight[0] - weight[1]), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_models_of_other_number_types_are_served_in_theirs(dtype):
    module = LinearModel(2, 5, 10).to(dtype)
    target = make_target(wrap(module), TargetOptions(tasks=["0"]))
    x, mask = torch.randn(2, 4, 10), torch.ones(2, 1, 10)
    got = target(x, mask)
    assert got.dtype == torch.float32
    y = LinearModel(2, 5, 10)(torch.cat([x, mask], 1))
    assert torch.allclose(got, y[:, 0] - y[:, 1], atol=0.3)


def test_integer_outputs_and_exits_are_model_errors():
    with pytest.raises(ModelError, match=r"torch\.int64 numbers"):
        value({"tasks": [0]}, Odd(torch.ones(2, 4, dtype=torch.int64)), names=())

    class Quits(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise SystemExit(3)

    with pytest.raises(ModelError, match="SystemExit: 3"):
        value({"tasks": [0]}, Quits(), names=())


def test_a_comparison_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="compares nothing"):
        value({"transform": "aggregate", "compare": "divide"})
