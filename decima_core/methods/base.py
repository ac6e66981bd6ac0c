"""A method's outside: check the input, keep the caller's things as found, chunk by memory, report trouble."""

from __future__ import annotations

import abc
import contextlib
import logging
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch

from decima_core.errors import AttributionError, ModelError
from decima_core.memory import is_out_of_memory
from decima_core.methods.batching import budget_of
from decima_core.methods.target import ScalarTarget
from decima_core.providers import Scores

logger = logging.getLogger(__name__)


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
        checked = ScalarTarget(target)
        while True:
            with self.running(sequence):
                held = None if mask is None else mask.detach().clone()
                try:
                    return detached(self.scores(checked, sequence.detach().clone(), held))
                except (RuntimeError, ModelError) as error:
                    if not (is_out_of_memory(error) and self._with_less(checked)):
                        self.explain_memory(error, sequence)
                        raise
            # Here the exception is gone, and with it what it kept alive.
            if sequence.device.type == "cuda":
                torch.cuda.empty_cache()

    @contextlib.contextmanager
    def running(self, sequence: torch.Tensor) -> Iterator[None]:
        """Gradients on, and the generators of torch and numpy seeded; all put back afterwards."""
        with torch.inference_mode(False), torch.enable_grad(), own_random_state(self.seed, sequence.device):
            yield

    def explain_memory(self, error: Exception, sequence: torch.Tensor) -> None:
        """Raise an AttributionError with the remedy in place of an error that says that memory ran out."""
        if is_out_of_memory(error):
            raise AttributionError(
                f"{self.name} ran out of memory on {len(sequence)} sequence(s) of {sequence.shape[-1]:,} bases; "
                f"{self.remedy}."
            ) from error

    def _with_less(self, target: ScalarTarget) -> bool:
        """Whether it can be tried again with half as many sequences at once, from now on."""
        budget = budget_of(target)
        if budget.used is None or budget.used < 2:
            return False
        budget.most = budget.used // 2
        logger.warning(
            "%s ran out of memory with %d sequences in one forward pass; from here on it takes %d.",
            self.name,
            budget.used,
            budget.most,
        )
        return True

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


def detached(scores: Scores) -> Scores:
    """The same scores without the graph that they were computed with."""

    def plain(tensor: torch.Tensor | None) -> torch.Tensor | None:
        return None if tensor is None else tensor.detach()

    return Scores(
        values=scores.values.detach(),
        convergence_delta=plain(scores.convergence_delta),
        hypothetical=plain(scores.hypothetical),
        prediction=plain(scores.prediction),
    )


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
