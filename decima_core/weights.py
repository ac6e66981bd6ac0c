"""Weights from a file into a module, never running code from the file."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decima_core.errors import ModelError, first_line, near_matches, shorten

# How torch names what it will not unpickle.
_GLOBAL = re.compile(r"GLOBAL (\S+) was not an allowed global")


def load_weights(module: nn.Module, path: str) -> None:
    """Load ``path`` into ``module``; every weight must match.

    ``.safetensors`` files are read by safetensors, all others by ``torch.load`` with ``weights_only=True``. A
    checkpoint's ``state_dict`` entry is used where there is one.

    Raises
    ------
    ModelError
        If the file is missing or damaged, holds more than weights, or does not match the module, naming the weight.
    """
    fit_weights(module, read_weights(path), path, hint="check the arguments it is built with (model.arguments)")


def fit_weights(
    module: nn.Module, state: dict[str, torch.Tensor], path: str, *, hint: str, assign: bool = False
) -> None:
    """Put the tensors of ``state``, read from ``path``, into ``module``; every weight must match.

    A weight that the module holds under several names may stand in the file under any of them.

    Parameters
    ----------
    hint
        What to do where a shape differs, read after "; ".
    assign
        Take the file's tensors themselves instead of copying them; for a module built on the meta device.

    Raises
    ------
    ModelError
        If a weight is missing, has no place in the module, or has another shape there; it is named.
    """
    own = module.state_dict(keep_vars=True)
    given = {id(value) for key, value in own.items() if key in state}
    missing = [key for key, value in own.items() if id(value) not in given]
    extra = [key for key in state if key not in own]
    if missing or extra:
        parts = []
        if missing:
            near = near_matches(missing[0], extra, 1)
            parts.append(f"it lacks {shorten(missing, 3)}" + (f" (it has {near[0]})" if near else ""))
        if extra:
            parts.append(f"it has {shorten(extra, 3)}, which the model has not")
        raise ModelError(f"The weights '{path}' do not match the model: {'; '.join(parts)}.")
    for key, value in own.items():
        if key in state and isinstance(value, torch.Tensor) and tuple(state[key].shape) != tuple(value.shape):
            raise ModelError(
                f"The weights '{path}' do not match the model: '{key}' has shape {tuple(state[key].shape)} in the file and "
                f"{tuple(value.shape)} in the model; {hint}."
            )
    module.load_state_dict(state, strict=False, assign=assign)  # a second name of a weight may be absent


def read_weights(path: str) -> dict[str, torch.Tensor]:
    """The tensors of a weights file by name, on the CPU."""
    if not Path(path).is_file():
        raise ModelError(f"There is no weights file '{path}'.")
    if path.lower().endswith(".safetensors"):
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:
            raise ModelError(f"The weights '{path}' cannot be read, or are damaged: {_briefly(error)}.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the file's kind; the error below says it
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _GLOBAL.search(str(error))
        if found is None:
            raise ModelError(f"The weights '{path}' cannot be read: the file is damaged or of another kind.") from error
        raise ModelError(
            f"'{path}' holds more than weights ({found[1]}), and reading that could run code; save model.state_dict() to a "
            "file of its own, best as .safetensors."
        ) from error
    except Exception as error:
        if "TorchScript" in str(error):
            raise ModelError(f"'{path}' is TorchScript, a whole model; give it as --model {path}.") from error
        raise ModelError(f"The weights '{path}' cannot be read, or are damaged: {_briefly(error)}.") from error
    for key in ("state_dict", "model_state_dict"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    named = isinstance(state, dict) and all(isinstance(k, str) for k in state)
    if not named or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(f"'{path}' holds no table of weights; save model.state_dict().")
    return dict(state)


def _briefly(error: Exception) -> str:
    return first_line(error).partition(". ")[0].rstrip(".")
