"""How many sequences go through a model at once: what the user says, else what memory is free for, and half after running out."""

from __future__ import annotations

import logging
import weakref

import attrs
import torch

from decima_core.memory import free_bytes
from decima_core.methods.target import CheckedTarget

logger = logging.getLogger(__name__)

BASES_PER_FORWARD = {"cpu": 2**20, "cuda": 2**22}
"""Bases in one forward pass beyond which nothing is won: two sequences of 524,288 on a CPU, eight on a GPU."""

_SHARE = 0.5
"""The part of the free memory that one forward pass may take. The rest is for what is not measured: gradients and workspaces."""


_SMALL = 2**16
"""Bases that go into one forward pass whatever it takes."""


@attrs.define
class Budget:
    """What is known of a target's memory: ``most`` sequences at once since it ran out, ``used`` at last, bytes by length."""

    most: int | None = None
    used: int | None = None
    measured: dict[tuple[int, str], int] = attrs.field(factory=dict)


# Kept for as long as a target lives, so that it is measured once in a run. It changes the speed and, within rounding, no result.
_BUDGETS: weakref.WeakKeyDictionary[torch.nn.Module, Budget] = weakref.WeakKeyDictionary()


def budget_of(target: torch.nn.Module) -> Budget:
    """The budget of a target, or of the one within a checked one."""
    return _BUDGETS.setdefault(target.target if isinstance(target, CheckedTarget) else target, Budget())


def sequences_per_forward(
    target: CheckedTarget,
    sequence: torch.Tensor,
    mask: torch.Tensor | None = None,
    asked: int | None = None,
    *,
    wanted: int | None = None,
) -> int:
    """How many sequences of this length go into one forward pass of the target.

    Parameters
    ----------
    target, sequence, mask
        What a method was given; the first sequence is tried, once for each target and length, to see what memory it takes.
    asked
        The option ``internal_batch_size``: taken as it is.
    wanted
        How many there are in all, if known; one alone, and few short ones, go together without a trial.

    Returns
    -------
    At least 1. Without ``asked`` a power of two: about 2**20 bases on a CPU and 2**22 on a GPU, fewer where half of the free
    memory does not hold them. After a forward pass ran out of memory at most half of what it had.
    """
    budget = budget_of(target)
    size = asked
    if size is None:
        few = wanted is not None and (wanted <= 1 or wanted * sequence.shape[-1] <= _SMALL)
        size = max(1, wanted or 1) if few else _automatic(target, sequence, mask, budget)
    if budget.most is not None:
        size = min(size, budget.most)
    budget.used = size
    return size


def _automatic(target: CheckedTarget, sequence: torch.Tensor, mask: torch.Tensor | None, budget: Budget) -> int:
    length, device = sequence.shape[-1], sequence.device
    size = max(1, BASES_PER_FORWARD.get(device.type, BASES_PER_FORWARD["cpu"]) // length)
    free = free_bytes(device)
    if size > 1 and free is not None and len(sequence):
        key = (length, str(device))
        if key not in budget.measured:
            budget.measured[key] = forward_bytes(target, sequence[:1], None if mask is None else mask[:1])
        fits = int(_SHARE * free) // max(1, budget.measured[key])
        size = max(1, min(size, fits))
    return int(2 ** (size.bit_length() - 1))


def forward_bytes(target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None) -> int:
    """Bytes that a forward pass with gradients takes: on a GPU the peak, elsewhere what is kept for the backward pass.

    Of a model in low memory what has been reckoned, for there much of it comes on the way back.
    """
    points = sequence.detach().clone().requires_grad_()
    if sequence.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(sequence.device)
        before = torch.cuda.memory_allocated(sequence.device)
        with torch.enable_grad():
            target(points, mask)
        return _reckoned(target, points) or int(torch.cuda.max_memory_allocated(sequence.device) - before)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        # Not the tensor itself: an operation that keeps its own output would hold on to it for ever.
        return tensor.detach()

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = target(points, mask)
    weights = {parameter.untyped_storage().data_ptr() for parameter in target.parameters()}
    del value  # until here, so that no storage is given to another tensor while it is counted
    return _reckoned(target, points) or sum(size for place, size in kept.items() if place not in weights)


def _reckoned(target: torch.nn.Module, points: torch.Tensor) -> int | None:
    """What low memory (:mod:`decima_core.compute.checkpoints`) says that a model within the target takes; None where it says nothing."""
    forwards = (module.__dict__.get("forward") for module in target.modules())
    tellers = (tell for each in forwards if (tell := getattr(each, "bytes_for", None)) is not None)
    return next((found for tell in tellers if (found := tell(points)) is not None), None)
