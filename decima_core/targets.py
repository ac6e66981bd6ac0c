"""What is explained: one number an example, made from a model's tasks and positions.

A target wraps the model in a ``torch.nn.Module`` of its own and never changes the model. The model maps ``(B, C, L)`` to
``(B, T)`` or ``(B, T, L')``; the target reduces positions first (``sum`` by default), then tasks:

* ``specificity``: mean of the on-tasks minus (or over) the mean of the off-tasks; off-tasks default to all others.
* ``aggregate``: mean, sum or max over the tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from decima_core.errors import ConfigError, UnknownNameError, shorten
from decima_core.model_call import call_model
from decima_core.providers import DescribedModel, SequenceModel
from decima_core.sections import TargetOptions
from decima_core.task_query import find_tasks, is_query

if TYPE_CHECKING:
    import pandas as pd

Reduction = Literal["mean", "sum", "max"]


class Target(nn.Module):
    """``(sequence (B, 4, L), mask (B, 1, L) or None) -> (B,)``.

    Parameters
    ----------
    module
        The model, ``(B, 4 or 5, L) -> (B, T)`` or ``(B, T, L')``.
    on
        Task numbers to explain; None for all of them.
    off
        Task numbers to contrast with: None for no contrast, an empty tuple for all tasks not in ``on``.
    compare
        ``"subtract"`` or ``"divide"`` on by off.
    over_tasks, over_positions
        How tasks and positions are reduced.
    n_tasks
        Number of tasks that names were resolved against; checked against the output. None to skip the check.

    Raises
    ------
    ModelError
        On the first call whose output does not fit, or when the model itself raises.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        on: tuple[int, ...] | None,
        off: tuple[int, ...] | None,
        compare: Literal["subtract", "divide"] = "subtract",
        over_tasks: Reduction = "mean",
        over_positions: Reduction = "sum",
        n_tasks: int | None = None,
        description: str = "",
    ) -> None:
        super().__init__()
        self.model = module
        self.on = on
        self.off = off
        self.compare = compare
        self.over_tasks: Reduction = over_tasks
        self.over_positions: Reduction = over_positions
        self.n_tasks = n_tasks
        self.description = description

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.value(self.predictions(sequence, mask))

    def predictions(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """The model's prediction of every task, ``(B, T)``, positions reduced."""
        return reduced_positions(call_model(self.model, sequence, mask, self.n_tasks), self.over_positions)

    def parts(self, predictions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The on-tasks and the off-tasks of predictions ``(B, T)``, each reduced to ``(B,)``; None for no off-tasks."""
        on, off = self.task_numbers(predictions.shape[1])
        value = reduce(predictions if on is None else predictions[:, on], self.over_tasks, 1)
        return value, None if off is None else predictions[:, off].mean(dim=1)

    def value(self, predictions: torch.Tensor) -> torch.Tensor:
        """The target ``(B,)`` of predictions ``(B, T)``."""
        value, contrast = self.parts(predictions)
        if contrast is None:
            return value
        return value / contrast if self.compare == "divide" else value - contrast

    def task_numbers(self, n_tasks: int) -> tuple[list[int] | None, list[int] | None]:
        """The on-tasks (None: all) and the off-tasks (None: no contrast) of a model with ``n_tasks``, from 0.

        Raises
        ------
        UnknownNameError
            For a task that the model does not have.
        ConfigError
            If no task is left to contrast with.
        """
        for number in (*(self.on or ()), *(self.off or ())):
            if not -n_tasks <= number < n_tasks:
                raise UnknownNameError(
                    "task number", number, hint=f"The model has {n_tasks} tasks, numbered 0 to {n_tasks - 1}."
                )
        on = None if self.on is None else [t % n_tasks for t in self.on]
        if self.off is None:
            return on, None
        chosen = set(range(n_tasks) if on is None else on)
        candidates = [t % n_tasks for t in self.off] if self.off else range(n_tasks)
        off = [t for t in candidates if t not in chosen]
        if not off:
            raise ConfigError(_nothing_off(explicit=bool(self.off)))
        return on, off


def make_target(
    model: SequenceModel, options: TargetOptions, task_names: Sequence[str] = (), module: nn.Module | None = None
) -> Target:
    """The target ``options`` describe, on ``model``, or on what takes the place of its module.

    ``task_names`` serve where the model does not name its tasks itself (a gene file's own task names, say). What is no task's name
    or number is a query of the model's task table, where it has one (:class:`~decima_core.providers.DescribedModel`).

    Raises
    ------
    UnknownNameError
        For a task that does not exist, or a column or value of a query that does not; with near matches.
    ConfigError
        If no task is left to contrast with, or a query cannot be understood or holds for no task.
    """
    table = model.task_table if isinstance(model, DescribedModel) else None
    own = tuple(model.tasks) or (() if table is None else tuple(str(name) for name in table.index))
    names = own
    if not names and not all(_is_number(t) for t in (*options.tasks, *options.off_tasks)):
        names = tuple(task_names)
    count = len(names) or None
    where = f"model '{model.name}'" if own else "the gene file"
    on = _resolve(options.tasks, names, where, table) or None
    off: tuple[int, ...] | None = None
    if options.transform == "specificity":
        off = _resolve(options.off_tasks, names, where, table)
        if count is not None:
            chosen = set(range(count) if on is None else on)
            if not [t for t in (off or range(count)) if t not in chosen]:
                raise ConfigError(_nothing_off(explicit=bool(off)))
    elif options.off_tasks:
        raise ConfigError(
            "off_tasks were given, but the transform 'aggregate' contrasts with nothing; use --transform specificity."
        )
    elif options.compare != "subtract":
        raise ConfigError(
            f"compare is '{options.compare}', but the transform 'aggregate' compares nothing; use --transform specificity."
        )
    return Target(
        model.module if module is None else module,
        on=on,
        off=off,
        compare=options.compare,
        over_tasks=options.over_tasks,
        over_positions=options.over_positions,
        n_tasks=count,
        description=_describe(options, on, off, names),
    )


def _describe(
    options: TargetOptions, on: tuple[int, ...] | None, off: tuple[int, ...] | None, names: Sequence[str]
) -> str:
    """The target in words, for the metadata of every table: the tasks that are really used, by name where there is one."""

    def label(numbers: Sequence[int], wanted: Sequence[str]) -> str:
        queries = [task for task in wanted if task not in names and not _is_number(task)]
        asked = f" ({'; '.join(queries)})" if queries else ""
        return f"tasks {shorten([names[n] if names else n for n in numbers], 4)}{asked}"

    value = f"{options.over_tasks} prediction of {label(on, options.tasks) if on else 'all tasks'}"
    if options.transform == "specificity":
        contrast = [n for n in off or () if n not in (on or ())]
        off_text = label(contrast, options.off_tasks) if contrast else "all other tasks"
        sign = "-" if options.compare == "subtract" else "/"
        value = f"{value} {sign} mean prediction of {off_text}"
    return f"{value} ({options.over_positions} over positions)"


def _nothing_off(explicit: bool) -> str:
    if explicit:
        return "Every off-task is also an on-task, so there is nothing to contrast with; choose other off_tasks."
    return (
        "All tasks are on, so the transform 'specificity' has none to contrast with; "
        "choose fewer tasks (--tasks) or use --transform aggregate."
    )


def _resolve(wanted: Sequence[str], names: Sequence[str], where: str, table: pd.DataFrame | None) -> tuple[int, ...]:
    """Task numbers of names, numbers-as-text or queries, without repeats, in the order given."""
    index = {name: i for i, name in enumerate(names)}
    numbers: list[int] = []
    for task in wanted:
        if task in index:
            if names.count(task) > 1:
                raise ConfigError(
                    f"{where[0].upper()}{where[1:]} has {names.count(task)} tasks named '{task}'; give the number of the one you mean."
                )
            numbers.append(index[task])
        elif _is_number(task):
            number = int(task)
            if names and not -len(names) <= number < len(names):
                raise UnknownNameError(
                    "task number", task, where=where, hint=f"It has {len(names)} tasks, numbered 0 to {len(names) - 1}."
                )
            numbers.append(number % len(names) if names else number)
        elif is_query(task, () if table is None else table.columns):
            if table is None:
                raise ConfigError(
                    f"{task!r} is a query, but there is no table of the tasks of {where}; give one with the option "
                    "model.task_table, or give names or numbers of tasks."
                )
            numbers.extend(find_tasks(task, table, where))
        elif names:
            raise UnknownNameError("task", task, names, where=where)
        else:
            raise UnknownNameError(
                "task",
                task,
                hint="The model does not name its tasks: give a number, or names with the option model.tasks.",
            )
    return tuple(dict.fromkeys(numbers))


def _is_number(task: str) -> bool:
    return task.removeprefix("-").isdecimal()


def reduced_positions(output: torch.Tensor, how: Reduction) -> torch.Tensor:
    """A model's output ``(B, T)`` or ``(B, T, L')`` with its positions reduced, ``(B, T)``."""
    return output if output.ndim == 2 else reduce(output, how, 2)


def reduce(values: torch.Tensor, how: Reduction, dim: int) -> torch.Tensor:
    """Mean, sum or maximum along one dimension."""
    if how == "mean":
        return values.mean(dim=dim)
    if how == "sum":
        return values.sum(dim=dim)
    return values.amax(dim=dim)
