"""The two methods that take one gradient: ``input-x-gradient`` and ``saliency``.

captum's classes of these names take the very same gradient; asking torch for it spares a forward pass for the prediction, and lets
several targets share one.
"""

from __future__ import annotations

import torch

from decima_captum.options import InputXGradientOptions, SaliencyOptions
from decima_core.methods import GradientMethod
from decima_core.providers import Scores


class InputXGradientMethod(GradientMethod):
    """Gradient x input (Shrikumar et al. 2017, arXiv:1605.01713; the linear term of Simonyan et al. 2013).

    ``values`` ``(B, 4, L)``, in units of the target, are zero except at the observed base; a position without a base
    (N) gets zero. Exact on a linear model against the baseline of no base. Not complete in general. The hypothetical scores
    are the gradient itself.
    """

    name = "input-x-gradient"

    def __init__(self, options: InputXGradientOptions) -> None:
        self.options = options

    def of_gradient(self, sequence: torch.Tensor, slope: torch.Tensor) -> Scores:
        return Scores(values=sequence * slope, hypothetical=slope if self.options.hypothetical else None)


class SaliencyMethod(GradientMethod):
    """The gradient (Simonyan et al. 2013, arXiv:1312.6034).

    ``values`` ``(B, 4, L)``, in units of the target per base, for all four bases. Signed: a positive value means that
    more of this base raises the target. ``absolute=True`` gives the magnitude alone, as in the paper.
    """

    name = "saliency"

    def __init__(self, options: SaliencyOptions) -> None:
        self.options = options

    def of_gradient(self, sequence: torch.Tensor, slope: torch.Tensor) -> Scores:
        return Scores(values=slope.abs() if self.options.absolute else slope)
