"""Targets as a method sees them: checked, and differentiable with respect to the sequence even where they ignore it."""

from __future__ import annotations

import torch

from decima_core.errors import AttributionError


class CheckedTarget(torch.nn.Module):
    """``target(sequence, mask)`` with its output checked; hooks that a library sets on the outermost module land here.

    Without a mask the target is called with the sequence alone.

    Raises
    ------
    AttributionError
        If the target does not return what a subclass asks for, or if it depends on the sequence but cuts its gradient.
    """

    def __init__(self, target: torch.nn.Module) -> None:
        super().__init__()
        self.target = target
        # Only what was there before counts; a new Module is in training mode, and nothing must call train() on target.
        self.training = target.training

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        value = self.value(sequence, mask)
        if not (torch.is_grad_enabled() and sequence.requires_grad):
            return value
        # A term that is always zero ties the value to the sequence: autograd refuses inputs that were never used,
        # and a target that reads only the mask must come out as zero, not as an error.
        return value + 0 * sequence[:, 0, 0].to(value).reshape(-1, *[1] * (value.ndim - 1))

    def value(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """As ``forward``, but not tied to a sequence that it does not depend on; see :func:`slope_of`."""
        value = self._value(sequence, mask)
        if torch.is_grad_enabled() and sequence.requires_grad and not value.requires_grad:
            self._refuse_cut_gradient(sequence, mask, value)
        return value

    def _value(self, sequence: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        value: object = self.target(sequence) if mask is None else self.target(sequence, mask)
        if not isinstance(value, torch.Tensor):
            raise AttributionError(
                f"The target returned a {type(value).__name__}, not a tensor with one value for each sequence."
            )
        self._check(value, len(sequence))
        return value

    def _check(self, value: torch.Tensor, batch: int) -> None:
        raise NotImplementedError

    def _refuse_cut_gradient(self, sequence: torch.Tensor, mask: torch.Tensor | None, value: torch.Tensor) -> None:
        """A value without gradient is right only where the sequence does not matter: ask another sequence."""
        with torch.no_grad():
            other = self._value(sequence.roll(1, dims=1) * 0.5, mask)
        if not torch.allclose(other, value, rtol=1e-5, atol=1e-8, equal_nan=True):
            raise AttributionError(
                "The target depends on the sequence but has no gradient; look for torch.no_grad(), .detach() or "
                "integer arithmetic in the model, or use the method feature-ablation, which needs no gradient."
            )


class ScalarTarget(CheckedTarget):
    """One target: ``forward`` maps ``(B, 4, L)`` and an optional mask ``(B, 1, L)`` to ``(B,)``."""

    def _check(self, value: torch.Tensor, batch: int) -> None:
        if value.shape != (batch,):
            raise AttributionError(
                f"The target returned shape {tuple(value.shape)} for {batch} sequence(s); an attribution "
                f"method needs one value for each, shape ({batch},). Select or average its outputs first."
            )


class ColumnTarget(CheckedTarget):
    """Several targets: ``forward`` maps ``(B, 4, L)`` and an optional mask ``(B, 1, L)`` to columns ``(B, P)``."""

    def _check(self, value: torch.Tensor, batch: int) -> None:
        if value.ndim != 2 or len(value) != batch or not value.shape[1]:
            raise AttributionError(
                f"The targets returned shape {tuple(value.shape)} for {batch} sequence(s), not one row for each."
            )


def slope_of(value: torch.Tensor, points: torch.Tensor, *, retain_graph: bool = False) -> torch.Tensor:
    """The gradient ``(B, 4, L)`` of values ``(B,)`` at ``points``; zero where they do not depend on them."""
    found = None
    if value.requires_grad:
        (found,) = torch.autograd.grad(value.sum(), points, retain_graph=retain_graph, allow_unused=True)
    return torch.zeros_like(points) if found is None else found
