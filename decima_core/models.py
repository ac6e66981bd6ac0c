"""A torch module as a :class:`~decima_core.providers.SequenceModel`, and what can be read off a bare module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pandas as pd
import torch
from torch import nn

from decima_core.errors import ModelError
from decima_core.model_tasks import fitted, read_task_table


@attrs.frozen(kw_only=True, eq=False)
class WrappedModel:
    """A torch module with what decima_core needs to know of it.

    Parameters
    ----------
    module
        Maps ``(B, channels, L)`` float32 to ``(B, T)`` or ``(B, T, L')``.
    channels
        4 (bases A, C, G, T) or 5 (bases and gene mask).
    tasks
        Task names in output order; empty where unknown.
    seq_len
        The window length it needs; None for any.
    name
        For outputs.
    files
        The files it was made from, for the run's manifest.
    task_table
        A row for each task, in output order, named by the index; None where only names are known.
    """

    module: nn.Module
    channels: int
    tasks: tuple[str, ...] = ()
    seq_len: int | None = None
    name: str = "model"
    files: tuple[str, ...] = ()
    task_table: pd.DataFrame | None = None


def wrap_module(
    module: nn.Module,
    *,
    channels: int | None = None,
    tasks: Sequence[str] = (),
    seq_len: int | None = None,
    name: str | None = None,
    files: Sequence[str] = (),
    task_table: pd.DataFrame | str | None = None,
) -> WrappedModel:
    """Wrap a module, reading off it what is not given.

    ``task_table`` is a table with a row for each task in output order, or the path of one (``obs`` of a ``.h5ad`` file, TSV or
    CSV), whose rows are put in the order of the tasks and name them where nothing else does; the path joins ``files``.

    Raises
    ------
    ModelError
        If ``channels`` is not given and cannot be told from the module, or a task has no row in the file of the task table.
    DataError
        If the file of the task table cannot be read.
    """
    found = channels if channels is not None else guess_channels(module)
    label = name or type(module).__name__
    if found is None:
        raise ModelError(
            f"The input channels of model '{label}' cannot be told from its layers; "
            "give -O model.channels=4 (sequence) or 5 (sequence and gene mask)."
        )
    names = tuple(tasks) or task_names(module)
    if isinstance(task_table, str):
        files = (*files, task_table)
        task_table = fitted(read_task_table(task_table), names, task_table)
    if task_table is not None and not names:
        names = tuple(str(name) for name in task_table.index)
    return WrappedModel(
        module=module,
        channels=found,
        tasks=names,
        seq_len=seq_len,
        name=label,
        files=tuple(files),
        task_table=task_table,
    )


def task_names(module: Any) -> tuple[str, ...]:
    """Task names a module carries: a ``tasks`` list of names, or gReLU's ``data_params["tasks"]["name"]``; else empty."""
    own = getattr(module, "tasks", None)
    if isinstance(own, (list, tuple)) and own and all(isinstance(t, str) for t in own):
        return tuple(own)
    params = getattr(module, "data_params", None)
    try:
        names = params["tasks"]["name"]  # type: ignore[index]
        return () if isinstance(names, str) else tuple(str(n) for n in names)
    except (KeyError, TypeError, IndexError):
        return ()


def guess_channels(module: nn.Module) -> int | None:
    """4 or 5 if the module says so (``channels``) or its first convolution or weight of rank 3 reads so many; else None."""
    own = getattr(module, "channels", None)
    if isinstance(own, int) and own in (4, 5):
        return own
    for child in module.modules():
        if isinstance(child, nn.Conv1d):
            return child.in_channels if child.in_channels in (4, 5) else None
    for weight in module.parameters():
        if isinstance(weight, torch.Tensor) and weight.ndim == 3:
            return int(weight.shape[1]) if weight.shape[1] in (4, 5) else None
    return None
