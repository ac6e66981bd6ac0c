"""What a checkpoint of gReLU or Decima holds, read without running code from it, and which of the two it is."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import torch

from decima_core.errors import ModelError, first_line

# How torch names what it will not unpickle.
_GLOBAL = re.compile(r"GLOBAL (\S+) was not an allowed global")
_NETWORK = "model."  # the network's weights among those of the training module


@attrs.frozen(kw_only=True, eq=False)
class Checkpoint:
    """A trained model: ``weights`` of the network by name, and what it was built (``model_params``), trained
    (``train_params``) and labelled (``data_params``) with. Only Decima's have a ``name``."""

    path: str
    kind: Literal["grelu", "decima"]
    name: str
    weights: dict[str, torch.Tensor]
    model_params: dict[str, Any]
    train_params: dict[str, Any]
    data_params: dict[str, Any]


def read_checkpoint(path: str, kind: Literal["grelu", "decima"], *, trust: bool) -> Checkpoint:
    """The checkpoint of a file, which must be of the kind that was asked for.

    ``.safetensors`` hold no code; all other files are unpickled, without ``trust`` by torch's restricted unpickler, which makes
    tensors, NumPy arrays, numbers, text, lists and tables and refuses everything else.

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another kind, or holds what is refused; the message says what to do.
    """
    if not Path(path).is_file():
        raise ModelError(f"There is no checkpoint '{path}'; give the path of a file.")
    found = _safetensors(path) if path.lower().endswith(".safetensors") else _pickled(path, trust)
    if found.kind != kind:
        is_decima = found.kind == "decima"
        raise ModelError(
            f"'{path}' is a checkpoint of {'Decima' if is_decima else 'gReLU'}; give it as --model {found.kind} -O model.path={path}."
        )
    return found


def _safetensors(path: str) -> Checkpoint:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
        parameters = {name: json.loads(metadata[name]) for name in ("model_params", "data_params") if name in metadata}
    except Exception as error:
        raise ModelError(f"The checkpoint '{path}' cannot be read, or is damaged: {first_line(error)}.") from error
    return _checkpoint(path, {**parameters, "name": metadata.get("name")}, weights)


def _pickled(path: str, trust: bool) -> Checkpoint:
    content = _unpickled(path, trust)
    hyper = content.get("hyper_parameters") if isinstance(content, Mapping) else None
    state = content.get("state_dict") if isinstance(content, Mapping) else None
    if not isinstance(hyper, Mapping) or not isinstance(state, Mapping):
        raise ModelError(_stranger(path))
    weights = {name.removeprefix(_NETWORK): value for name, value in state.items() if name.startswith(_NETWORK)}
    # gReLU keeps the parameters of the data beside the others, Decima among them.
    return _checkpoint(path, {"data_params": content.get("data_params"), **hyper}, weights)


def _unpickled(path: str, trust: bool) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the file's kind; the error below says it
            with torch.serialization.safe_globals(_numpy_globals()):
                return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        refused = _GLOBAL.search(str(error))
        if refused is None:
            raise ModelError(
                f"The checkpoint '{path}' cannot be read: it is damaged, or holds more than weights and plain values."
            ) from error
        raise ModelError(
            f"The checkpoint '{path}' holds more than weights and plain values ({refused[1]}), and reading that could run code; "
            "if you trust whoever made it, add -O model.trust=true."
        ) from error
    except Exception as error:
        raise ModelError(f"The checkpoint '{path}' cannot be read, or is damaged: {first_line(error)}.") from error


def _numpy_globals() -> list[Any]:
    """What arrays and numbers of NumPy are pickled with: gReLU keeps its metrics so. None of it runs anything."""
    core = np._core if hasattr(np, "_core") else np.core  # its name before NumPy 2, and in files of that time
    makers = [
        (getattr(core.multiarray, maker), f"numpy.{package}.multiarray.{maker}")
        for package in ("core", "_core")
        for maker in ("_reconstruct", "scalar")
    ]
    return [*makers, np.ndarray, np.dtype, *{type(np.dtype(code)) for code in np.typecodes["All"]}]


def _checkpoint(path: str, found: Mapping[str, Any], weights: dict[str, torch.Tensor]) -> Checkpoint:
    parameters = {name: found.get(name) for name in ("model_params", "train_params", "data_params")}
    built = parameters["model_params"]
    if not isinstance(built, Mapping):
        raise ModelError(_stranger(path))
    if "model_type" in built:
        kind: Literal["grelu", "decima"] = "grelu"
    elif "n_tasks" in built and found.get("name"):
        kind = "decima"
    else:
        raise ModelError(_stranger(path))
    tables = {name: dict(value) if isinstance(value, Mapping) else {} for name, value in parameters.items()}
    return Checkpoint(path=path, kind=kind, name=str(found.get("name") or ""), weights=weights, **tables)


def _stranger(path: str) -> str:
    return (
        f"'{path}' is no checkpoint of gReLU or Decima: it does not say what model to build. If it holds the weights of a network of "
        f"yours, give that as --model module:callable and the file as -O model.weights={path}."
    )
