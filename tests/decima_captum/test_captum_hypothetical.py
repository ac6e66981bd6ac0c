"""Hypothetical scores: what each of the four bases would contribute, by the methods that multiply a slope by a difference."""

from __future__ import annotations

import pytest
import torch
from support import LinearModel, MotifDetector, wrap
from torch import nn

from decima_core import Registry, TargetOptions
from decima_core.sequence import encode, one_hot
from decima_core.targets import make_target

LENGTH = 40
METHODS = ("input-x-gradient", "integrated-gradients", "deep-lift", "gradient-shap")


def sequences() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    letters = torch.randint(0, 4, (2, LENGTH), generator=generator).tolist()
    texts = ["".join("ACGT"[i] for i in row) for row in letters]
    texts[0] = texts[0][:10] + "GATAAG" + texts[0][16:]
    texts[1] = texts[1][:7] + "NN" + texts[1][9:]
    return torch.stack([torch.from_numpy(one_hot(encode(text))) for text in texts])


def scores(name: str, module: nn.Module, x: torch.Tensor, **options: object):
    target = make_target(wrap(module), TargetOptions(transform="aggregate"), ()).eval()
    return Registry.discover().create("method", name, **options).attribute(target, x)


@pytest.mark.parametrize("name", METHODS)
def test_they_are_given_where_asked_for_and_change_nothing_else(name: str) -> None:
    x, model = sequences(), LinearModel(1, 4, LENGTH)
    without, with_them = scores(name, model, x), scores(name, model, x, hypothetical=True)
    assert without.hypothetical is None
    assert with_them.hypothetical.shape == x.shape
    assert torch.equal(without.values, with_them.values)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("baseline", ["zeros", "uniform"])
def test_on_a_linear_model_they_are_the_weights_less_those_of_the_baseline(name: str, baseline: str) -> None:
    x, model = sequences(), LinearModel(1, 4, LENGTH)
    weight = model.weight.detach()[0]
    chosen = {} if name == "input-x-gradient" else {"baseline": baseline}
    found = scores(name, model, x, hypothetical=True, **chosen).hypothetical
    from_none = name == "input-x-gradient" or baseline == "zeros"
    expected = (weight if from_none else weight - weight.mean(0)).expand_as(x)
    has_base = x.sum(1, keepdim=True) > 0  # an N has no base in any baseline
    torch.testing.assert_close(found * has_base, expected * has_base, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("baseline", ["zeros", "uniform", "shuffle"])
def test_the_score_of_the_base_that_is_there_is_the_track(name: str, baseline: str) -> None:
    class Detector(MotifDetector):
        channels = 4

        def __init__(self) -> None:
            super().__init__()
            weight = self.conv.weight.detach()[:, :4].clone()
            self.conv = nn.Conv1d(4, 1, weight.shape[2])
            self.conv.weight.data, self.conv.bias.data = weight, torch.tensor([-2.0])

    x = sequences()
    chosen = {} if name == "input-x-gradient" else {"baseline": baseline}
    found = scores(name, Detector(), x, hypothetical=True, **chosen)
    assert found.values.abs().max() > 0.1
    has_base = x.sum(1)
    torch.testing.assert_close((found.hypothetical * x).sum(1), found.values.sum(1) * has_base, rtol=1e-3, atol=1e-5)
