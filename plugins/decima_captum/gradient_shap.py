"""The method ``gradient-shap``."""

from __future__ import annotations

import numpy as np
import torch

from decima_captum.averaging import Comparison, Explained, average
from decima_captum.baselines import Baselines
from decima_captum.options import GradientShapOptions
from decima_core.methods import Method, ScalarTarget, gradient, sequences_per_forward
from decima_core.providers import Scores


class GradientShapMethod(Method):
    """Gradient SHAP, also called expected gradients (Lundberg & Lee 2017, arXiv:1705.07874; Erion et al. 2021).

    The mean over ``n_samples`` of gradient x (sequence - baseline), the gradient taken at a random point between the
    two: the point's place on the way is uniform, sample j uses baseline j modulo their number, and Gaussian noise of
    ``stdevs`` is added to the sequence. ``values`` ``(B, 4, L)`` in units of the target; they sum to its change from
    the mean baseline in expectation, and ``convergence_delta`` ``(B,)`` states how far this draw is off.

    captum's own class is not used. It draws samples from the global generators for a whole batch at once: its result
    would depend on the batch, and its memory would have no bound.

    Raises
    ------
    AttributionError
        If the target does not return one value a sequence, has no gradient, or memory runs out.
    """

    name = "gradient-shap"
    remedy = "set a smaller internal_batch_size (1 needs least), use a shorter window or a device with more memory"

    def __init__(self, options: GradientShapOptions) -> None:
        self.options = options
        self.seed = self.options.seed

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        def explain(comparison: Comparison) -> Explained:
            x, start = comparison.sequence, comparison.baseline
            samples = [self._sample(draw, x) for draw in comparison.draws]
            place = torch.tensor([place for place, _ in samples]).to(x)[:, None, None]
            if self.options.stdevs:
                x = x + torch.stack([noise for _, noise in samples])
            _, slope = gradient(target, start + place * (x - start), comparison.mask)
            return Explained((x - start) * slope, slope)

        return average(
            explain,
            target,
            sequence,
            mask,
            Baselines(self.options, sequence),
            per_chunk=sequences_per_forward(target, sequence, mask, self.options.internal_batch_size),
            draws=self.options.n_samples,
            hypothetical=self.options.hypothetical,
        ).scores

    def _sample(self, draw: int, like: torch.Tensor) -> tuple[float, torch.Tensor]:
        """The place of sample number ``draw`` on its path, and its noise ``(4, L)`` (empty without noise)."""
        # The third word keeps these streams apart from those of the shuffles.
        rng = np.random.default_rng([self.options.seed, draw, 1])
        place = float(rng.uniform())
        shape = like.shape[1:] if self.options.stdevs else (0,)
        noise = rng.standard_normal(tuple(shape), dtype=np.float32) * self.options.stdevs
        return place, torch.from_numpy(noise).to(like)
