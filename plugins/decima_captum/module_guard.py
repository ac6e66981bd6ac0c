"""Prepares a model's activation modules for captum's hooks, and leaves them exactly as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR

RULED: tuple[type[torch.nn.Module], ...] = tuple(SUPPORTED_NON_LINEAR)
"""Module classes for which captum has a DeepLIFT rule; it compares types exactly, subclasses do not count."""

_Arguments = tuple[Any, ...]


@contextlib.contextmanager
def guarded(model: torch.nn.Module) -> Iterator[None]:
    """Within, the activation modules of ``model`` can be hooked; afterwards, also after an exception, all is as found.

    captum leaves attributes on modules when a forward pass fails or a branch has no gradient, and torch a flag once a
    backward hook was set; hooks on in-place activations, and on activations whose input needs no gradient (a branch
    that reads the mask alone), raise. Every module's hooks are restored, and of activation modules every attribute.
    """
    modules = list(model.modules())
    hooks = [
        (table, dict(table))
        for module in modules
        for name, table in vars(module).items()
        if name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called")) and isinstance(table, dict)
    ]
    attributes = [(module, dict(vars(module))) for module in modules if type(module) in RULED]
    try:
        for module, _ in attributes:
            if getattr(module, "inplace", False):
                vars(module)["inplace"] = False
            module.register_forward_pre_hook(_own_input)
        yield
    finally:
        for module, found in attributes:
            vars(module).clear()
            vars(module).update(found)
        for table, entries in hooks:
            table.clear()
            table.update(entries)


def _own_input(_: torch.nn.Module, arguments: _Arguments) -> _Arguments | None:
    """Give the module an input of its own that has a gradient.

    captum's hooks on one tensor that is both an activation's output and the next one's input (ReLU, then max pooling)
    run in the wrong order: the first would see the gradient before the second has changed it.
    """
    first = arguments[0] if arguments else None
    if not isinstance(first, torch.Tensor) or not torch.is_grad_enabled():
        return None
    return (first.clone() if first.requires_grad else first.detach().requires_grad_(), *arguments[1:])
