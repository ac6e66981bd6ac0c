"""Keeps of a forward pass only what the gradient of the sequence needs. Exact: the same kernels get the same numbers.

With frozen weights torch still keeps the input of every convolution, batch norm and pooling, though their gradients need its shape
alone; of a ReLU it keeps the output, where one byte tells all; of a pooling it keeps places in eight bytes. Within this mode they are
kept as a shape, as booleans and in one byte or four.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import attrs
import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS = frozenset(
    (torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d)
)
# A function of torch.nn.functional that is written in Python is seen itself, and what it calls is not.
_NORMS = frozenset((torch.batch_norm, functional.batch_norm))
_LINES = frozenset((torch.max_pool1d, functional.max_pool1d))
_POOLS = frozenset(
    (
        torch.max_pool2d,
        torch.max_pool3d,
        functional.max_pool2d,
        functional.max_pool3d,
        functional.avg_pool1d,
        functional.avg_pool2d,
        functional.avg_pool3d,
    )
)
_RELUS = frozenset((torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, functional.relu, functional.relu_))

# Whose kernels are known to read nothing but the shape of what they are handed.
_DEVICES = frozenset(("cpu", "cuda"))


class Kept(Protocol):
    """What stands for a tensor."""

    def restore(self) -> torch.Tensor:
        """The tensor, or one that serves in its place."""

    def nbytes(self) -> int:
        """What it takes."""


Pack = Callable[[torch.Tensor], "torch.Tensor | Kept"]


@attrs.frozen
class _Shape:
    """A tensor of which nothing but its form is looked at; its strides too, for kernels are chosen by them."""

    shape: torch.Size
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: torch.Tensor) -> _Shape:
        return cls(tensor.shape, tensor.stride(), tensor.dtype, tensor.device)

    def restore(self) -> torch.Tensor:
        if not self.shape.numel():
            return torch.empty(self.shape, dtype=self.dtype, device=self.device)
        reach = 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if self.device.type == "cpu":
            # Pages of zeros that nobody touches take no memory, and kernels are fastest where values lie in a row.
            zeros = torch.from_numpy(np.zeros(reach * self.dtype.itemsize, np.uint8)).view(self.dtype)
            return zeros.as_strided(self.shape, self.strides)
        if self.shape.numel() == reach and _in_a_row(self.shape, self.strides):
            return torch.zeros(1, dtype=self.dtype, device=self.device).expand(self.shape)
        return torch.zeros(reach, dtype=self.dtype, device=self.device).as_strided(self.shape, self.strides)

    def nbytes(self) -> int:
        return 0


@attrs.frozen(eq=False)
class _Cast:
    """A tensor in a smaller number type that holds all that it says."""

    kept: torch.Tensor
    dtype: torch.dtype

    def restore(self) -> torch.Tensor:
        return self.kept.to(self.dtype)

    def nbytes(self) -> int:
        return self.kept.nbytes


@attrs.frozen(eq=False)
class _Offsets:
    """Places along the last axis, as the distance of each from the begin of its window."""

    kept: torch.Tensor
    stride: int
    padding: int
    dtype: torch.dtype

    @classmethod
    def of(cls, places: torch.Tensor, stride: int, padding: int) -> _Offsets:
        # In arithmetic modulo 256, which is right for distances below.
        kept = places.to(torch.uint8) - _begins(places, stride, padding).to(torch.uint8)
        return cls(kept, stride, padding, places.dtype)

    def restore(self) -> torch.Tensor:
        return self.kept.to(self.dtype).add_(_begins(self.kept, self.stride, self.padding))

    def nbytes(self) -> int:
        return self.kept.nbytes


# The modes of this thread, the innermost last.
_INNERMOST = threading.local()


def _modes() -> list[Spared]:
    return getattr(_INNERMOST, "modes", [])


class Spared(TorchFunctionMode):
    """Forward passes inside keep less for their backward passes, which may come later, outside.

    In a piece of the model that is computed again, what is no mere shape is better not kept at all: ``shapes_alone``. Of several such
    modes around an operation the innermost counts.
    """

    def __init__(self, *, shapes_alone: bool = False) -> None:
        super().__init__()
        self._shapes_alone = shapes_alone

    def __enter__(self) -> Spared:
        _INNERMOST.modes = [*_modes(), self]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        _INNERMOST.modes = _modes()[:-1]

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        pack, shapes_alone = _pack(func, args, kwargs or {})
        if pack is None or (self._shapes_alone and not shapes_alone) or _modes()[-1:] != [self]:
            return func(*args, **(kwargs or {}))
        with saved_tensors_hooks(pack, _unpack):
            return func(*args, **(kwargs or {}))


class Watched(TorchFunctionMode):
    """Keeps nothing, and says of each tensor that is spared what would be: bytes outside, and inside a piece computed again."""

    def __init__(self, tell: Callable[[torch.Tensor, int, int], None]) -> None:
        super().__init__()
        self._tell = tell

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        pack, shapes_alone = _pack(func, args, kwargs or {})
        if pack is None:
            return func(*args, **(kwargs or {}))

        def watch(tensor: torch.Tensor) -> None:
            kept, whole = pack(tensor), tensor.untyped_storage().nbytes()
            outside = whole if isinstance(kept, torch.Tensor) else kept.nbytes()
            self._tell(tensor, outside, outside if shapes_alone else whole)

        with saved_tensors_hooks(watch, refuse):
            return func(*args, **(kwargs or {}))


def _pack(func: Any, args: tuple[Any, ...], more: Mapping[str, Any]) -> tuple[Pack | None, bool]:
    """What to keep in place of each tensor that an operation keeps, and whether that is never more than a shape.

    None for an operation that is left alone.
    """
    if not args or not isinstance(args[0], torch.Tensor) or args[0].device.type not in _DEVICES:
        return None, False
    if not torch.is_grad_enabled():
        return None, False
    weights = (*args[1:], *more.values())
    if func in _CONVOLUTIONS and not _trained(weights):
        return _but_for_the_input(args[1] if len(args) > 1 else more["weight"]), True
    if func in _NORMS and not _trained(weights) and not (args[5] if len(args) > 5 else more.get("training")):
        return _but_for_the_input(None), True
    if func in _LINES:
        return _along_a_line(*args[1:], **more), False
    if func in _POOLS:
        return _pooled, False
    return (_signs, False) if func in _RELUS else (None, False)


def _in_a_row(shape: torch.Size, strides: tuple[int, ...]) -> bool:
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _trained(tensors: Iterable[Any]) -> bool:
    return any(isinstance(tensor, torch.Tensor) and tensor.requires_grad for tensor in tensors)


def _but_for_the_input(weight: torch.Tensor | None) -> Pack:
    """The input may have been cast or padded before it is kept, so it is known as what is no weight: those of a norm have one axis."""

    def pack(tensor: torch.Tensor) -> torch.Tensor | Kept:
        is_weight = tensor.dim() < 2 or (weight is not None and tensor.shape == weight.shape)
        return tensor if is_weight else _Shape.of(tensor)

    return pack


def _along_a_line(
    kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, *_: Any, **__: Any
) -> Pack:
    """For max pooling along one axis: where in its window the largest was."""
    kernel, padded, between = _one(kernel_size), _one(padding), _one(dilation)
    step = _one(stride) if stride not in (None, (), []) else kernel
    small = between * (kernel - 1) < 256

    def pack(tensor: torch.Tensor) -> torch.Tensor | Kept:
        if small and tensor.dtype == torch.int64:
            return _Offsets.of(tensor, step, padded)
        return _pooled(tensor)

    return pack


def _one(value: Any) -> int:
    return int(value[0] if isinstance(value, (tuple, list)) else value)


def _begins(places: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
    return torch.arange(places.shape[-1], device=places.device) * stride - padding


def _pooled(tensor: torch.Tensor) -> torch.Tensor | Kept:
    if tensor.is_floating_point():
        return _Shape.of(tensor)
    # Places within one channel of one sequence; no window comes near to 2**31 bases.
    return _Cast(tensor.to(torch.int32), tensor.dtype) if tensor.dtype == torch.int64 else tensor


def _signs(tensor: torch.Tensor) -> torch.Tensor | Kept:
    return _Cast(~(tensor <= 0), tensor.dtype) if tensor.is_floating_point() else tensor


def refuse(kept: None) -> torch.Tensor:
    """There is nothing to be had of a forward pass that was only watched."""
    raise RuntimeError("nothing was kept of this forward pass, so there is no way back through it")


def _unpack(kept: Any) -> torch.Tensor:
    found: torch.Tensor = kept if isinstance(kept, torch.Tensor) else kept.restore()
    return found
