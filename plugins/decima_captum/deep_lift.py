"""The method ``deep-lift``."""

from __future__ import annotations

import logging

import torch
from captum.attr import DeepLift

from decima_captum.averaging import Averaged, Comparison, Explained, average
from decima_captum.baselines import Baselines
from decima_captum.method import CaptumMethod, forward_args
from decima_captum.module_guard import RULED, guarded
from decima_captum.options import DeepLiftOptions
from decima_core.errors import AttributionError
from decima_core.methods import ScalarTarget, sequences_per_forward, warn_if_incomplete
from decima_core.providers import Scores

_log = logging.getLogger("decima_captum")

_POOLS_AND_SOFTMAX = (torch.nn.MaxPool1d, torch.nn.MaxPool2d, torch.nn.MaxPool3d, torch.nn.Softmax)


class DeepLiftMethod(CaptumMethod):
    """DeepLIFT with the rescale rule (Shrikumar, Greenside & Kundaje 2017, arXiv:1704.02685).

    The difference of the target from its value at the baseline is propagated back, each activation module passing on
    its (output difference / input difference); averaged over the baselines (with shuffles this is DeepSHAP).
    ``values`` ``(B, 4, L)`` in units of the target; they sum to its change from the mean baseline, and
    ``convergence_delta`` ``(B,)`` states by how much they do not.

    The rule exists for ``nn.ReLU``, ``ELU``, ``LeakyReLU``, ``Sigmoid``, ``Tanh``, ``Softplus``, ``MaxPool1d-3d`` and
    ``Softmax`` modules, each used once a forward pass. Functional activations and other kinds are treated as linear;
    where that breaks completeness by more than 1 %, the logger ``decima_captum`` warns.

    Raises
    ------
    AttributionError
        If an activation module is used more than once, the target does not return one value a sequence, or memory
        runs out.
    """

    name = "deep-lift"
    remedy = "set a smaller internal_batch_size (2 needs least), use a shorter window or a device with more memory"

    def __init__(self, options: DeepLiftOptions) -> None:
        self.options = options
        self.seed = self.options.seed

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        def explain(comparison: Comparison) -> Explained:
            with guarded(target):
                try:
                    multipliers: torch.Tensor = DeepLift(target, multiply_by_inputs=False).attribute(
                        comparison.sequence, comparison.baseline, additional_forward_args=forward_args(comparison.mask)
                    )
                except RuntimeError as error:
                    raise _explained(error) from error
            return Explained.of(comparison, multipliers.detach())

        # Sequence and baseline go through the model together, so a comparison counts twice. captum's rules for max
        # pooling and softmax mix the examples of a batch; one comparison at a time keeps them apart.
        size = sequences_per_forward(target, sequence, mask, self.options.internal_batch_size)
        alone = any(isinstance(module, _POOLS_AND_SOFTMAX) for module in target.modules())
        averaged = average(
            explain,
            target,
            sequence,
            mask,
            Baselines(self.options, sequence),
            per_chunk=1 if alone else max(1, size // 2),
            hypothetical=self.options.hypothetical,
        )
        _warn_if_incomplete(averaged, target)
        return averaged.scores


def _explained(error: RuntimeError) -> Exception:
    if "module is being used more than once" not in str(error):
        return error
    return AttributionError(
        "deep-lift cannot explain a model that uses one activation module more than once in a forward pass; give each "
        "use its own module (its own nn.ReLU(), say), or use the method integrated-gradients."
    )


def _warn_if_incomplete(averaged: Averaged, target: ScalarTarget) -> None:
    delta = averaged.scores.convergence_delta
    if delta is None:
        return
    unruled = sorted({name for name in map(_without_rule, target.modules()) if name})
    also = f"There is no exact rule for {', '.join(unruled)}. " if unruled else ""
    warn_if_incomplete(
        _log,
        "deep-lift",
        delta=delta,
        change=averaged.change,
        scale=averaged.scale,
        advice=f"{also}Use nn.ReLU modules, one for each use, instead of functional or shared activations; or use "
        "integrated-gradients.",
    )


def _without_rule(module: torch.nn.Module) -> str:
    """The name of an activation that captum treats as linear or approximates; empty for any other module."""
    kind = type(module).__name__
    if isinstance(module, _POOLS_AND_SOFTMAX[:3]) and module.stride != module.kernel_size:
        return f"overlapping {kind}"
    exact = type(module) in RULED and not isinstance(module, torch.nn.Softmax)
    return kind if type(module).__module__ == "torch.nn.modules.activation" and not exact else ""
