"""torch.compile: what it needs, and a model that was compiled."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from decima_core.errors import ConfigError, ModelError, first_line
from decima_core.guard import HookWatch

logger = logging.getLogger(__name__)


def check_compiler(device: torch.device) -> None:
    """Refuse a device for which torch.compile has no compiler.

    Raises
    ------
    ConfigError
        Naming what is missing.
    """
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise ConfigError("compile needs the package triton on a GPU: pip install triton, or leave out --compile.")
        return
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        raise ConfigError(
            f"compile needs a C++ compiler, and there is no '{compiler}' on the PATH; install one, name it in CXX, or leave out --compile."
        )


class Compiled:
    """A model that is compiled at its first call.

    A method that watches the layers by hooks of its own (DeepLIFT) gets the model as it is, for compiled code does not call them; a
    warning says so.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model, self._watch = model, HookWatch(model)
        with warnings.catch_warnings():
            # What torch.compile imports is deprecated by PyTorch itself.
            warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
            self._compiled: Any = torch.compile(model)

    def __call__(self, inputs: torch.Tensor) -> Any:
        if self._watch.changed():
            if not self._watch.told:
                self._watch.told = True
                logger.warning(
                    "The method watches the model's layers, so compile is without effect: the model is computed as it is."
                )
            return self._model(inputs)
        from torch._dynamo.exc import TorchDynamoException

        try:
            with buffers_kept():
                output = self._compiled(inputs)
        except TorchDynamoException as error:
            raise ModelError(f"torch.compile failed: {first_line(error).rstrip('.')}. Leave out --compile.") from error
        if isinstance(output, torch.Tensor) and output.requires_grad:
            output.register_hook(_keep_buffers)  # type: ignore[no-untyped-call]
        return output


@contextmanager
def buffers_kept() -> Iterator[None]:
    """Memory that compiled code gives away after the first backward pass is missing in the second, for several targets share a forward
    pass: inside it is kept, in this thread."""
    from torch._functorch import config

    if not hasattr(config, "donated_buffer"):  # torch 2.4 keeps them
        yield
        return
    with config.patch(donated_buffer=False):
        yield


def _keep_buffers(gradient: torch.Tensor) -> None:
    """The backward pass asks again whether they are kept, in the thread in which it runs: a GPU has one of its own."""
    from torch._functorch import config

    if hasattr(config, "donated_buffer"):
        config.donated_buffer = False
