"""Number formats: what each needs, and a model that computes in one while its input, output and gradients stay float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from decima_core.errors import ConfigError
from decima_core.sections import Precision

HALF: dict[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}

_FP16_SCALE = 1024.0
"""fp16 holds nothing below 6e-8, where many gradients lie: they are this much larger on their way through the model."""


def check_precision(precision: Precision, device: torch.device) -> None:
    """Refuse a precision that a device does not have.

    Raises
    ------
    ConfigError
        In words, with what to take instead.
    """
    if precision == "tf32" and device.type != "cuda":
        raise ConfigError(
            f"The precision tf32 is one of CUDA GPUs, and the device is '{device}'; use --precision float32."
        )
    if precision in HALF and not torch.amp.is_autocast_available(device.type):
        raise ConfigError(f"The precision {precision} cannot be had on the device '{device}'; use --precision float32.")
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ConfigError(f"The GPU '{device}' does not compute in bf16; use --precision fp16 or float32.")


@contextmanager
def tensor_cores(allowed: bool) -> Iterator[None]:
    """Whether a CUDA GPU may round the factors of products and convolutions to tf32 inside; as found afterwards.

    PyTorch allows it for convolutions unless told otherwise, so float32 has to be asked for.
    """
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def call_in(precision: Precision, module: Any, inputs: torch.Tensor) -> Any:
    """What a model gives in bf16 or fp16 for float32 inputs: a tensor comes back as float32, and so do its gradients."""
    scale = _FP16_SCALE if precision == "fp16" else 1.0
    with torch.autocast(inputs.device.type, dtype=HALF[precision]):
        output = module(_scaled(inputs, 1 / scale))
    if not isinstance(output, torch.Tensor):
        return output
    # First to float32, so that on its way back the gradient is scaled before it is rounded.
    return _scaled(output.to(inputs.dtype), scale)


def _scaled(tensor: torch.Tensor, by: float) -> torch.Tensor:
    """The same tensor, whose gradient is scaled on its way back."""
    if by == 1 or not tensor.is_floating_point():
        return tensor
    scaled: torch.Tensor = _Scaled.apply(tensor, by)  # type: ignore[no-untyped-call]
    return scaled


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, by: float) -> torch.Tensor:
        ctx.by = by
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * ctx.by, None
