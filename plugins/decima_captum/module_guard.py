"""Prepares a model's activation modules for captum's hooks, and leaves them exactly as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR

from decima_core.methods import hookable

RULED: tuple[type[torch.nn.Module], ...] = tuple(SUPPORTED_NON_LINEAR)
"""Module classes for which captum has a DeepLIFT rule; it compares types exactly, subclasses do not count."""

_Arguments = tuple[Any, ...]


@contextlib.contextmanager
def guarded(model: torch.nn.Module) -> Iterator[None]:
    """Within, the activation modules of ``model`` can be hooked; afterwards, also after an exception, all is as found.

    captum's hooks on activations whose input needs no gradient (a branch that reads the mask alone) raise, so each gets
    an input of its own that does. For the rest see :func:`decima_core.methods.hookable`.
    """
    activations = [module for module in model.modules() if type(module) in RULED]
    with hookable(model, activations):
        for module in activations:
            module.register_forward_pre_hook(_own_input)
        yield


def _own_input(_: torch.nn.Module, arguments: _Arguments) -> _Arguments | None:
    """Give the module an input of its own that has a gradient.

    captum's hooks on one tensor that is both an activation's output and the next one's input (ReLU, then max pooling)
    run in the wrong order: the first would see the gradient before the second has changed it.
    """
    first = arguments[0] if arguments else None
    if not isinstance(first, torch.Tensor) or not torch.is_grad_enabled():
        return None
    return (first.clone() if first.requires_grad else first.detach().requires_grad_(), *arguments[1:])
