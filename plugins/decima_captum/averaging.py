"""Attributions against several references, averaged in chunks that fit in memory, with their convergence delta."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
import torch

from decima_captum.baselines import Baselines
from decima_captum.target import ScalarTarget
from decima_core.providers import Scores


@attrs.frozen
class Comparison:
    """Some sequences beside their baselines, both ``(n, 4, L)``, with their masks; ``draws`` numbers the references."""

    sequence: torch.Tensor
    baseline: torch.Tensor
    mask: torch.Tensor | None
    draws: tuple[int, ...]


@attrs.frozen(kw_only=True)
class Averaged:
    """``scores``, the target's ``change`` ``(B,)`` from the mean baseline, and the ``scale`` ``(B,)`` of rounding."""

    scores: Scores
    change: torch.Tensor
    scale: torch.Tensor


def average(
    explain: Callable[[Comparison], torch.Tensor],
    target: ScalarTarget,
    sequence: torch.Tensor,
    mask: torch.Tensor | None,
    baselines: Baselines,
    *,
    per_chunk: int,
    draws: int | None = None,
) -> Averaged:
    """Mean over ``draws`` references of ``explain(comparison)`` ``(n, 4, L)``, for each sequence of ``(B, 4, L)``.

    Draw j uses baseline j modulo their number; without ``draws`` each baseline is used once. ``per_chunk``
    comparisons are explained at a time. The convergence delta is the sum of the values minus the change of the target
    from the mean over the baselines used.
    """
    draws = baselines.count if draws is None else draws
    used = min(baselines.count, draws)
    values = torch.zeros_like(sequence)
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
        for example, value in zip(examples, explain(comparison), strict=True):
            values[example] += value / draws
    change = at_sequence - at_baseline
    delta = values.flatten(1).sum(1).to(change) - change
    scale = values.flatten(1).abs().sum(1).to(change) + at_sequence.abs() + at_baseline.abs()
    return Averaged(scores=Scores(values=values, convergence_delta=delta), change=change, scale=scale)


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
