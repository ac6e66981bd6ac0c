"""What a forward pass keeps for the backward pass, what else it has in memory, and how much it computes: step by step.

Read off one real forward pass, of which nothing is kept, so it takes no more memory than a prediction does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from decima_core.compute.spared import Watched, refuse

# An element that is written costs about as much as so many multiplications and additions of a convolution: it has to come from memory.
_PER_ELEMENT = 32

# Modules that run code of their own: what happens in them happens nowhere that can be told.
_SEALED = "torch.jit"


@attrs.frozen
class Saved:
    """A tensor kept for the backward pass, in bytes: as torch does, where it is spared, and in a piece that is computed again."""

    storage: int
    plain: int
    outside: int
    inside: int


@attrs.define
class Step:
    """An operation, or what lies between a module's begin and its first operation."""

    saved: list[Saved] = attrs.field(factory=list)
    live: int = 0
    work: float = 0.0


@attrs.define(eq=False)
class Call:
    """One call of a module: steps ``begin`` up to ``end``, the bytes of the tensors it was given, and the calls within.

    ``places`` tells where those tensors lie, and ``changed`` whether it worked in place on one of them.
    """

    module: nn.Module
    begin: int
    given: int
    end: int = 0
    calls: list[Call] = attrs.field(factory=list)
    places: frozenset[int] = frozenset()
    changed: bool = False


@attrs.frozen(eq=False)
class Timeline:
    """A forward pass: its steps, and the calls of modules, of which the first is that of the model."""

    steps: list[Step]
    whole: Call


def record(model: nn.Module, forward: Callable[..., Any], *inputs: Any) -> Timeline:
    """The timeline of ``forward(*inputs)``, which calls the modules of ``model``. The inputs stay as they are."""
    own = [value.detach() if isinstance(value, torch.Tensor) else value for value in inputs]
    for before, value in zip(inputs, own, strict=True):
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            value.requires_grad_(before.requires_grad)
    recorder = _Recorder(model, own)
    with torch.enable_grad(), recorder.watching():
        # Copies, on which a model may work in place.
        forward(*(value.clone() if isinstance(value, torch.Tensor) else value for value in own))
    return Timeline(recorder.steps, recorder.finish())


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, model: nn.Module, inputs: Iterable[Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps = [Step()]
        self._modules = [m for m in model.modules() if not is_sealed(m)]
        self._open = [Call(model, 0, _bytes(inputs))]
        self._versions: list[list[tuple[torch.Tensor, int]]] = []
        self._weights = {_place(t) for t in (*model.parameters(), *model.buffers())}
        # Weak, so that nothing is held; while there is a reference, no other storage gets the same number.
        self._storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self._live: set[int] = set()
        self._flops = FlopCounterMode(display=False)

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as stack:
            for module in self._modules:
                for handle in (
                    module.register_forward_pre_hook(self._enter, with_kwargs=True),
                    module.register_forward_hook(self._leave, with_kwargs=True, always_call=True),
                ):
                    stack.callback(handle.remove)
            stack.enter_context(self._flops)
            stack.enter_context(self)
            stack.enter_context(saved_tensors_hooks(self._save, refuse))
            stack.enter_context(Watched(self._save_less))
            yield

    def finish(self) -> Call:
        whole = self._open[0]
        whole.end = len(self.steps)
        return whole

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = self._flops.get_total_flops()
        found = func(*args, **(kwargs or {}))
        made = [t for t in _tensors((found,)) if self._seen(t)]
        step = self.steps[-1]
        step.work = self._flops.get_total_flops() - before + _PER_ELEMENT * sum(t.numel() for t in made)
        self._live = {place for place in self._live if not self._storages[place][0].expired()}  # type: ignore[no-untyped-call]
        step.live = sum(self._storages[place][1] for place in self._live)
        self.steps.append(Step())
        return found

    def _seen(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor lies in memory that was not there before."""
        place = _place(tensor)
        if place in self._storages or place in self._weights:
            return False
        storage = tensor.untyped_storage()
        self._storages[place] = StorageWeakRef(storage), storage.nbytes()  # type: ignore[no-untyped-call]
        self._live.add(place)
        return True

    def _save(self, tensor: torch.Tensor) -> None:
        size = tensor.untyped_storage().nbytes()
        self._note(tensor, size, size)

    def _save_less(self, tensor: torch.Tensor, outside: int, inside: int) -> None:
        self._note(tensor, outside, inside)

    def _note(self, tensor: torch.Tensor, outside: int, inside: int) -> None:
        place = _place(tensor)
        if place not in self._weights:
            self._seen(tensor)
            self.steps[-1].saved.append(Saved(place, tensor.untyped_storage().nbytes(), outside, inside))

    def _enter(self, module: nn.Module, args: Any, more: Mapping[str, Any]) -> None:
        self.steps.append(Step())
        given = list(_tensors((args, list(more.values()))))
        call = Call(module, len(self.steps) - 1, _bytes(given), places=frozenset(map(_place, given)))
        self._open[-1].calls.append(call)
        self._open.append(call)
        self._versions.append([(tensor, tensor._version) for tensor in given])

    def _leave(self, module: nn.Module, args: Any, more: Mapping[str, Any], found: Any) -> None:
        call = self._open.pop()
        call.end = len(self.steps)
        call.changed = any(tensor._version != before for tensor, before in self._versions.pop())
        self.steps.append(Step())


def is_sealed(module: nn.Module) -> bool:
    """Whether a module runs code in which nothing can be put around a layer."""
    return any(kind.__module__.startswith(_SEALED) for kind in type(module).__mro__)


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)


def _bytes(values: Iterable[Any]) -> int:
    return sum({_place(t): t.untyped_storage().nbytes() for t in _tensors(values)}.values())


def _place(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
