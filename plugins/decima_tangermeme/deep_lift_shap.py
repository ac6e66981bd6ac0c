"""The method ``deep-lift-shap``."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import torch
from tangermeme.deep_lift_shap import deep_lift_shap
from tangermeme.utils import TangermemeWarning

from decima_core.methods import Method, ScalarTarget, hookable, sequences_per_forward, warn_if_incomplete
from decima_core.providers import Scores
from decima_tangermeme.options import DeepLiftShapOptions
from decima_tangermeme.references import references_of
from decima_tangermeme.rules import Rules, rules_of

_log = logging.getLogger("decima_tangermeme")


class DeepLiftShapMethod(Method):
    """DeepLIFT/SHAP by tangermeme (Shrikumar et al. 2017, arXiv:1704.02685; Lundberg & Lee 2017, arXiv:1705.07874).

    The sequence is compared with ``n_shuffles`` shuffles of itself that keep its dinucleotide counts. For each, the
    difference of the target is propagated back by DeepLIFT's rules; the values are averaged. ``values`` ``(B, 4, L)``,
    in units of the target, are zero except at the observed base, which carries the whole contribution of its position:
    that of the base that is there and of the reference's base that is not. They sum to the change of the target from
    the mean over the shuffles, and ``convergence_delta`` ``(B,)`` states by how much they do not.

    Shuffle k of every sequence is drawn with the seed ``seed + k``, whatever else is in the batch; unknown bases (N)
    stay in place and get zero. The gene mask is the same for the sequence and for its shuffles.

    A sequence and its shuffle go through the model together. The forward pass keeps input and output of every
    activation, so memory is about that of training on ``internal_batch_size`` sequences, and does not grow with
    ``n_shuffles`` but for a copy of the values each.

    Raises
    ------
    AttributionError
        If the target does not return one value a sequence or cuts its gradient, the model is TorchScript, a module has
        an attribute that tangermeme would delete, or memory runs out.
    DataError
        If a sequence is not one-hot.
    UnknownNameError
        If ``integrate`` names a class that the model does not have.
    """

    name = "deep-lift-shap"
    remedy = "set a smaller internal_batch_size (2 needs least), use a shorter window or a device with more memory"

    def __init__(self, options: DeepLiftShapOptions) -> None:
        self.options = options
        self.seed = options.seed

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        if not len(sequence):
            return Scores(values=sequence, convergence_delta=sequence.new_zeros(0))
        references = references_of(sequence)
        rules = rules_of(target, self.options.integrate, self.options.nodes)
        recorded = _Recorded(target)
        size = sequences_per_forward(target, sequence, mask, self.options.internal_batch_size)
        with _prepared(target, rules), _quiet():
            values = deep_lift_shap(
                recorded,
                sequence,
                args=None if mask is None else (mask,),
                batch_size=max(1, size // 2),
                references=references,
                n_shuffles=self.options.n_shuffles,
                additional_nonlinear_ops=rules.additional,
                only_warn=True,  # of unknown bases; what is not one-hot was refused above
                dtype=sequence.dtype,
                device=sequence.device,
                random_state=self.options.seed % 2**31,
            ).to(sequence)
        at_sequence, at_reference = recorded.means(len(sequence))
        change = at_sequence - at_reference
        delta = values.flatten(1).sum(1, dtype=torch.float64) - change
        scale = values.flatten(1).abs().sum(1, dtype=torch.float64) + at_sequence.abs() + at_reference.abs()
        warn_if_incomplete(_log, self.name, delta=delta, change=change, scale=scale, advice=_advice(rules))
        return Scores(values=values, convergence_delta=delta.to(sequence.dtype))


class _Recorded(torch.nn.Module):
    """The target as tangermeme takes it, one column ``(n, 1)``; keeps what it returned, which tangermeme does not."""

    def __init__(self, target: ScalarTarget) -> None:
        super().__init__()
        self.target = target
        self.outputs: list[torch.Tensor] = []
        # tangermeme puts back the mode that it finds, all modules below included.
        self.training = target.training

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        value: torch.Tensor = self.target(sequence, mask)
        self.outputs.append(value.detach().double())
        return value[:, None]

    def means(self, examples: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The target at each of ``examples`` sequences and its mean over their references, ``(examples,)`` each.

        tangermeme joins some sequences and as many references to a batch, all references of the first sequence first.
        """
        halves = [output.chunk(2) for output in self.outputs]
        at_sequence, at_reference = (torch.cat(parts).reshape(examples, -1) for parts in zip(*halves, strict=True))
        return at_sequence.mean(1), at_reference.mean(1)


@contextlib.contextmanager
def _prepared(target: ScalarTarget, rules: Rules) -> Iterator[None]:
    """Within, every rule applies; afterwards the modules are as found.

    A backward hook that is there already makes tangermeme leave out its rule, and one of the old kind makes torch
    refuse a new one; so those of modules with a rule are set aside.
    """
    with hookable(target, rules.ruled):
        for module in rules.ruled:
            module._backward_hooks.clear()
            module._is_full_backward_hook = None
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what is said better elsewhere: missing completeness by the log, unknown bases by the docs."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Convergence deltas", category=RuntimeWarning)
        warnings.filterwarnings("ignore", message=r".*cannot have unknown", category=TangermemeWarning)
        yield


def _advice(rules: Rules) -> str:
    what = f"There is no rule for {', '.join(rules.unruled)}" if rules.unruled else "Something has no rule"
    integrate = f"name it in integrate ({', '.join(rules.unruled)}), " if rules.unruled else ""
    return (
        f"{what}, and it is treated as linear, as are functional activations such as torch.relu(x). Use modules such as "
        f"nn.ReLU, {integrate}or use integrated-gradients."
    )
