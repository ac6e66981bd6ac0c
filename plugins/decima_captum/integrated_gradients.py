"""The method ``integrated-gradients``."""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients

from decima_captum.averaging import Comparison, Explained, average
from decima_captum.baselines import Baselines
from decima_captum.method import CaptumMethod, forward_args
from decima_captum.options import IntegratedGradientsOptions
from decima_core.methods import ScalarTarget, sequences_per_forward
from decima_core.providers import Scores


class IntegratedGradientsMethod(CaptumMethod):
    """Integrated gradients (Sundararajan, Taly & Yan 2017, arXiv:1703.01365).

    The gradient averaged over ``n_steps`` Gauss-Legendre points on the straight path from the baseline to the
    sequence, times their difference; averaged over the baselines. ``values`` ``(B, 4, L)`` in units of the target;
    they sum to its change from the mean baseline up to the error of the quadrature, which ``convergence_delta``
    ``(B,)`` states. With the baseline ``zeros`` (the default) only observed bases get a value.

    Raises
    ------
    AttributionError
        If the target does not return one value a sequence, has no gradient, or memory runs out.
    """

    name = "integrated-gradients"
    remedy = "set a smaller internal_batch_size (1 needs least), use a shorter window or a device with more memory"

    def __init__(self, options: IntegratedGradientsOptions) -> None:
        self.options = options
        self.seed = self.options.seed

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        steps = self.options.n_steps
        size = sequences_per_forward(target, sequence, mask, self.options.internal_batch_size)
        method = IntegratedGradients(target, multiply_by_inputs=False)

        def explain(comparison: Comparison) -> Explained:
            slope: torch.Tensor = method.attribute(
                comparison.sequence,
                baselines=comparison.baseline,
                additional_forward_args=forward_args(comparison.mask),
                n_steps=steps,
                internal_batch_size=max(size, len(comparison.sequence)),
            )
            return Explained.of(comparison, slope.detach())

        # All steps of a comparison in one forward pass where they fit, else one comparison at a time.
        per_chunk = max(1, size // steps)
        baselines = Baselines(self.options, sequence)
        asked = self.options.hypothetical
        return average(explain, target, sequence, mask, baselines, per_chunk=per_chunk, hypothetical=asked).scores
