"""Leaves a model exactly as it was found, also after an exception."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from decima_core.errors import ModelError

# Every place where torch.nn.Module keeps hooks; attribution libraries may leave some behind when a forward raises.
HOOK_TABLES = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
)


def hooks_of(modules: Sequence[nn.Module]) -> list[dict[str, dict[Any, Any]]]:
    """The hooks of each module, by the table that they are in."""
    return [{t: dict(getattr(m, t)) for t in HOOK_TABLES if getattr(m, t, None) is not None} for m in modules]


class HookWatch:
    """Tells whether a model's layers have other hooks than at first; ``told`` is for whoever says so once."""

    def __init__(self, model: nn.Module) -> None:
        self._modules = list(model.modules())
        self._before = [_keys(m) for m in self._modules]
        self.told = False

    def changed(self) -> bool:
        """Whether a hook has come or gone."""
        return any(_keys(m) != before for m, before in zip(self._modules, self._before, strict=True))


def _keys(module: nn.Module) -> list[list[Any]]:
    return [list(getattr(module, t, None) or ()) for t in HOOK_TABLES]


@contextmanager
def left_as_found(module: nn.Module, device: torch.device | None = None) -> Iterator[nn.Module]:
    """``module`` in evaluation mode with frozen weights, on ``device`` if given; on leaving, all of it is undone.

    Restored: the training flag of every submodule, ``requires_grad`` and ``grad`` of every parameter, every hook, and
    the device. Freezing spares the memory and time that gradients of the weights would take.

    Raises
    ------
    ModelError
        If a parameter has no values yet (a lazy layer that never ran, or a model on the meta device).
    """
    modules = list(module.modules())
    for name, parameter in module.named_parameters():
        if is_lazy(parameter) or parameter.is_meta:
            raise ModelError(
                f"The model's parameter '{name.removeprefix('model.').removeprefix('model.')}' has no values yet; load its weights, or run the model "
                "once, before it is explained."
            )
    parameters = list(module.parameters())
    training = [m.training for m in modules]
    gradients = [(p.requires_grad, p.grad) for p in parameters]
    hooks = hooks_of(modules)
    home = next((t.device for t in (*parameters, *module.buffers())), None)
    moved = device is not None and home is not None and home != device
    try:
        for m in modules:
            m.training = False
        for p in parameters:
            p.requires_grad_(False)
        if moved:
            module.to(device)
        yield module
    finally:
        if moved:
            module.to(home)
        for m, mode in zip(modules, training, strict=True):
            m.training = mode
        for p, (requires, grad) in zip(parameters, gradients, strict=True):
            p.requires_grad_(requires)
            p.grad = grad
        for m, tables in zip(modules, hooks, strict=True):
            for name, before in tables.items():
                table = getattr(m, name)
                if list(table) != list(before):
                    table.clear()
                    table.update(before)
