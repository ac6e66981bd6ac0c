"""A method's outside: check the input, keep the caller's things as found, chunk by memory, report trouble."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch

from decima_core.errors import AttributionError
from decima_core.methods.target import ScalarTarget
from decima_core.providers import Scores

BASES_PER_FORWARD = 2**20
"""Bases in one forward pass where the user sets no internal batch size: two sequences of 524,288."""


class Method(abc.ABC):
    """Base of attribution methods; a subclass computes :meth:`scores` of checked, private copies.

    ``name`` is how messages call it, ``remedy`` what to do when memory runs out, ``seed`` that of its random draws.
    """

    name: ClassVar[str]
    remedy: ClassVar[str] = "use a shorter window or a device with more memory"

    seed: int = 0

    def attribute(self, target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> Scores:
        """Values ``(B, 4, L)`` for ``sequence`` ``(B, 4, L)``; the mask ``(B, 1, L)`` is passed on unchanged.

        The caller's tensors, the module's hooks and gradients, and the random number generators of torch and numpy
        are left as found, also after an exception.

        Raises
        ------
        AttributionError
            If the shapes do not fit, the target does not return one value a sequence, or memory runs out.
        """
        check_shapes(sequence, mask)
        with torch.inference_mode(False), torch.enable_grad(), own_random_state(self.seed, sequence.device):
            held = None if mask is None else mask.detach().clone()
            try:
                scores = self.scores(ScalarTarget(target), sequence.detach().clone(), held)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                raise AttributionError(
                    f"{self.name} ran out of memory on {len(sequence)} sequence(s) of {sequence.shape[-1]:,} bases; "
                    f"{self.remedy}."
                ) from error
            delta, hypothetical = scores.convergence_delta, scores.hypothetical
            return Scores(
                values=scores.values.detach(),
                convergence_delta=None if delta is None else delta.detach(),
                hypothetical=None if hypothetical is None else hypothetical.detach(),
            )

    @abc.abstractmethod
    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        """The scores of ``sequence``, which may be used freely; ``mask`` must reach every call unchanged."""


def check_shapes(sequence: torch.Tensor, mask: torch.Tensor | None) -> None:
    """Refuse what is not ``(B, 4, L)`` floating point with an optional mask ``(B, C, L)``.

    Raises
    ------
    AttributionError
        Naming the shape or the number type.
    """
    if sequence.ndim != 3 or sequence.shape[1] != 4 or sequence.shape[2] == 0:
        raise AttributionError(
            f"A batch of sequences has shape (batch, 4, length), not {tuple(sequence.shape)}; pass the gene mask "
            "separately, and a single sequence as sequence[None]."
        )
    if not sequence.is_floating_point():
        raise AttributionError(f"The sequence must be floating point, not {sequence.dtype}; convert it with .float().")
    if mask is not None and (mask.ndim != 3 or len(mask) != len(sequence) or mask.shape[2] != sequence.shape[2]):
        raise AttributionError(
            f"The mask has shape {tuple(mask.shape)}; for this batch it must be ({len(sequence)}, 1, "
            f"{sequence.shape[2]})."
        )


def sequences_per_forward(length: int, asked: int | None) -> int:
    """How many sequences of ``length`` bases go into one forward pass: ``asked``, or what about 2**20 bases make."""
    return asked if asked is not None else max(1, BASES_PER_FORWARD // length)


@contextlib.contextmanager
def own_random_state(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's and numpy's global generators (libraries and some models draw from them) and restore both."""
    devices = [device] if device.type == "cuda" else []
    # The legacy global state is the one that libraries use.
    state = np.random.get_state()
    try:
        with torch.random.fork_rng(devices=devices):
            # Not torch.manual_seed, which would reseed every GPU, those that are not restored included.
            torch.default_generator.manual_seed(seed)
            for used in devices:
                torch.cuda.default_generators[
                    torch.cuda.current_device() if used.index is None else used.index
                ].manual_seed(seed)
            np.random.seed(seed % 2**32)
            yield
    finally:
        np.random.set_state(state)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a RuntimeError means that a device, or the CPU's allocator, ran out of memory."""
    text = str(error)
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in text or "can't allocate memory" in text
