"""From a path to a model: chooses the loader by the path's form and reads off the model what was not said."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decima_core.errors import ConfigError, DataError, ModelError, first_line, sentence
from decima_core.models import WrappedModel, wrap_module
from decima_core.weights import load_weights
from decima_torch import TorchOptions
from decima_torch.callables import build_from_callable
from decima_torch.exported import load_exported


def load_model(options: TorchOptions) -> WrappedModel:
    """The model ``options`` describe, on the CPU.

    Raises
    ------
    ConfigError
        If no path is given, or weights are given for a program that holds its own.
    ModelError
        If the file or callable cannot be loaded, its weights do not match, or its channels cannot be told.
    DataError
        If the file of task names, or the task table, cannot be read.
    """
    path = options.path
    if not path:
        raise ConfigError("The model 'torch' needs a path: --model module:callable, or a .pt2 or TorchScript file.")
    tasks = options.tasks or read_task_names(options.tasks_file)
    files = [f for f in (options.weights, options.tasks_file) if f is not None]
    suffix = Path(path).suffix.lower()
    if suffix in (".safetensors", ".ckpt"):
        raise ConfigError(
            f"'{path}' holds weights; give the network as --model module:callable and the file as -O model.weights={path}."
        )
    module: nn.Module
    channels = seq_len = None
    if suffix in (".pt2", ".pt", ".pth", ".ts", ".torchscript"):
        if options.weights is not None or options.arguments:
            raise ConfigError(f"'{path}' holds a whole model; leave out model.weights and model.arguments.")
        files.append(path)
        if suffix == ".pt2":
            module, channels, seq_len = load_exported(path)
        else:
            module = load_torchscript(path)
    else:
        module, source_file = build_from_callable(path, options.arguments)
        if source_file:
            files.append(source_file)
        if options.weights is not None:
            load_weights(module, options.weights)
    return wrap_module(
        module,
        channels=_agreed("channels", options.channels, channels, path),
        tasks=tasks,
        seq_len=_agreed("seq_len", options.seq_len, seq_len, path) or _own_length(module),
        name=options.name or path,
        files=files,
        task_table=options.task_table,
    )


def _agreed(option: str, given: int | None, exported: int | None, path: str) -> int | None:
    """What was given, where the program does not say otherwise."""
    if given is not None and exported is not None and given != exported:
        raise ModelError(
            f"The option model.{option} is {given:,}, but the program '{path}' was exported for {exported:,}; leave the option out."
        )
    return exported if given is None else given


def _own_length(module: nn.Module) -> int | None:
    length = getattr(module, "seq_len", None)
    return length if isinstance(length, int) and length > 0 else None


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
            f"'{path}' is not TorchScript, or is damaged; if it holds weights, give the network as --model module:callable "
            "and the file as -O model.weights=FILE."
        )
    try:
        with warnings.catch_warnings():
            # PyTorch recommends torch.export in place of TorchScript: advice for who writes files, not who reads them.
            warnings.simplefilter("ignore", DeprecationWarning)
            module: Any = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:
        raise ModelError(
            f"The TorchScript file '{path}' cannot be loaded ({first_line(error)}); save it again with its save method."
        ) from error
    for part in module.modules():
        if not hasattr(part, "training"):
            part.__dict__["training"] = False  # torch.jit.freeze strips it; every other torch module has it
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
        If the file is missing or empty.
    """
    if path is None:
        return ()
    try:
        names = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(sentence(f"The task names '{path}' cannot be read: {first_line(error)}")) from error
    if not names:
        raise DataError(f"The file of task names '{path}' is empty; write one name a line, in output order.")
    return tuple(names)
