"""Attribution methods computed with captum: gradients, path methods, DeepLIFT and ablation.

This module only announces them; each method lives in a sibling that is imported when somebody uses it. In all of them
only the bases are explained: the gene mask is passed to every evaluation of the target unchanged, so it never receives
credit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from decima_captum.options import (
    CaptumOptions,
    DeepLiftOptions,
    FeatureAblationOptions,
    GradientShapOptions,
    InputXGradientOptions,
    IntegratedGradientsOptions,
    SaliencyOptions,
)
from decima_core import AttributionMethodSpec, hookimpl

if TYPE_CHECKING:
    from decima_core import AttributionMethod

__all__ = ["decima_attribution_methods"]


def _input_x_gradient(options: InputXGradientOptions) -> AttributionMethod:
    from decima_captum.gradients import InputXGradientMethod

    return InputXGradientMethod(options)


def _saliency(options: SaliencyOptions) -> AttributionMethod:
    from decima_captum.gradients import SaliencyMethod

    return SaliencyMethod(options)


def _integrated_gradients(options: IntegratedGradientsOptions) -> AttributionMethod:
    from decima_captum.integrated_gradients import IntegratedGradientsMethod

    return IntegratedGradientsMethod(options)


def _deep_lift(options: DeepLiftOptions) -> AttributionMethod:
    from decima_captum.deep_lift import DeepLiftMethod

    return DeepLiftMethod(options)


def _gradient_shap(options: GradientShapOptions) -> AttributionMethod:
    from decima_captum.gradient_shap import GradientShapMethod

    return GradientShapMethod(options)


def _feature_ablation(options: FeatureAblationOptions) -> AttributionMethod:
    from decima_captum.feature_ablation import FeatureAblationMethod

    return FeatureAblationMethod(options)


def _captum(options: CaptumOptions) -> AttributionMethod:
    from decima_captum.wrapped import captum_class, wrap_captum_class

    return wrap_captum_class(captum_class(options.cls), seed=options.seed, **options.arguments)


@hookimpl
def decima_attribution_methods() -> Iterable[AttributionMethodSpec]:
    """The six methods of this plugin, and the door to all others of captum."""
    yield AttributionMethodSpec(
        name="input-x-gradient",
        aliases=("inputxgradient",),
        summary="Gradient times input: the first-order effect of each observed base (Shrikumar et al. 2017).",
        options=InputXGradientOptions,
        create=_input_x_gradient,
        exact_on_linear=True,
    )
    yield AttributionMethodSpec(
        name="saliency",
        summary="The signed gradient for all four bases (Simonyan et al. 2013).",
        options=SaliencyOptions,
        create=_saliency,
    )
    yield AttributionMethodSpec(
        name="integrated-gradients",
        aliases=("integratedgradients",),
        summary="Gradients averaged on the way from a baseline to the sequence (Sundararajan et al. 2017).",
        options=IntegratedGradientsOptions,
        create=_integrated_gradients,
        exact_on_linear=True,
        complete=True,
    )
    yield AttributionMethodSpec(
        name="deep-lift",
        aliases=("deeplift",),
        summary="Differences from a baseline propagated back by the rescale rule (Shrikumar et al. 2017).",
        options=DeepLiftOptions,
        create=_deep_lift,
        exact_on_linear=True,
        complete=True,
    )
    yield AttributionMethodSpec(
        name="gradient-shap",
        aliases=("gradientshap",),
        summary="Expected gradients at random points between shuffles and the sequence (Lundberg & Lee 2017).",
        options=GradientShapOptions,
        create=_gradient_shap,
    )
    yield AttributionMethodSpec(
        name="feature-ablation",
        aliases=("featureablation", "occlusion"),
        summary="The drop of the target when a base, or a window of bases, is replaced (Zeiler & Fergus 2014).",
        options=FeatureAblationOptions,
        create=_feature_ablation,
        exact_on_linear=True,
    )
    yield AttributionMethodSpec(
        name="captum",
        summary="Any other attribution class of captum, as captum computes it.",
        options=CaptumOptions,
        create=_captum,
    )
