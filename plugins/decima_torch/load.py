"""From a path to a model: chooses the loader by the path's form and reads off the model what was not said."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decima_core.errors import ConfigError, DataError, ModelError, first_line
from decima_core.models import WrappedModel, wrap_module
from decima_torch import TorchOptions
from decima_torch.callables import build_from_callable
from decima_torch.exported import load_exported
from decima_torch.weights import load_weights


def load_model(options: TorchOptions) -> WrappedModel:
    """The model ``options`` describe, on the CPU.

    Raises
    ------
    ConfigError
        If no path is given, or weights are given for a program that holds its own.
    ModelError
        If the file or callable cannot be loaded, its weights do not match, or its channels cannot be told.
    """
    path = options.path
    if not path:
        raise ConfigError("The model 'torch' needs a path: --model module:callable, or a .pt2 or TorchScript file.")
    tasks = options.tasks or read_task_names(options.tasks_file)
    seq_len, channels = options.seq_len, options.channels
    files: list[str] = [] if options.weights is None else [options.weights]
    module: nn.Module
    if Path(path).suffix.lower() in (".pt2", ".pt", ".ts", ".torchscript"):
        if options.weights is not None or options.arguments:
            raise ConfigError(f"'{path}' holds a whole model; leave out model.weights and model.arguments.")
        files.append(path)
        if path.lower().endswith(".pt2"):
            module, shape = load_exported(path)
            channels = channels or (shape[1] if shape[1] in (4, 5) else None)  # type: ignore[assignment]
            seq_len = seq_len or shape[2]
        else:
            module = load_torchscript(path)
    else:
        module, source_file = build_from_callable(path, options.arguments)
        if source_file:
            files.append(source_file)
        if options.weights is not None:
            load_weights(module, options.weights)
    own_length = getattr(module, "seq_len", None)
    if seq_len is None and isinstance(own_length, int):
        seq_len = own_length
    return wrap_module(module, channels=channels, tasks=tasks, seq_len=seq_len, name=options.name or path, files=files)


def load_torchscript(path: str) -> nn.Module:
    """A TorchScript archive, on the CPU.

    Raises
    ------
    ModelError
        If the file is missing, holds weights only, or is damaged.
    """
    if not Path(path).is_file():
        raise ModelError(f"There is no model file '{path}'.")
    if not _has_code(path):
        raise ModelError(
            f"'{path}' is not TorchScript; if it holds weights, give the network as --model module:callable and the file "
            "as -O model.weights=FILE."
        )
    try:
        module: Any = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:
        raise ModelError(f"The TorchScript file '{path}' cannot be loaded: {first_line(error)}") from error
    return module  # type: ignore[no-any-return]


def _has_code(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def read_task_names(path: str | None) -> tuple[str, ...]:
    """Task names from a text file, one a line.

    Raises
    ------
    DataError
        If the file is missing or names a task twice.
    """
    if path is None:
        return ()
    try:
        names = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The task names '{path}' cannot be read: {first_line(error)}") from error
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise DataError(f"The task names '{path}' hold '{twice}' twice.")
    return tuple(names)
