"""Which modules tangermeme has a DeepLIFT rule for, which it treats as linear, and how to give it rules for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import torch
from tangermeme._deep_lift_utils import _build_nonlinear_ops
from tangermeme.deep_lift_shap import integrated_gradients_op

from decima_core.errors import AttributionError, UnknownNameError

Rule = Callable[..., Any]

# Modules that a DeepLIFT multiplier passes exactly as a gradient does, in evaluation mode.
_LINEAR = (
    torch.nn.Identity,
    torch.nn.Linear,
    torch.nn.modules.conv._ConvNd,
    torch.nn.modules.batchnorm._BatchNorm,
    torch.nn.modules.dropout._DropoutNd,
    torch.nn.modules.pooling._AvgPoolNd,
    torch.nn.AdaptiveAvgPool1d,
    torch.nn.AdaptiveAvgPool2d,
    torch.nn.Flatten,
    torch.nn.Unflatten,
    torch.nn.Upsample,
    torch.nn.modules.padding._ConstantPadNd,
    torch.nn.modules.padding._ReflectionPadNd,
    torch.nn.modules.padding._ReplicationPadNd,
    torch.nn.Embedding,
    torch.nn.ModuleList,
    torch.nn.ModuleDict,
    torch.nn.ParameterList,
    torch.nn.ParameterDict,
    torch.nn.Sequential,
)

# What tangermeme writes on modules, and deletes from them when it is done, whoever put it there.
_ITS_OWN = ("handles", "_caches", "_fwd_counter", "_bw_idx", "_staged", "_NON_LINEAR_OPS")
_ITS_TENSORS = ("input", "output", "left", "right")


@attrs.frozen
class Rules:
    """The rules for one model.

    ``additional`` goes to tangermeme beside its own; ``ruled`` are the modules that a rule applies to; ``unruled``
    names the classes of those that are treated as linear though they may not be.
    """

    additional: dict[type[torch.nn.Module], Rule]
    ruled: tuple[torch.nn.Module, ...]
    unruled: tuple[str, ...]


def rules_of(model: torch.nn.Module, integrate: Iterable[str] = (), nodes: int = 8) -> Rules:
    """The rules for ``model``; classes named in ``integrate`` get their multipliers integrated at ``nodes`` points.

    A subclass of a module with a rule gets the same: tangermeme would hook it, and then fail to find its rule.

    Raises
    ------
    UnknownNameError
        If the model has no module of a class in ``integrate``; it offers those without a rule.
    AttributionError
        If a module has an attribute under a name that tangermeme uses for its own, and would delete, or is TorchScript.
    """
    modules = list(model.modules())
    if any(isinstance(module, torch.jit.ScriptModule) for module in modules):
        raise AttributionError(
            "deep-lift-shap cannot see the activations of a TorchScript model, so none of its rules would apply; give the "
            "model as Python code (--model module:callable), or use the method integrated-gradients."
        )
    _refuse_clashes(model)
    known = _build_nonlinear_ops()
    asked = tuple(integrate)
    additional: dict[type[torch.nn.Module], Rule] = {
        type(m): integrated_gradients_op(K=nodes, name=type(m).__name__) for m in modules if type(m).__name__ in asked
    }
    for module in modules:
        kind = type(module)
        base = next((b for b in kind.__mro__ if b in known), None)
        if base is not None and base is not kind and kind not in additional:
            additional[kind] = known[base]
    rules = {**known, **additional}
    unruled = tuple(sorted({type(m).__name__ for m in modules if type(m) not in rules and _may_be_nonlinear(m)}))
    missing = set(asked) - {kind.__name__ for kind in additional}
    for name in sorted(missing):
        raise UnknownNameError("module class", name, unruled, where="the model, to integrate")
    return Rules(additional, tuple(m for m in modules if type(m) in rules), unruled)


def _may_be_nonlinear(module: torch.nn.Module) -> bool:
    """A module that does something itself: an activation of torch, or one without children that is not linear."""
    if type(module).__module__ == "torch.nn.modules.activation":
        return True
    return next(module.children(), None) is None and not isinstance(module, _LINEAR)


def _refuse_clashes(model: torch.nn.Module) -> None:
    for where, name in _clashes(model):
        raise AttributionError(
            f"The model's module '{where}' has an attribute '{name}', a name that tangermeme's deep_lift_shap uses for "
            "its own and deletes; rename it, or use the method deep-lift."
        )


def _clashes(model: torch.nn.Module) -> Iterator[tuple[str, str]]:
    for where, module in model.named_modules():
        held = vars(module)
        yield from ((where, name) for name in _ITS_OWN if name in held)
        yield from ((where, name) for name in _ITS_TENSORS if isinstance(held.get(name), torch.Tensor))
