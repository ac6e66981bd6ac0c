"""Activation checkpointing of any model (Chen et al. 2016, arXiv:1604.06174): less memory for one more forward pass.

Pieces of the model (:mod:`decima_core.compute.pieces`) keep their input alone and are computed again on the way back; what lies between
keeps only what a gradient asks for (:mod:`decima_core.compute.spared`). The numbers are the same to the last bit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from decima_core.compute.pieces import Piece, Plan, cut
from decima_core.compute.spared import Spared
from decima_core.compute.timeline import record
from decima_core.errors import first_line
from decima_core.guard import HookWatch
from decima_core.memory import is_out_of_memory

logger = logging.getLogger(__name__)

# A model of which no less than this part is needed is better computed as it is.
_WORTH_IT = 0.9


@contextmanager
def checkpointed(model: nn.Module, name: str, passes: int = 1) -> Iterator[None]:
    """Inside, backward passes through the model take less memory; afterwards it is as it was.

    Which pieces are computed twice is decided at the first forward pass, for its size: one more is made, of which nothing is kept.
    ``passes`` says how many backward passes follow on a forward pass. What is won is logged. A method that watches the layers by
    hooks of its own (DeepLIFT) gets the model as it is, and a warning says so.
    """
    with ExitStack() as stack:
        stack.enter_context(_forward_of(model, _Frugal(model, name, passes, stack)))
        yield


class _Frugal:
    """The forward of a model of which little is kept."""

    def __init__(self, model: nn.Module, name: str, passes: int, stack: ExitStack) -> None:
        self._model, self._name, self._passes, self._stack = model, name, passes, stack
        self._plain = self._forward = model.forward
        self._watch = HookWatch(model)
        self._planned = False
        self._peak: tuple[int, int] | None = None

    def bytes_for(self, inputs: torch.Tensor) -> int | None:
        """What inputs ``(B, C, L)`` take at most, there and back, as far as that was reckoned; None where it was not, or does not hold."""
        if self._peak is None or self._watch.changed():
            return None
        peak, bases = self._peak
        return peak * _bases((inputs,)) // bases

    def __call__(self, *inputs: Any, **more: Any) -> Any:
        asked = any(isinstance(value, torch.Tensor) and value.requires_grad for value in (*inputs, *more.values()))
        if not torch.is_grad_enabled() or not asked or _hooked(self._watch):
            return self._plain(*inputs, **more)
        unplanned = None if self._planned else self._try_to_plan(*inputs, **more)
        # What lies between pieces is not computed again, and keeps less.
        with Spared():
            output = self._forward(*inputs, **more)
        if unplanned:
            self._planned = True  # as far as it can be
            logger.warning(
                "Low memory: the forward pass of model '%s' cannot be watched (%s), so no piece of it is computed twice.",
                self._name,
                unplanned,
            )
        return output

    def _try_to_plan(self, *inputs: Any, **more: Any) -> str:
        """Why there is no plan, if that is so. A model that fails by itself will do so again in a moment, and be told then."""
        try:
            timeline = record(self._model, partial(self._plain, **more), *inputs)
        except Exception as error:
            if is_out_of_memory(error):
                raise  # with fewer sequences there may be enough
            return first_line(error)
        self._planned = True
        self._take(cut(timeline, self._passes), _bases(inputs))
        return ""

    def _take(self, plan: Plan, bases: int) -> None:
        self._peak = plan.peak, bases
        for module in dict.fromkeys(piece.module for piece in plan.pieces):
            own = [piece for piece in plan.pieces if piece.module is module]
            forward = _twice(own, self._watch)
            if module is self._model:
                self._forward = forward
            else:
                self._stack.enter_context(_forward_of(module, forward))
        if plan.peak > _WORTH_IT * plan.plain:
            logger.warning(
                "--low-memory wins little with model '%s': %s in place of %s beside its weights. What it holds lies in no "
                "module within it that is called once; leave out --low-memory, or build the model of blocks.",
                self._name,
                _size(plan.peak),
                _size(plan.plain),
            )
            return
        logger.info(
            "Low memory: model '%s' takes about %s in place of %s beside its weights; %.0f %% of its forward pass is computed twice.",
            self._name,
            _size(plan.peak),
            _size(plan.plain),
            100 * plan.twice,
        )


def _bases(inputs: Iterable[Any]) -> int:
    """The bases of a batch: sequences times their length."""
    first = next((value for value in inputs if isinstance(value, torch.Tensor) and value.dim() > 1), None)
    return 1 if first is None else max(1, first.shape[0] * first.shape[-1])


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


@contextmanager
def _forward_of(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """``forward`` in place of a module's own."""
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before


def _twice(pieces: list[Piece], watch: HookWatch) -> Callable[..., Any]:
    """The forward of a module that is one piece, or a sequence some of whose layers are pieces."""
    module = pieces[0].module
    plain = module.forward
    if not pieces[0].end:
        whole = _Again(plain)

        def forward(*inputs: Any, **more: Any) -> Any:
            if not torch.is_grad_enabled() or _hooked(watch):
                return plain(*inputs, **more)
            return whole(*inputs, **more)

        return forward
    layers = list(module)  # type: ignore[call-overload]
    steps: list[Callable[..., Any]] = []
    at = 0
    for piece in pieces:
        steps += layers[at : piece.first]
        steps.append(_Again(_in_turn(layers[piece.first : piece.end])))
        at = piece.end
    steps += layers[at:]

    def in_steps(*inputs: Any, **more: Any) -> Any:
        if not torch.is_grad_enabled() or more or _hooked(watch):
            return plain(*inputs, **more)
        return _in_turn(steps)(*inputs)

    return in_steps


def _in_turn(steps: list[Callable[..., Any]]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return run


def _hooked(watch: HookWatch) -> bool:
    if not watch.changed():
        return False
    if not watch.told:
        watch.told = True
        logger.warning(
            "The method watches the model's layers, so low_memory is without effect: the model is computed as it is."
        )
    return True


class _Again:
    """A function that is called a second time for the backward pass, with the same input, on which it does not work in place."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = _sparing(function, shapes_alone=True)

    def __call__(self, *inputs: Any, **more: Any) -> Any:
        return checkpoint(partial(self._function, **more), *inputs, use_reentrant=False)


def _sparing(function: Callable[..., Any], *, shapes_alone: bool = False) -> Callable[..., Any]:
    """The function, of which less is kept for the backward pass (:mod:`decima_core.compute.spared`)."""

    def spared(*inputs: Any, **more: Any) -> Any:
        with Spared(shapes_alone=shapes_alone):
            return function(*inputs, **more)

    return spared
