"""DeepLIFT against the rescale rule by hand, and its warnings."""

import logging

import pytest
import torch
from torch import nn

from decima_core.errors import AttributionError


class OneLayer(nn.Module):
    """sum_j v_j relu(w_j . x + b_j)."""

    def __init__(self, length, units=6):
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.w = nn.Parameter(torch.randn(units, 4, length, generator=generator))
        self.b = nn.Parameter(torch.randn(units, generator=generator))
        self.v = nn.Parameter(torch.randn(units, generator=generator))
        self.relu = nn.ReLU()

    def forward(self, sequence, mask=None):
        return self.relu(torch.einsum("bcl,jcl->bj", sequence, self.w) + self.b) @ self.v


@pytest.mark.parametrize("baseline", ["zeros", "uniform"])
def test_rescale_rule_by_hand(make, zoo, baseline):
    model, x = OneLayer(12).requires_grad_(False), zoo.sequence(3, 12)
    start = torch.zeros_like(x) if baseline == "zeros" else torch.full_like(x, 0.25)
    before, after = (torch.einsum("bcl,jcl->bj", s, model.w) + model.b for s in (start, x))
    multiplier = (after.relu() - before.relu()) / (after - before)
    expected = torch.einsum("bj,j,jcl->bcl", multiplier, model.v, model.w) * (x - start)
    scores = make("deep-lift", baseline=baseline).attribute(model, x)
    torch.testing.assert_close(scores.values, expected, rtol=1e-4, atol=1e-5)
    assert (multiplier > 0).any()
    assert ((multiplier > 0) & (multiplier < 1)).any()


class Functional(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.inner = OneLayer(12)
        self.inner.relu = activation

    def forward(self, sequence, mask=None):
        return self.inner(sequence)


class PlainRelu(nn.Module):
    """An activation captum does not know by type."""

    def forward(self, x):
        return x.relu()


@pytest.mark.parametrize(("activation", "named"), [(PlainRelu(), ""), (nn.GELU(), "no exact rule for GELU")])
def test_a_functional_or_unknown_activation_is_reported(make, zoo, caplog, activation, named):
    model = Functional(activation).requires_grad_(False)
    with caplog.at_level(logging.WARNING, logger="decima_captum"):
        scores = make("deep-lift").attribute(model, zoo.sequence(2, 12))
    (record,) = caplog.records
    assert "completeness does not hold" in record.getMessage()
    assert "integrated-gradients" in record.getMessage()
    assert named in record.getMessage()
    assert scores.convergence_delta.abs().max() > 1e-2


def test_no_warning_where_completeness_holds(make, zoo, caplog):
    with caplog.at_level(logging.WARNING, logger="decima_captum"):
        make("deep-lift").attribute(zoo.ConvNet(pool=True), zoo.sequence(2, 40), zoo.mask(2, 40))
    assert caplog.records == []


def test_an_activation_used_twice_is_refused_or_reported(make, zoo, caplog):
    class Reused(nn.Module):
        def __init__(self):
            super().__init__()
            with torch.random.fork_rng():
                torch.manual_seed(0)
                self.a, self.b = nn.Conv1d(4, 8, 3), nn.Conv1d(8, 8, 3)
            self.relu = nn.ReLU()

        def forward(self, sequence, mask=None):
            return self.relu(self.b(self.relu(self.a(sequence)))).sum((1, 2))

    model = Reused().requires_grad_(False)
    with pytest.raises(AttributionError, match="more than once"):
        make("deep-lift").attribute(model, zoo.sequence(1, 20))
    assert not vars(model.relu)["_forward_hooks"]
    assert "input" not in vars(model.relu)


@pytest.mark.parametrize("kind", [nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus])
def test_complete_for_every_activation_with_a_rule(make, zoo, caplog, kind):
    model = Functional(kind()).requires_grad_(False)
    scores = make("deep-lift").attribute(model, zoo.sequence(2, 12))
    assert scores.convergence_delta.abs().max() < 1e-4
    assert caplog.records == []


def test_max_pooling_right_after_an_activation_is_complete(make, zoo):
    """captum alone loses part of the change here: two hooks on one tensor run in the wrong order."""
    scores = make("deep-lift", baseline="shuffle").attribute(
        zoo.ConvNet(pool=True), zoo.sequence(2, 40), zoo.mask(2, 40)
    )
    assert scores.convergence_delta.abs().max() < 1e-6


def test_overlapping_max_pooling_is_named(make, zoo, caplog):
    model = zoo.ConvNet()
    model.pool = nn.MaxPool1d(5, stride=1)
    scores = make("deep-lift").attribute(model, zoo.sequence(2, 40), zoo.mask(2, 40))
    assert scores.convergence_delta.abs().max() > 1e-3
    assert "overlapping MaxPool1d" in caplog.text


@pytest.mark.parametrize("last", [nn.MaxPool1d(2), nn.Softmax(dim=1)])
def test_rules_that_mix_a_batch_in_captum_do_not_mix_it_here(make, zoo, last):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        conv = nn.Conv1d(4, 6, 1)
        # A and C look the same to it, so that some differences vanish where the bases differ.
        conv.weight.data[:, 1] = conv.weight.data[:, 0]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.last = conv, last

        def forward(self, sequence, mask=None):
            return self.last(self.conv(sequence))[:, :2].sum((1, 2))

    model, x = Net().requires_grad_(False), zoo.sequence(3, 20)
    method = make("deep-lift", baseline="shuffle", n_baselines=3)
    batch = method.attribute(model, x).values
    singles = torch.cat([method.attribute(model, x[i : i + 1]).values for i in range(3)])
    torch.testing.assert_close(batch, singles, rtol=1e-5, atol=1e-6)
