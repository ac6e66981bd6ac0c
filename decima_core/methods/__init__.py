"""What attribution methods share: checked input, a differentiable target, memory, seeds, hooks, completeness.

For writers of methods; none of it is needed to follow the contract, all of it is easy to get wrong. A method that
subclasses :class:`Method` computes ``scores`` of private copies and has the rest done for it; one that subclasses
:class:`GradientMethod` says what to make of the gradient, and explains several targets with one forward pass.
"""

from __future__ import annotations

from decima_core.methods.activations import hookable as hookable
from decima_core.methods.base import Method as Method
from decima_core.methods.base import check_shapes as check_shapes
from decima_core.methods.batching import sequences_per_forward as sequences_per_forward
from decima_core.methods.completeness import warn_if_incomplete as warn_if_incomplete
from decima_core.methods.gradients import GradientMethod as GradientMethod
from decima_core.methods.gradients import gradient as gradient
from decima_core.methods.target import ScalarTarget as ScalarTarget

__all__ = [
    "GradientMethod",
    "Method",
    "ScalarTarget",
    "check_shapes",
    "gradient",
    "hookable",
    "sequences_per_forward",
    "warn_if_incomplete",
]
