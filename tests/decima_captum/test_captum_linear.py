"""On a linear target every method's values are known in closed form."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_captum import decima_attribution_methods

EXACT = [s.name for s in decima_attribution_methods() if s.exact_on_linear]
DIFFERENCE = ["integrated-gradients", "deep-lift", "gradient-shap"]


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=15, deadline=None)
@given(length=st.integers(1, 40), count=st.integers(1, 3), seed=st.integers(0, 99), masked=st.booleans())
def test_weight_times_input(make, zoo, name, length, count, seed, masked):
    model, x = zoo.Linear(length), zoo.sequence(count, length, seed)
    mask = zoo.mask(count, length) if masked else None
    expected = model.weight * x * (1 if mask is None else mask)
    values = make(name).attribute(model, x, mask).values
    torch.testing.assert_close(values, expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("name", DIFFERENCE)
def test_uniform_baseline_is_a_quarter_of_each_base_and_leaves_n(make, zoo, name):
    model, x = zoo.Linear(30), zoo.sequence(2, 30, n_at=(4, 29))
    scores = make(name, baseline="uniform").attribute(model, x)
    known = x.sum(1, keepdim=True)
    torch.testing.assert_close(scores.values, model.weight * (x - 0.25 * known), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", DIFFERENCE)
def test_shuffle_baseline_averages_the_shuffles(make, zoo, name):
    from decima_captum.baselines import Baselines
    from decima_captum.options import BaselineOptions
    from decima_core.options import build

    model, x = zoo.Linear(50), zoo.sequence(2, 50, n_at=(7,))
    options = {"baseline": "shuffle", "n_baselines": 4, "seed": 3}
    baselines = Baselines(build(BaselineOptions, options, "test"), x)
    mean = torch.stack([torch.stack([baselines.get(i, k) for k in range(4)]).mean(0) for i in range(2)])
    scores = make(name, **options).attribute(model, x)
    torch.testing.assert_close(scores.values, model.weight * (x - mean), rtol=1e-5, atol=1e-5)
    assert scores.convergence_delta.abs().max() < 1e-4


def test_feature_ablation_of_windows_shares_the_effect_equally(make, zoo):
    model, x = zoo.Linear(10), zoo.sequence(1, 10, n_at=(5,))
    effect = (model.weight * x).sum((0, 1))
    expected = torch.zeros(10)
    for start, end in ((0, 4), (4, 8), (8, 10)):
        bases = x[0, :, start:end].sum()
        expected[start:end] = effect[start:end].sum() / bases
    values = make("feature-ablation", window=4).attribute(model, x).values
    torch.testing.assert_close(values, x * expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(values.sum(), effect.sum(), rtol=1e-4, atol=1e-4)


def test_the_mask_and_the_bias_get_no_credit(make, zoo):
    model, x, mask = zoo.Linear(20), zoo.sequence(2, 20), zoo.mask(2, 20)
    scores = make("integrated-gradients").attribute(model, x, mask)
    assert (scores.values * (1 - mask)).abs().max() == 0
    change = model(x, mask) - model(torch.zeros_like(x), mask)
    torch.testing.assert_close(scores.values.sum((1, 2)), change, rtol=1e-4, atol=1e-5)
