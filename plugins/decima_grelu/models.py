"""The providers ``grelu`` and ``decima``: from options to a model with tasks, window length and table of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from decima_core.errors import ConfigError, ModelError
from decima_core.models import WrappedModel, wrap_module
from decima_grelu import DecimaOptions, GreluOptions
from decima_grelu.build import build_decima, build_grelu
from decima_grelu.checkpoints import Checkpoint, read_checkpoint
from decima_grelu.replicates import Mean, files_of


def grelu_model(options: GreluOptions) -> WrappedModel:
    """The model of a gReLU checkpoint, predicting what gReLU's own ``forward`` does.

    Raises
    ------
    ConfigError
        If no path is given.
    ModelError
        If the checkpoint cannot be read or built; see :func:`~decima_grelu.checkpoints.read_checkpoint`.
    DataError
        If the file of the task table cannot be read.
    """
    if not options.path:
        raise ConfigError("The model 'grelu' needs a checkpoint: --model my_model.ckpt.")
    checkpoint = read_checkpoint(options.path, "grelu", trust=options.trust)
    return wrap_module(
        build_grelu(checkpoint),
        channels=4,
        tasks=task_names(checkpoint),
        seq_len=options.seq_len or trained_length(checkpoint),
        name=options.name or Path(options.path).stem,
        files=[options.path],
        task_table=options.task_table or task_table(checkpoint),
    )


def decima_model(options: DecimaOptions) -> WrappedModel:
    """One replicate of Decima, or the mean of several.

    Raises
    ------
    ConfigError
        If no path is given.
    ModelError
        If a checkpoint cannot be found, read or built, or the replicates differ in their tasks or their mask.
    DataError
        If the file of the task table cannot be read.
    """
    if not options.path:
        raise ConfigError(
            "The model 'decima' needs its checkpoints: --model decima -O model.path=rep0.safetensors, several with commas between them."
        )
    files = files_of(options.path, download=options.download)
    checkpoints = [read_checkpoint(file, "decima", trust=options.trust) for file in files]
    first = checkpoints[0]
    for other in checkpoints[1:]:
        for what, read in (("tasks", _tasks), ("mask", _masked), ("window length", trained_length)):
            if read(first) != read(other):
                raise ModelError(
                    f"The checkpoints '{first.path}' and '{other.path}' differ in their {what}; replicates of one model must be alike."
                )
    modules = [build_decima(checkpoint) for checkpoint in checkpoints]
    from decima.constants import DECIMA_CONTEXT_SIZE

    return wrap_module(
        modules[0] if len(modules) == 1 else Mean(modules),
        channels=5 if _masked(first) else 4,
        tasks=task_names(first),
        seq_len=options.seq_len or trained_length(first) or DECIMA_CONTEXT_SIZE,
        name=options.name or _name([checkpoint.name for checkpoint in checkpoints]),
        files=files,
        task_table=options.task_table or task_table(first),
    )


def task_names(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Names of the tasks in output order; empty where the checkpoint has none."""
    tasks = checkpoint.data_params.get("tasks")
    return tuple(str(name) for name in tasks["name"]) if isinstance(tasks, Mapping) and "name" in tasks else ()


def task_table(checkpoint: Checkpoint) -> pd.DataFrame | None:
    """What the checkpoint knows of its tasks beside their names; None where that is nothing."""
    tasks = checkpoint.data_params.get("tasks")
    if not isinstance(tasks, Mapping) or not set(tasks) - {"name"} or "name" not in tasks:
        return None
    try:
        table = pd.DataFrame({str(column): list(values) for column, values in tasks.items()})
    except (TypeError, ValueError) as error:
        raise ModelError(f"The table of tasks in checkpoint '{checkpoint.path}' is damaged: {error}.") from error
    return table.set_index(table.pop("name").astype(str))


def trained_length(checkpoint: Checkpoint) -> int | None:
    """The window length that the model was trained at, where the checkpoint says so."""
    data = checkpoint.data_params
    train = data.get("train")
    # gReLU has a table for each part of the data, Decima and gReLU before 1.0 a name.
    length: Any = train.get("seq_len") if isinstance(train, Mapping) else data.get("train_seq_len")
    return int(length) if isinstance(length, int) and length > 0 else None


def _tasks(checkpoint: Checkpoint) -> object:
    return task_names(checkpoint) or checkpoint.model_params["n_tasks"]


def _masked(checkpoint: Checkpoint) -> bool:
    return bool(checkpoint.model_params.get("mask", True))


def _name(names: list[str]) -> str:
    """The replicate's name, by which Decima's tools find its metadata; for all the published ones the name of the whole."""
    from decima.constants import DEFAULT_ENSEMBLE, MODEL_METADATA

    if len(names) == 1:
        return names[0]
    published = {MODEL_METADATA[member]["name"]: member for member in MODEL_METADATA.get(DEFAULT_ENSEMBLE, ())}
    short = {next((own for own, key in published.items() if name in (own, key)), name) for name in names}
    return DEFAULT_ENSEMBLE if published and short == set(published) else "+".join(names)
