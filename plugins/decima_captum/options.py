"""The options of every method, declared once; light, so that announcing a method imports nothing heavy."""

from __future__ import annotations

from typing import Any, Literal

from decima_core.options import option, options_class

_HYPOTHETICAL = "Store what all four bases would contribute as well, as TF-MoDISco needs it."


@options_class
class InputXGradientOptions:
    """Options of ``input-x-gradient``."""

    hypothetical: bool = option(default=False, help=_HYPOTHETICAL)


@options_class
class CaptumOptions:
    """Options of ``captum``."""

    cls: Any = option(default="InputXGradient", help="A class of captum.attr by name or, in Python, the class itself.")
    arguments: dict[str, Any] = option(default={}, help="Keyword arguments of the class's attribute().")
    seed: int = option(default=0, help="Seed of every random draw; the same seed gives the same result.", at_least=0)


@options_class
class SaliencyOptions:
    """Options of ``saliency``."""

    absolute: bool = option(default=False, help="Return the gradient's magnitude and lose its sign.")


@options_class
class BaselineOptions:
    """Options shared by every method that compares the sequence with a baseline."""

    baseline: Literal["zeros", "uniform", "shuffle"] = option(
        default="zeros",
        help="What to compare with: no base at all, 0.25 of each base, or dinucleotide-preserving shuffles.",
    )
    n_baselines: int = option(default=10, help="Shuffles to average over; used with baseline=shuffle.", at_least=1)
    seed: int = option(default=0, help="Seed of every random draw; the same seed gives the same result.", at_least=0)
    internal_batch_size: int | None = option(
        default=None, help="Sequences per forward pass; none chooses from the sequence length.", at_least=1
    )


@options_class
class MultiplierOptions(BaselineOptions):
    """Options of the methods whose values are a slope, the multiplier, times the difference from a baseline."""

    hypothetical: bool = option(default=False, help=_HYPOTHETICAL)


@options_class
class IntegratedGradientsOptions(MultiplierOptions):
    """Options of ``integrated-gradients``."""

    n_steps: int = option(default=50, help="Points on the path from baseline to sequence.", at_least=1)


@options_class
class DeepLiftOptions(MultiplierOptions):
    """Options of ``deep-lift``."""


@options_class
class GradientShapOptions(MultiplierOptions):
    """Options of ``gradient-shap``."""

    baseline: Literal["zeros", "uniform", "shuffle"] = option(
        default="shuffle",
        help="What to compare with: no base at all, 0.25 of each base, or dinucleotide-preserving shuffles.",
    )
    n_samples: int = option(default=20, help="Random points between baseline and sequence.", at_least=1)
    stdevs: float = option(default=0.0, help="Standard deviation of the noise added to the sequence.", at_least=0)


@options_class
class FeatureAblationOptions(BaselineOptions):
    """Options of ``feature-ablation``."""

    window: int = option(default=1, help="Bases replaced at once.", at_least=1)
    stride: int | None = option(
        default=None, help="Bases from one window's start to the next; none is the window itself.", at_least=1
    )
