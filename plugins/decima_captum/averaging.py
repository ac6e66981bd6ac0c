"""Attributions against several references, averaged in chunks that fit in memory, with their convergence delta."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
import torch

from decima_captum.baselines import Baselines
from decima_core.methods import ScalarTarget
from decima_core.providers import Scores


@attrs.frozen
class Comparison:
    """Some sequences beside their baselines, both ``(n, 4, L)``, with their masks; ``draws`` numbers the references."""

    sequence: torch.Tensor
    baseline: torch.Tensor
    mask: torch.Tensor | None
    draws: tuple[int, ...]


@attrs.frozen
class Explained:
    """The ``values`` of some comparisons and the ``multipliers`` that were multiplied by a difference, both ``(n, 4, L)``."""

    values: torch.Tensor
    multipliers: torch.Tensor

    @classmethod
    def of(cls, comparison: Comparison, multipliers: torch.Tensor) -> Explained:
        """Values that are multipliers x (sequence - baseline)."""
        return cls(multipliers * (comparison.sequence - comparison.baseline), multipliers)

    def hypothetical(self, row: int, baseline: torch.Tensor) -> torch.Tensor:
        """What each base would contribute, ``(4, L)``: the values' sum over the bases if that base were there.

        For base b, the sum over bases c of multiplier[c] x (1 if c is b, else 0, minus baseline[c]): the hypothetical
        contributions that TF-MoDISco takes (Shrikumar et al. 2018, arXiv:1811.00416).
        """
        slope = self.multipliers[row]
        return slope - (slope * baseline).sum(0)


@attrs.frozen(kw_only=True)
class Averaged:
    """``scores``, the target's ``change`` ``(B,)`` from the mean baseline, and the ``scale`` ``(B,)`` of rounding."""

    scores: Scores
    change: torch.Tensor
    scale: torch.Tensor


def average(
    explain: Callable[[Comparison], Explained],
    target: ScalarTarget,
    sequence: torch.Tensor,
    mask: torch.Tensor | None,
    baselines: Baselines,
    *,
    per_chunk: int,
    draws: int | None = None,
    hypothetical: bool = False,
) -> Averaged:
    """Mean over ``draws`` references of the values that ``explain(comparison)`` gives, for each sequence of ``(B, 4, L)``,
    and with ``hypothetical`` of what the four bases would contribute.

    Draw j uses baseline j modulo their number; without ``draws`` each baseline is used once. ``per_chunk``
    comparisons are explained at a time. The convergence delta is the sum of the values minus the change of the target
    from the mean over the baselines used.
    """
    draws = baselines.count if draws is None else draws
    used = min(baselines.count, draws)
    values = torch.zeros_like(sequence)
    asked = torch.zeros_like(sequence) if hypothetical else None
    at_sequence = evaluate(target, sequence, mask, per_chunk)
    at_baseline = torch.zeros_like(at_sequence)
    pairs = [(example, draw) for example in range(len(sequence)) for draw in range(draws)]
    for chunk in _chunks(pairs, per_chunk):
        examples = [example for example, _ in chunk]
        comparison = Comparison(
            sequence[examples],
            baselines.stack([(example, draw % baselines.count) for example, draw in chunk]),
            None if mask is None else mask[examples],
            tuple(draw for _, draw in chunk),
        )
        new = [row for row, (_, draw) in enumerate(chunk) if draw < used]
        if new:
            with torch.no_grad():
                held = None if comparison.mask is None else comparison.mask[new]
                outputs = target(comparison.baseline[new], held)
            for row, output in zip(new, outputs, strict=True):
                at_baseline[examples[row]] += output / used
        # Row by row: an indexed sum has no fixed order on a GPU.
        explained = explain(comparison)
        for row, example in enumerate(examples):
            values[example] += explained.values[row] / draws
            if asked is not None:
                asked[example] += explained.hypothetical(row, comparison.baseline[row]) / draws
    change = at_sequence - at_baseline
    delta = values.flatten(1).sum(1).to(change) - change
    scale = values.flatten(1).abs().sum(1).to(change) + at_sequence.abs() + at_baseline.abs()
    scores = Scores(values=values, convergence_delta=delta, hypothetical=asked, prediction=at_sequence)
    return Averaged(scores=scores, change=change, scale=scale)


def evaluate(target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None, per_forward: int) -> torch.Tensor:
    """The target ``(B,)`` at sequences ``(B, 4, L)``, without gradients, ``per_forward`` at a time."""
    with torch.no_grad():
        parts = [
            target(sequence[at : at + per_forward], None if mask is None else mask[at : at + per_forward])
            for at in range(0, len(sequence), per_forward)
        ]
    return torch.cat(parts) if parts else sequence.new_zeros(0)


def _chunks(pairs: list[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    for at in range(0, len(pairs), size):
        yield pairs[at : at + size]
