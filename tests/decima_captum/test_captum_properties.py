"""Axioms that hold for every method: sensitivity, completeness, batches, seeds, strands."""

import numpy as np
import pytest
import torch

from decima_captum import decima_attribution_methods

NAMES = [s.name for s in decima_attribution_methods()]
CASES = [(name, {}) for name in NAMES] + [
    (name, {"baseline": baseline})
    for name in ("integrated-gradients", "deep-lift", "gradient-shap", "feature-ablation")
    for baseline in ("zeros", "uniform", "shuffle")
]
SMALL = {"integrated-gradients": {"n_steps": 7}, "gradient-shap": {"n_samples": 5, "stdevs": 0.1}}
every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=lambda v: v if isinstance(v, str) else str(v))


def small(name, options):
    few = {"n_baselines": 3} if "baseline" in options else {}
    return {**SMALL.get(name, {}), **few, **options}


@every_case
def test_a_target_that_reads_only_the_mask_gives_zero(make, zoo, name, options):
    x, mask = zoo.sequence(2, 24, n_at=(3,)), zoo.mask(2, 24)
    scores = make(name, **small(name, options)).attribute(zoo.MaskOnly(), x, mask)
    assert torch.equal(scores.values, torch.zeros_like(x))
    if scores.convergence_delta is not None:
        assert scores.convergence_delta.abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_zero_where_the_target_ignores_the_input(make, zoo, name):
    class Half(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, sequence, mask):
            return self.inner(sequence[:, :, :12], mask[:, :, :12])

    x, mask = zoo.sequence(2, 24), zoo.mask(2, 24)
    values = make(name).attribute(Half(zoo.ConvNet()), x, mask).values
    assert values[:, :, 12:].abs().max() < 1e-6
    assert values[:, :, :12].abs().max() > 1e-3


@every_case
def test_a_batch_equals_its_singles(make, zoo, name, options):
    x, mask, model = zoo.sequence(3, 40, n_at=(11,)), zoo.mask(3, 40), zoo.ConvNet(pool=True)
    method = make(name, **small(name, options))
    batch = method.attribute(model, x, mask)
    for i in range(3):
        single = method.attribute(model, x[i : i + 1], mask[i : i + 1])
        torch.testing.assert_close(batch.values[i : i + 1], single.values, rtol=1e-4, atol=1e-6)
        if batch.convergence_delta is not None:
            torch.testing.assert_close(batch.convergence_delta[i : i + 1], single.convergence_delta, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_is_no_error(make, zoo, name):
    scores = make(name).attribute(zoo.ConvNet(), zoo.sequence(0, 20), zoo.mask(0, 20))
    assert scores.values.shape == (0, 4, 20)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize("name", ["integrated-gradients", "deep-lift", "gradient-shap", "feature-ablation"])
def test_the_internal_batch_size_does_not_change_the_result(make, zoo, name, size):
    x, mask, model = zoo.sequence(2, 30), zoo.mask(2, 30), zoo.ConvNet()
    options = small(name, {"baseline": "shuffle"})
    usual = make(name, **options).attribute(model, x, mask).values
    again = make(name, **options, internal_batch_size=size).attribute(model, x, mask).values
    torch.testing.assert_close(again, usual, rtol=1e-4, atol=1e-6)


@every_case
def test_the_same_seed_gives_the_same_result_and_global_generators_are_untouched(make, zoo, name, options):
    x, mask, model = zoo.sequence(2, 30), zoo.mask(2, 30), zoo.ConvNet()
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.random_sample(3)
    torch.manual_seed(5)
    np.random.seed(5)
    first = make(name, **small(name, options)).attribute(model, x, mask).values
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.random_sample(3), expected[1])
    assert torch.equal(make(name, **small(name, options)).attribute(model, x, mask).values, first)


@pytest.mark.parametrize("name", ["integrated-gradients", "deep-lift", "gradient-shap", "feature-ablation"])
def test_another_seed_gives_other_shuffles(make, zoo, name):
    x, mask, model = zoo.sequence(1, 60), zoo.mask(1, 60), zoo.ConvNet()
    one, other = (make(name, baseline="shuffle", seed=s).attribute(model, x, mask).values for s in (0, 1))
    assert not torch.allclose(one, other, rtol=1e-3)


@pytest.mark.parametrize("baseline", ["zeros", "uniform"])
@pytest.mark.parametrize(
    "name", ["input-x-gradient", "saliency", "integrated-gradients", "deep-lift", "feature-ablation"]
)
def test_reverse_complement_equivariance(make, zoo, name, baseline):
    options = {} if name in ("input-x-gradient", "saliency") else {"baseline": baseline}
    x, model, method = zoo.sequence(2, 25, n_at=(6,)), zoo.Equivariant(), make(name, **options)
    here = method.attribute(model, x).values
    there = method.attribute(model, x.flip(1, 2)).values
    torch.testing.assert_close(there.flip(1, 2), here, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("baseline", ["zeros", "uniform", "shuffle"])
@pytest.mark.parametrize(("name", "tolerance"), [("deep-lift", 1e-6), ("integrated-gradients", 2e-3)])
def test_completeness_and_the_delta_that_states_it(make, zoo, name, tolerance, baseline):
    x, mask, model = zoo.sequence(3, 40, n_at=(5,)), zoo.mask(3, 40), zoo.ConvNet(pool=True)
    scores = make(name, baseline=baseline).attribute(model, x, mask)
    assert scores.convergence_delta.shape == (3,)
    assert scores.convergence_delta.abs().max() < tolerance
    if baseline == "zeros":
        change = model(x, mask) - model(torch.zeros_like(x), mask)
        torch.testing.assert_close(scores.values.sum((1, 2)) - change, scores.convergence_delta, rtol=1e-3, atol=1e-6)
        assert change.abs().min() > 1e-2


def test_gradient_shap_converges_to_completeness(make, zoo):
    x, mask, model = zoo.sequence(2, 30), zoo.mask(2, 30), zoo.ConvNet()
    few, many = (make("gradient-shap", n_samples=n).attribute(model, x, mask) for n in (10, 1000))
    assert many.convergence_delta.abs().max() < few.convergence_delta.abs().max()
    exact = make("integrated-gradients", baseline="shuffle").attribute(model, x, mask).values
    torch.testing.assert_close(many.values, exact, rtol=0, atol=0.05 * float(exact.abs().max()))


def test_n_positions_are_zero(make, zoo):
    x, mask = zoo.sequence(2, 30, n_at=(0, 9, 29)), zoo.mask(2, 30)
    for name in ("input-x-gradient", "integrated-gradients", "deep-lift", "feature-ablation"):
        values = make(name).attribute(zoo.ConvNet(), x, mask).values
        assert values[:, :, [0, 9, 29]].abs().max() == 0


def test_saliency_is_signed_unless_asked(make, zoo):
    """Known defect 3 of the original functions: Saliency returned absolute values."""
    model, x = zoo.Linear(20), zoo.sequence(1, 20)
    values = make("saliency").attribute(model, x).values
    assert torch.equal(values[0], model.weight)
    assert (values < 0).any()
    assert torch.equal(make("saliency", absolute=True).attribute(model, x).values, values.abs())


def test_double_precision_is_kept(make, zoo):
    for name in NAMES:
        scores = make(name).attribute(zoo.ConvNet().double(), zoo.sequence(1, 20).double(), zoo.mask(1, 20).double())
        assert scores.values.dtype == torch.float64
