"""From a checkpoint to the package's own module, built without the network and with the checkpoint's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from decima_core.errors import ModelError, UnknownNameError, first_line, shorten
from decima_grelu.checkpoints import Checkpoint

# gReLU builds these by fetching published weights. The same network without them, and the defaults in which the two differ; the
# weights come from the checkpoint in either case.
_FETCHED = {
    "BorzoiPretrainedModel": ("BorzoiModel", {"crop_len": 0}),
    "EnformerPretrainedModel": ("EnformerModel", {"crop_len": 0}),
}


def build_grelu(checkpoint: Checkpoint) -> nn.Module:
    """gReLU's ``LightningModel``, ``(B, 4, L) -> (B, T, L')``: its network, then the activation of its training task.

    Raises
    ------
    UnknownNameError
        If the installed gReLU has no such type of model.
    ModelError
        If it cannot be built, or the weights do not fit it.
    """
    import grelu.model.models as architectures
    from grelu.lightning import LightningModel

    known = [
        name for name, value in vars(architectures).items() if isinstance(value, type) and issubclass(value, nn.Module)
    ]
    wanted = checkpoint.model_params["model_type"]
    if wanted not in known:
        raise UnknownNameError(
            "model type", wanted, known, where="the installed gReLU", hint=f"See '{checkpoint.path}'."
        )
    parameters = without_fetching(checkpoint.model_params)
    return _built(
        checkpoint, lambda: LightningModel(model_params=parameters, train_params=dict(checkpoint.train_params))
    )


def build_decima(checkpoint: Checkpoint) -> nn.Module:
    """Decima's ``LightningModel``, ``(B, 5, L) -> (B, T, 1)``: its network, then the exponential; 4 channels without a mask.

    Raises
    ------
    ModelError
        If it cannot be built, or the weights do not fit it.
    """
    from decima.model.lightning import LightningModel

    # Otherwise the weights that training began with would be fetched, and replaced at once.
    parameters = {**checkpoint.model_params, "init_borzoi": False}
    return _built(
        checkpoint,
        lambda: LightningModel(
            name=checkpoint.name,
            model_params=parameters,
            train_params=dict(checkpoint.train_params),
            data_params=checkpoint.data_params,
        ),
    )


def without_fetching(parameters: dict[str, Any]) -> dict[str, Any]:
    """gReLU's parameters of the same network, of a type that does not fetch published weights when it is built."""
    fetched = _FETCHED.get(parameters["model_type"])
    if fetched is None:
        return dict(parameters)
    model_type, defaults = fetched
    own = {name: value for name, value in parameters.items() if name != "fold"}
    return {**defaults, **own, "model_type": model_type}


def _built(checkpoint: Checkpoint, make: Callable[[], Any]) -> nn.Module:
    path = checkpoint.path
    try:
        # Its first weights are random, and not to be kept: nobody else's random numbers should depend on them.
        with torch.random.fork_rng(devices=[]):
            module = make()
    except Exception as error:
        raise ModelError(
            f"The model of checkpoint '{path}' cannot be built ({first_line(error)}); it may need another version of the package "
            "that wrote it."
        ) from error
    try:
        missing, extra = module.model.load_state_dict(checkpoint.weights, strict=False)
    except RuntimeError as error:  # shapes; the first line only says that there are errors
        reason = " ".join(str(error).split("\n", 2)[1:2]).strip()
        raise ModelError(f"The weights of checkpoint '{path}' do not fit its model: {reason}") from error
    if missing or extra:
        lacks = f"it lacks {shorten(missing, 3)}" if missing else f"the model has no {shorten(extra, 3)}"
        raise ModelError(f"The weights of checkpoint '{path}' do not fit its model: {lacks}.")
    return module.eval()  # type: ignore[no-any-return]
