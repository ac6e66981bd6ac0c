"""Methods that need the gradient at the sequence and nothing else: one forward pass, for one target or for many."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator

import attrs
import torch

from decima_core.errors import ModelError
from decima_core.joint_method import SeveralTargets
from decima_core.methods.base import Method, check_shapes, detached
from decima_core.methods.batching import sequences_per_forward
from decima_core.methods.target import ColumnTarget, ScalarTarget, slope_of
from decima_core.providers import Scores


def gradient(
    target: ScalarTarget, points: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The target ``(B,)`` at ``points`` ``(B, 4, L)`` and its signed gradient ``(B, 4, L)``, from one forward pass."""
    points = points.detach().requires_grad_()
    value = target.value(points, mask)
    return value.detach(), slope_of(value, points)


class GradientMethod(Method):
    """Base of methods whose scores are a function of the sequence and the gradient there.

    A subclass says what to make of them in :meth:`of_gradient`. The prediction comes from the forward pass of the gradient, and
    several targets share one (:class:`~decima_core.joint_method.JointMethod`).
    """

    @abc.abstractmethod
    def of_gradient(self, sequence: torch.Tensor, slope: torch.Tensor) -> Scores:
        """The scores for sequences and gradients of one target, both ``(B, 4, L)``, which stay as they are."""

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        """As :meth:`Method.scores`; as many sequences at a time as fit in memory."""
        size = sequences_per_forward(target, sequence, mask, wanted=len(sequence))
        if len(sequence) <= size:
            value, slope = gradient(target, sequence, mask) if len(sequence) else (sequence.new_zeros(0), sequence)
            return _with_prediction(self.of_gradient(sequence, slope), value)
        values, slopes = [], []
        for at in range(0, len(sequence), size):
            value, slope = gradient(target, sequence[at : at + size], None if mask is None else mask[at : at + size])
            values.append(value)
            slopes.append(slope)
        return _with_prediction(self.of_gradient(sequence, torch.cat(slopes)), torch.cat(values))

    def attribute_many(
        self, targets: SeveralTargets, sequence: torch.Tensor, mask: torch.Tensor | None = None
    ) -> Iterator[Scores]:
        """The scores of each target in turn, all from one forward pass of the whole batch.

        Each column is differentiated when the first target needs it, and its gradient is kept until the last one has had it.

        Raises
        ------
        AttributionError
            If the shapes do not fit, the targets do not return columns, or memory runs out.
        """
        check_shapes(sequence, mask)
        with self._one_step(sequence):
            points = sequence.detach().clone().requires_grad_()
            checked = ColumnTarget(targets)  # type: ignore[arg-type]
            columns = checked.value(points, None if mask is None else mask.detach().clone())
        at = columns.detach()
        predictions, weights = targets.values(at), targets.weights(at)
        needs = [targets.columns_of(number) for number in range(len(targets))]
        left, slopes = {column for own in needs for column in own}, dict[int, torch.Tensor]()
        for number, own in enumerate(needs):
            with self._one_step(sequence):
                for column in own:
                    if column in left:
                        left.discard(column)
                        slopes[column] = slope_of(columns[:, column], points, retain_graph=bool(left))
                slope = _weighted([(weights[:, number, column], slopes[column]) for column in own])
                scores = detached(_with_prediction(self.of_gradient(points.detach(), slope), predictions[:, number]))
            later = {column for other in needs[number + 1 :] for column in other}
            slopes = {column: kept for column, kept in slopes.items() if column in later}
            # Outside of all contexts: what the caller does in between is its own.
            yield scores

    @contextlib.contextmanager
    def _one_step(self, sequence: torch.Tensor) -> Iterator[None]:
        with self.running(sequence):
            try:
                yield
            except (RuntimeError, ModelError) as error:
                self.explain_memory(error, sequence)
                raise


def _weighted(parts: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """The sum of gradients ``(B, 4, L)``, each times its weights ``(B,)``."""
    if len(parts) == 1 and bool((parts[0][0] == 1).all()):
        return parts[0][1]
    total = torch.zeros_like(parts[0][1])
    for weight, slope in parts:
        total.addcmul_(weight[:, None, None], slope)
    return total


def _with_prediction(scores: Scores, prediction: torch.Tensor) -> Scores:
    return attrs.evolve(scores, prediction=prediction)
