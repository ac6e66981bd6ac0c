"""The two methods that take one gradient: ``input-x-gradient`` and ``saliency``."""

from __future__ import annotations

import torch
from captum.attr import Saliency

from decima_captum.method import CaptumMethod, forward_args
from decima_captum.options import InputXGradientOptions, SaliencyOptions
from decima_core.methods import ScalarTarget, sequences_per_forward
from decima_core.providers import Scores


def gradient(target: ScalarTarget, points: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """The signed gradient ``(B, 4, L)`` of the target at ``points`` ``(B, 4, L)``."""
    values: torch.Tensor = Saliency(target).attribute(points, abs=False, additional_forward_args=forward_args(mask))
    return values.detach()


def _gradients(target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """The same for a batch of any size, as many at a time as fit in memory."""
    size = sequences_per_forward(sequence.shape[-1], None)
    values = torch.zeros_like(sequence)
    for at in range(0, len(sequence), size):
        part, held = sequence[at : at + size], None if mask is None else mask[at : at + size]
        values[at : at + size] = gradient(target, part, held)
    return values


class InputXGradientMethod(CaptumMethod):
    """Gradient x input (Shrikumar et al. 2017, arXiv:1605.01713; the linear term of Simonyan et al. 2013).

    ``values`` ``(B, 4, L)``, in units of the target, are zero except at the observed base; a position without a base
    (N) gets zero. Exact on a linear model against the baseline of no base. Not complete in general. The hypothetical scores
    are the gradient itself.
    """

    name = "input-x-gradient"

    def __init__(self, options: InputXGradientOptions) -> None:
        self.options = options

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        slope = _gradients(target, sequence, mask)
        return Scores(values=sequence * slope, hypothetical=slope if self.options.hypothetical else None)


class SaliencyMethod(CaptumMethod):
    """The gradient (Simonyan et al. 2013, arXiv:1312.6034).

    ``values`` ``(B, 4, L)``, in units of the target per base, for all four bases. Signed: a positive value means that
    more of this base raises the target. ``absolute=True`` gives the magnitude alone, as in the paper.
    """

    name = "saliency"

    def __init__(self, options: SaliencyOptions) -> None:
        self.options = options

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        values = _gradients(target, sequence, mask)
        return Scores(values=values.abs() if self.options.absolute else values)
