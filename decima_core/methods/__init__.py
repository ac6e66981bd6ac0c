"""What attribution methods share: checked input, a differentiable target, memory, seeds, hooks, completeness.

For writers of methods; none of it is needed to follow the contract, all of it is easy to get wrong. A method that
subclasses :class:`Method` computes ``scores`` of private copies and has the rest done for it.
"""

from __future__ import annotations

from decima_core.methods.activations import hookable as hookable
from decima_core.methods.base import Method as Method
from decima_core.methods.base import check_shapes as check_shapes
from decima_core.methods.base import sequences_per_forward as sequences_per_forward
from decima_core.methods.completeness import warn_if_incomplete as warn_if_incomplete
from decima_core.methods.target import ScalarTarget as ScalarTarget

__all__ = [
    "Method",
    "ScalarTarget",
    "check_shapes",
    "hookable",
    "sequences_per_forward",
    "warn_if_incomplete",
]
