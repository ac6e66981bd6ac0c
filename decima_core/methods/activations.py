"""Prepares a model's activation modules for the hooks of a DeepLIFT library, and leaves them exactly as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch


@contextlib.contextmanager
def hookable(model: torch.nn.Module, activations: Sequence[torch.nn.Module]) -> Iterator[None]:
    """Within, ``activations`` (modules of ``model``) work out of place; afterwards, also after an exception, all is as found.

    Libraries leave attributes on modules when a forward pass fails or a branch has no gradient, and torch a flag once
    a backward hook was set; hooks on in-place activations raise. Every module's hooks are restored, and of
    ``activations`` every attribute.
    """
    hooks = [
        (table, dict(table))
        for module in model.modules()
        for name, table in vars(module).items()
        if name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called")) and isinstance(table, dict)
    ]
    attributes = [(module, dict(vars(module))) for module in activations]
    try:
        for module in activations:
            if getattr(module, "inplace", False):
                vars(module)["inplace"] = False
        yield
    finally:
        for module, found in attributes:
            vars(module).clear()
            vars(module).update(found)
        for table, entries in hooks:
            table.clear()
            table.update(entries)
