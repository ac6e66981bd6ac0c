"""Any captum attribution class as an attribution method."""

from __future__ import annotations

import inspect
from typing import Any

import captum.attr
import torch
from captum.attr import Attribution

from decima_captum.method import CaptumMethod, forward_args
from decima_captum.module_guard import guarded
from decima_core.errors import AttributionError, OptionError, UnknownNameError, near_matches, shorten
from decima_core.methods import ScalarTarget
from decima_core.providers import AttributionMethod, Scores


def captum_class(named: str | type[Attribution]) -> type[Attribution]:
    """A class of ``captum.attr`` from its name; a class is returned as it is.

    Raises
    ------
    UnknownNameError
        If captum has no attribution class of this name; with near matches.
    """
    if not isinstance(named, str):
        return named
    classes = {
        name: value
        for name, value in vars(captum.attr).items()
        if isinstance(value, type) and issubclass(value, Attribution)
    }
    found = classes.get(named.rpartition(".")[2])
    if found is None:
        raise UnknownNameError("attribution class", named, sorted(classes), where="captum.attr")
    return found


_OURS = {"self", "inputs", "target", "additional_forward_args"}


def wrap_captum_class(cls: type[Attribution], *, seed: int = 0, **attribute_kwargs: Any) -> AttributionMethod:
    """An attribution method that runs ``cls(target).attribute(sequence, **attribute_kwargs)``.

    Parameters
    ----------
    cls
        A class of ``captum.attr`` that is made from a model alone, e.g. ``captum.attr.InputXGradient``.
    seed
        Seed of torch's and numpy's generators while it runs; both are restored afterwards.
    attribute_kwargs
        Passed to its ``attribute``. ``abs`` is False unless given: Saliency is signed. With
        ``return_convergence_delta=True`` the scores carry the delta, averaged over a sequence's samples.

    The values are captum's own, in its own baseline convention; the mask is passed as an additional forward argument.

    Raises
    ------
    OptionError
        If ``cls`` is no such class, or for a keyword that its ``attribute`` does not take, needs and was not given,
        or that is not the caller's to set.
    """
    if not (isinstance(cls, type) and issubclass(cls, Attribution)):
        raise OptionError(
            f"A method must be an attribution class of captum, such as captum.attr.Saliency, not {cls!r}."
        )
    needed = [name for name, p in _parameters(cls.__init__).items() if _is_required(p)][1:]
    if needed or not _takes_a_model(cls):
        more = f" (it also needs {', '.join(needed)})" if needed else ""
        raise OptionError(
            f"captum's {cls.__name__} cannot be made from a model alone{more}; wrap it in your own method."
        )
    parameters = _parameters(cls.attribute)
    known = [name for name in parameters if name not in _OURS]
    for name in attribute_kwargs:
        if name in _OURS:
            raise OptionError(f"The keyword '{name}' of captum's {cls.__name__} is set by decima_core; leave it out.")
        if name not in known:
            near = near_matches(name, known)
            more = f"did you mean {' or '.join(near)}?" if near else f"it takes {shorten(known) or 'none'}."
            raise OptionError(f"captum's {cls.__name__} has no keyword '{name}'; {more}")
    missing = [n for n in known if _is_required(parameters[n]) and n not in attribute_kwargs]
    if missing:
        raise OptionError(f"captum's {cls.__name__} needs {', '.join(missing)}; pass it as a keyword.")
    if "abs" in known:
        attribute_kwargs.setdefault("abs", False)
    return _Wrapped(cls, seed, attribute_kwargs)


class _Wrapped(CaptumMethod):
    name = "captum"

    def __init__(self, cls: type[Attribution], seed: int, kwargs: dict[str, Any]) -> None:
        self.name = f"captum's {cls.__name__}"  # type: ignore[misc]
        self.seed = seed
        self._cls = cls
        self._kwargs = kwargs

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        if not len(sequence):
            return Scores(values=sequence)  # captum cannot take an empty batch
        kwargs = dict(self._kwargs)
        if mask is not None:
            kwargs["additional_forward_args"] = forward_args(mask)
        with guarded(target):
            result = self._cls(target).attribute(sequence, **kwargs)
        values, delta = result if isinstance(result, tuple) else (result, None)
        if not isinstance(values, torch.Tensor) or values.shape != sequence.shape:
            shape = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
            raise AttributionError(f"{self.name} returned {shape}, not values of shape {tuple(sequence.shape)}.")
        if delta is not None:
            delta = delta.reshape(len(sequence), -1).mean(1)
        # Old versions of captum return some values in double precision.
        return Scores(values=values.to(sequence.dtype), convergence_delta=delta)


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {n: p for n, p in inspect.signature(function).parameters.items() if n != "self" and p.kind in named}


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _takes_a_model(cls: type[Attribution]) -> bool:
    return next(iter(_parameters(cls.__init__)), "") in ("model", "forward_func")
