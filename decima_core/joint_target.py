"""Several targets on one model: its output is computed once, and what targets share is differentiated once.

A target is a simple function of *terms*: the mean (sum, maximum) of some tasks, or that minus, or over, another. The gradient of
any of them is a weighted sum of the gradients of its terms, so that K contrasts among N groups of tasks need N backward passes where
N is smaller than K. Where it is not, the targets themselves are differentiated, which takes K passes and no arithmetic afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import torch
from torch import nn

from decima_core.errors import ConfigError
from decima_core.model_call import call_model
from decima_core.targets import Reduction, Target, reduce, reduced_positions


@attrs.frozen
class Term:
    """Some tasks of a model's output ``(B, T)`` or ``(B, T, L')``, reduced to one number an example."""

    tasks: tuple[int, ...]
    over_tasks: Reduction
    over_positions: Reduction

    def value(self, predictions: torch.Tensor) -> torch.Tensor:
        """Its value ``(B,)`` for predictions ``(B, T)``."""
        return reduce(predictions[:, list(self.tasks)], self.over_tasks, 1)


class JointTarget(nn.Module):
    """``(sequence (B, 4, L), mask (B, 1, L) or None) -> (B, P)``: all that must be differentiated, in one forward pass.

    The column ``p`` is a term or a target. Of all columns, :meth:`values` makes the K targets and :meth:`weights` says how much
    each column weighs in the gradient of each target.

    Parameters
    ----------
    targets
        Targets on one and the same model.

    Raises
    ------
    ConfigError
        If there is none, or they are on different models.
    ModelError
        On the first call whose output does not fit, or when the model itself raises.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__()
        if not targets:
            raise ConfigError("There is no target to explain.")
        self.model = targets[0].model
        if any(target.model is not self.model for target in targets):
            raise ConfigError("Targets that are explained together must be on the same model.")
        self.targets = nn.ModuleList(targets)
        self._plan: _Plan | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def each(self) -> list[Target]:
        """The targets, in order."""
        return list(self.targets)  # type: ignore[arg-type]

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        targets = self.each()
        known = next((target.n_tasks for target in targets if target.n_tasks is not None), None)
        output = call_model(self.model, sequence, mask, known)
        if self._plan is None:
            self._plan = _plan(targets, output.shape[1])
        reduced: dict[Reduction, torch.Tensor] = {}
        columns = []
        for column in self._plan.columns:
            each = targets[column] if isinstance(column, int) else column
            if each.over_positions not in reduced:
                reduced[each.over_positions] = reduced_positions(output, each.over_positions)
            columns.append(each.value(reduced[each.over_positions]))
        return torch.stack(columns, dim=1)

    def values(self, columns: torch.Tensor) -> torch.Tensor:
        """The targets ``(B, K)`` out of the columns ``(B, P)`` of a forward pass."""
        return torch.stack([_value(columns, use) for use in self._uses()], dim=1)

    def weights(self, columns: torch.Tensor) -> torch.Tensor:
        """The derivative ``(B, K, P)`` of each target by each column ``(B, P)`` of a forward pass."""
        weights = columns.new_zeros(len(columns), len(self), columns.shape[1])
        for number, use in enumerate(self._uses()):
            on = columns[:, use.on]
            if use.off is None:
                weights[:, number, use.on] = 1
            elif use.divided:
                off = columns[:, use.off]
                weights[:, number, use.on] = 1 / off
                weights[:, number, use.off] = -on / off**2
            else:
                weights[:, number, use.on] = 1
                weights[:, number, use.off] = -1
        return weights

    def columns_of(self, number: int) -> tuple[int, ...]:
        """The columns that the gradient of a target is made of."""
        use = self._uses()[number]
        return (use.on,) if use.off is None else (use.on, use.off)

    def _uses(self) -> tuple[_Use, ...]:
        assert self._plan is not None, "forward comes first: only then is the number of tasks known"
        return self._plan.uses


@attrs.frozen
class _Use:
    """A target out of columns: one of them, or one minus, or over, another."""

    on: int
    off: int | None = None
    divided: bool = False


@attrs.frozen
class _Plan:
    """What is differentiated, terms or targets by number, and how the targets come out of it."""

    columns: tuple[Term | int, ...]
    uses: tuple[_Use, ...]


def _value(columns: torch.Tensor, use: _Use) -> torch.Tensor:
    on = columns[:, use.on]
    if use.off is None:
        return on
    return on / columns[:, use.off] if use.divided else on - columns[:, use.off]


def _plan(targets: Sequence[Target], n_tasks: int) -> _Plan:
    """The cheaper way for each set of targets that hang together by the terms they share."""
    terms = [_terms(target, n_tasks) for target in targets]
    columns: list[Term | int] = []
    uses: dict[int, _Use] = {}
    for numbers in _connected(terms):
        shared = list(dict.fromkeys(term for number in numbers for term in terms[number]))
        if len(shared) >= len(numbers):
            shared = []
        places = {term: len(columns) + place for place, term in enumerate(shared)}
        columns.extend(shared)
        for number in numbers:
            if not shared:
                uses[number] = _Use(len(columns))
                columns.append(number)
                continue
            on, *off = (places[term] for term in terms[number])
            uses[number] = _Use(on, off[0] if off else None, targets[number].compare == "divide")
    return _Plan(tuple(columns), tuple(uses[number] for number in range(len(targets))))


def _terms(target: Target, n_tasks: int) -> tuple[Term, ...]:
    """The on-term of a target and, where it contrasts, its off-term."""
    on, off = target.task_numbers(n_tasks)
    first = _term(range(n_tasks) if on is None else on, target.over_tasks, target.over_positions)
    return (first,) if off is None else (first, _term(off, "mean", target.over_positions))


def _term(tasks: Iterable[int], over_tasks: Reduction, over_positions: Reduction) -> Term:
    """In one form, so that equal terms are found: the order of tasks does not matter, and of one task nothing is reduced."""
    ordered = tuple(sorted(tasks))
    return Term(ordered, over_tasks if len(ordered) > 1 else "mean", over_positions)


def _connected(terms: Sequence[tuple[Term, ...]]) -> list[list[int]]:
    """Numbers of targets, grouped so that those that share a term, also by way of others, are together."""
    group: dict[Term, list[int]] = {}
    for number, own in enumerate(terms):
        merged = [number]
        for found in {id(g): g for term in own if (g := group.get(term)) is not None}.values():
            merged = found + merged
        for member in merged:
            for term in terms[member]:
                group[term] = merged
    return [sorted(numbers) for numbers in {id(g): g for g in group.values()}.values()]
