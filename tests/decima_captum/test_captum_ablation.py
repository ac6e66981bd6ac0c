"""Feature ablation against a naive loop and against captum's own classes."""

import captum.attr
import pytest
import torch


def naive(model, x, mask, baseline, window, stride):
    """One window at a time, the definition spelled out."""
    length = x.shape[-1]
    total, count = torch.zeros(length), torch.zeros(length)
    for start in range(0, length, stride):
        end = min(start + window, length)
        changed = x.clone()
        changed[:, :, start:end] = baseline[:, :, start:end]
        bases = x[:, :, start:end].sum()
        count[start:end] += 1
        if bases:
            total[start:end] += (model(x, mask) - model(changed, mask))[0] / bases
    return x * (total / count.clamp(min=1))


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (4, 4), (5, 2), (7, 3), (3, 8), (100, 100), (1, 5)])
@pytest.mark.parametrize("baseline", ["zeros", "uniform"])
def test_against_a_naive_loop(make, zoo, window, stride, baseline):
    model, x, mask = zoo.ConvNet(), zoo.sequence(1, 23, n_at=(2, 8, 9, 10, 11, 12)), zoo.mask(1, 23)
    start = torch.zeros_like(x) if baseline == "zeros" else 0.25 * x.sum(1, keepdim=True).expand_as(x)
    expected = naive(model, x, mask, start, window, stride)
    method = make("feature-ablation", window=window, stride=stride, baseline=baseline, internal_batch_size=3)
    torch.testing.assert_close(method.attribute(model, x, mask).values, expected, rtol=1e-3, atol=1e-6)


def test_single_bases_against_captum(make, zoo):
    model, x, mask = zoo.ConvNet(), zoo.sequence(1, 23), zoo.mask(1, 23)
    position = torch.arange(23).expand(1, 4, 23)
    theirs = captum.attr.FeatureAblation(model).attribute(
        x, feature_mask=position, additional_forward_args=mask, perturbations_per_eval=1
    )
    ours = make("feature-ablation").attribute(model, x, mask).values
    torch.testing.assert_close(ours, theirs * x, rtol=1e-4, atol=1e-6)


def test_windows_against_captum_occlusion(make, zoo):
    model, x, mask = zoo.ConvNet(), zoo.sequence(1, 24), zoo.mask(1, 24)
    theirs = captum.attr.Occlusion(model).attribute(
        x, sliding_window_shapes=(4, 4), strides=(4, 4), additional_forward_args=mask
    )
    ours = make("feature-ablation", window=4, stride=4).attribute(model, x, mask).values
    torch.testing.assert_close(4 * ours, theirs * x, rtol=1e-4, atol=1e-6)


def test_only_n_costs_no_forward_pass_and_is_zero(make, zoo):
    model, x = zoo.ConvNet(), torch.zeros(1, 4, 12)
    assert make("feature-ablation", window=3).attribute(model, x, zoo.mask(1, 12)).values.abs().max() == 0
    assert model.calls == 1
