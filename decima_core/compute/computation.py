"""A model made ready to be computed as the section ``[compute]`` says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from decima_core.compute.checkpoints import checkpointed
from decima_core.compute.compiling import Compiled, buffers_kept, check_compiler
from decima_core.compute.precision import HALF, call_in, check_precision, tensor_cores
from decima_core.providers import SequenceModel
from decima_core.sections import ComputeOptions


class Computation:
    """How a model is computed: ``module`` is what takes its place."""

    def __init__(self, model: nn.Module, options: ComputeOptions) -> None:
        self.options = options
        special = options.compile or options.precision in HALF
        self.module: nn.Module = _Computed(model, options) if special else model

    @contextmanager
    def in_float32(self) -> Iterator[None]:
        """Inside, all is computed in float32 and as the model's own code says, to compare with."""
        with ExitStack() as stack:
            stack.enter_context(tensor_cores(False))
            if isinstance(self.module, _Computed):
                self.module.as_it_is = True
                stack.callback(setattr, self.module, "as_it_is", False)
            yield


class _Computed(nn.Module):
    """A model that computes in another precision, or compiled."""

    def __init__(self, model: nn.Module, options: ComputeOptions) -> None:
        super().__init__()
        self.model = model
        self.training = model.training
        self.as_it_is = False
        self._options = options
        # A plain object, so that the model's weights are counted once.
        self._compiled = Compiled(model) if options.compile else None

    def forward(self, inputs: torch.Tensor) -> Any:
        if self.as_it_is:
            return self.model(inputs)
        function = self._compiled or self.model
        return (
            call_in(self._options.precision, function, inputs) if self._options.precision in HALF else function(inputs)
        )


@contextmanager
def computed(
    model: SequenceModel, options: ComputeOptions, device: torch.device, passes: int = 1
) -> Iterator[Computation]:
    """A model, ready to be computed on a device as the options say; afterwards it is as it was.

    ``passes`` is the number of backward passes that follow on a forward pass: that of targets explained together.

    Raises
    ------
    ConfigError
        If the device does not have the precision, or there is no compiler.
    """
    check_computable(options, device)
    with ExitStack() as stack:
        stack.enter_context(tensor_cores(options.precision == "tf32"))
        if options.low_memory:
            stack.enter_context(checkpointed(model.module, model.name, passes))
        if options.compile:
            stack.enter_context(buffers_kept())
        yield Computation(model.module, options)


def check_computable(options: ComputeOptions, device: torch.device) -> None:
    """Refuse what a device cannot do, before anything is loaded. Raises ConfigError."""
    check_precision(options.precision, device)
    if options.compile:
        check_compiler(device)
