"""Keeps of a forward pass only what the gradient of the sequence needs. Exact: the same kernels get the same numbers.

With frozen weights torch still keeps the input of every convolution, batch norm and pooling, though their gradients need its shape
alone; of a ReLU it keeps the output, where one bit tells all; of a pooling it keeps places in eight bytes. Within this mode they are
kept as a shape, as booleans and in four bytes. In a piece of the model that is computed again, what is no mere shape is better
not kept at all: ``Spared(shapes_alone=True)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS = frozenset(
    (torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d)
)
_POOLS = frozenset(
    (
        torch.max_pool1d,
        torch.max_pool2d,
        torch.max_pool3d,
        torch.avg_pool1d,
        torch._C._nn.avg_pool2d,
        torch._C._nn.avg_pool3d,
    )
)
_RELUS = frozenset((torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_))

Pack = Callable[[torch.Tensor], Any]


@attrs.frozen
class _Shape:
    """A tensor of which nothing but its form is looked at."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device

    def restore(self) -> torch.Tensor:
        return torch.zeros(1, dtype=self.dtype, device=self.device).expand(self.shape)


@attrs.frozen(eq=False)
class _Cast:
    """A tensor in a smaller number type that holds all that it says."""

    kept: torch.Tensor
    dtype: torch.dtype

    def restore(self) -> torch.Tensor:
        return self.kept.to(self.dtype)


class Spared(TorchFunctionMode):
    """Forward passes inside keep less for their backward passes, which may come later, outside."""

    def __init__(self, *, shapes_alone: bool = False) -> None:
        super().__init__()
        self._shapes_alone = shapes_alone

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        pack = _pack(func, args, self._shapes_alone) if torch.is_grad_enabled() else None
        if pack is None:
            return func(*args, **(kwargs or {}))
        with saved_tensors_hooks(pack, _unpack):
            return func(*args, **(kwargs or {}))


def _pack(func: Any, args: tuple[Any, ...], shapes_alone: bool) -> Pack | None:
    """What to keep in place of each tensor that an operation keeps; None for an operation that is left alone.

    Only on the CPU: what other devices' kernels read of what they are handed has not been looked at.
    """
    if not args or not isinstance(args[0], torch.Tensor) or args[0].device.type != "cpu":
        return None
    if func in _CONVOLUTIONS and len(args) > 1 and not _trained(args[1:]):
        return _but_for_the_input(args[0])
    if func is torch.batch_norm and len(args) > 5 and not args[5] and not _trained(args[1:]):
        return _but_for_the_input(args[0])
    if shapes_alone:
        return None
    if func in _POOLS:
        return _pooled
    return _signs if func in _RELUS else None


def _trained(tensors: Iterable[Any]) -> bool:
    return any(isinstance(tensor, torch.Tensor) and tensor.requires_grad for tensor in tensors)


def _but_for_the_input(given: torch.Tensor) -> Pack:
    place, size = given.data_ptr(), given.numel()

    def pack(tensor: torch.Tensor) -> Any:
        is_input = tensor.data_ptr() == place and tensor.numel() == size
        return _Shape(tensor.shape, tensor.dtype, tensor.device) if is_input else tensor

    return pack


def _pooled(tensor: torch.Tensor) -> Any:
    if tensor.is_floating_point():
        return _Shape(tensor.shape, tensor.dtype, tensor.device)
    # Places within one channel of one sequence; no window comes near to 2**31 bases.
    return _Cast(tensor.to(torch.int32), tensor.dtype) if tensor.dtype == torch.int64 else tensor


def _signs(tensor: torch.Tensor) -> Any:
    return _Cast(tensor > 0, tensor.dtype) if tensor.is_floating_point() else tensor


def _unpack(kept: Any) -> torch.Tensor:
    found: torch.Tensor = kept.restore() if isinstance(kept, (_Shape, _Cast)) else kept
    return found
