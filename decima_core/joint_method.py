"""What an attribution method adds to its contract if it explains several targets of one model together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch

    from decima_core.providers import Scores


@runtime_checkable
class SeveralTargets(Protocol):
    """A ``torch.nn.Module`` of K targets on one model: one forward pass gives all that must be differentiated for them.

    The P columns of its output are targets, or what targets are made of. The gradient of target k is the sum over the columns of
    ``weights[:, k, p]`` times the gradient of column p.
    """

    def __call__(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """The columns ``(B, P)`` at sequences ``(B, 4, L)`` and masks ``(B, 1, L)``."""

    def __len__(self) -> int:
        """K, the number of targets."""

    def values(self, columns: torch.Tensor) -> torch.Tensor:
        """The targets ``(B, K)`` out of the columns ``(B, P)`` of a forward pass."""

    def weights(self, columns: torch.Tensor) -> torch.Tensor:
        """The derivative ``(B, K, P)`` of each target by each column ``(B, P)`` of a forward pass."""

    def columns_of(self, number: int) -> tuple[int, ...]:
        """The columns that the gradient of a target is made of; the weights of all others are zero."""


@runtime_checkable
class JointMethod(Protocol):
    """What an attribution method adds if several targets of one model cost it less together than one after another."""

    def attribute_many(
        self, targets: SeveralTargets, sequence: torch.Tensor, mask: torch.Tensor | None = None
    ) -> Iterator[Scores]:
        """The scores of each target in turn: those that ``attribute`` gives for it, within rounding."""
