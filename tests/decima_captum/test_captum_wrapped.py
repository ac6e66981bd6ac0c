"""Any captum class as a method, for the drop-in function."""

import captum.attr
import numpy as np
import pytest
import torch

from decima_captum.wrapped import wrap_captum_class
from decima_core.errors import OptionError


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("input-x-gradient", captum.attr.InputXGradient),
        ("saliency", captum.attr.Saliency),
        ("integrated-gradients", captum.attr.IntegratedGradients),
        ("deep-lift", captum.attr.DeepLift),
    ],
)
def test_agrees_with_the_announced_method(make, zoo, name, theirs):
    model, x, mask = zoo.ConvNet(), zoo.sequence(2, 30), zoo.mask(2, 30)
    expected = make(name).attribute(model, x, mask).values
    values = wrap_captum_class(theirs).attribute(model, x, mask).values
    torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-6)


def test_saliency_is_signed_unless_abs_is_given(zoo):
    model, x = zoo.Linear(10), zoo.sequence(1, 10)
    assert torch.equal(wrap_captum_class(captum.attr.Saliency).attribute(model, x).values[0], model.weight)
    absolute = wrap_captum_class(captum.attr.Saliency, abs=True).attribute(model, x)
    assert torch.equal(absolute.values[0], model.weight.abs())


def test_gradient_shap_is_seeded_and_its_delta_averaged(zoo):
    model, x, mask = zoo.ConvNet(), zoo.sequence(2, 30), zoo.mask(2, 30)
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    kwargs = {"baselines": torch.zeros(3, 4, 30), "n_samples": 6, "return_convergence_delta": True}
    one, two = (wrap_captum_class(captum.attr.GradientShap, seed=1, **kwargs).attribute(model, x, mask) for _ in "ab")
    assert torch.equal(one.values, two.values)
    assert one.convergence_delta.shape == (2,)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])


def test_deep_lift_shap_against_the_mean_over_baselines(zoo):
    model, x, mask = zoo.ConvNet(pool=True), zoo.sequence(1, 30), zoo.mask(1, 30)
    references = zoo.sequence(3, 30, seed=9)
    together = wrap_captum_class(captum.attr.DeepLiftShap, baselines=references).attribute(model, x, mask).values
    singles = [wrap_captum_class(captum.attr.DeepLift, baselines=r[None]).attribute(model, x, mask) for r in references]
    change = model(x, mask) - model(references, mask.expand(3, -1, -1)).mean()
    torch.testing.assert_close(together.sum((1, 2)), change, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together, sum(s.values for s in singles) / 3, rtol=1e-3, atol=1e-5)


def test_occlusion_and_deconvolution_run_and_leave_nothing(zoo):
    model, x, mask = zoo.ConvNet(inplace=True), zoo.sequence(2, 30), zoo.mask(2, 30)
    wrap_captum_class(captum.attr.Occlusion, sliding_window_shapes=(4, 3)).attribute(model, x, mask)
    wrap_captum_class(captum.attr.GuidedBackprop).attribute(model, x, mask)
    assert not any(vars(m)["_forward_hooks"] or vars(m)["_backward_hooks"] for m in model.modules())


def test_a_misspelt_keyword_is_named_with_near_matches():
    with pytest.raises(OptionError, match=r"no keyword 'n_step'; did you mean n_steps\?"):
        wrap_captum_class(captum.attr.IntegratedGradients, n_step=3)
    with pytest.raises(OptionError, match="no keyword 'qqq'; it takes abs"):
        wrap_captum_class(captum.attr.Saliency, qqq=3)


@pytest.mark.parametrize("name", ["inputs", "target", "additional_forward_args"])
def test_keywords_that_are_not_the_callers(name):
    with pytest.raises(OptionError, match="set by decima_core"):
        wrap_captum_class(captum.attr.Saliency, **{name: 1})


def test_a_missing_keyword_is_named():
    with pytest.raises(OptionError, match="needs sliding_window_shapes"):
        wrap_captum_class(captum.attr.Occlusion)


@pytest.mark.parametrize("cls", [captum.attr.LayerGradCam, captum.attr.NoiseTunnel, captum.attr.LimeBase])
def test_classes_that_need_more_than_a_model(cls):
    with pytest.raises(OptionError, match="from a model alone"):
        wrap_captum_class(cls)


@pytest.mark.parametrize("cls", ["saliency", int, captum.attr.Saliency(lambda x: x)])
def test_what_is_no_captum_class(cls):
    with pytest.raises(OptionError, match="attribution class of captum"):
        wrap_captum_class(cls)
