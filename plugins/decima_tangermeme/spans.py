"""Which positions saturation mutagenesis changes, and how many at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from decima_core.errors import AttributionError
from decima_tangermeme.options import MutagenesisOptions

COPIES = 2**28
"""Bytes that the mutated copies of one call may take."""


def span_of(options: MutagenesisOptions, length: int, mask: torch.Tensor | None) -> tuple[int, int]:
    """The span ``[start, end)`` to mutate in a window of ``length`` bases with the gene mask ``(1, length)``.

    ``around_tss`` is clipped to the window.

    Raises
    ------
    AttributionError
        If the span leaves the window, or ``around_tss`` is asked for where there is no TSS.
    """
    if options.around_tss is not None:
        masked = torch.zeros(0) if mask is None else mask.any(0).nonzero()
        if not len(masked):
            why = "the model reads no gene mask" if mask is None else "the window holds no masked base"
            raise AttributionError(
                f"saturation-mutagenesis cannot tell where the TSS is, because {why}; give start and end instead of "
                "around_tss."
            )
        tss = int(masked[0])
        return max(0, tss - options.around_tss), min(length, tss + options.around_tss)
    start = 0 if options.start is None else options.start
    end = length if options.end is None else options.end
    if end > length or start >= length:
        raise AttributionError(
            f"saturation-mutagenesis was asked to mutate positions {start:,} to {end:,}, but the window has {length:,} "
            "bases; choose start and end inside it."
        )
    return start, end


def refuse_too_many(known: int, limit: int | None) -> None:
    """Refuse to make more than ``limit`` predictions, three for each of ``known`` bases.

    Raises
    ------
    AttributionError
        Saying how many there would be.
    """
    if limit is not None and 3 * known > limit:
        raise AttributionError(
            f"saturation-mutagenesis of {known:,} bases needs {3 * known:,} predictions, more than the {limit:,} of "
            "max_predictions; choose fewer bases with start and end or around_tss, or set max_predictions to none."
        )


def parts(known: torch.Tensor, start: int, end: int, bytes_per_copy: int) -> Iterator[tuple[int, int]]:
    """Spans ``[first, last)`` that cover the known bases of ``[start, end)`` and no others, each small enough.

    ``known`` ``(L,)`` says where a base is known; tangermeme keeps three copies of a sequence for each position.
    """
    most = max(1, COPIES // (3 * bytes_per_copy))
    at = known[start:end].to(torch.int8)
    padded = torch.cat([at.new_zeros(1), at, at.new_zeros(1)])
    steps = padded.diff()
    for run, stop in zip((steps == 1).nonzero()[:, 0].tolist(), (steps == -1).nonzero()[:, 0].tolist(), strict=True):
        for first in range(run, stop, most):
            yield start + first, start + min(first + most, stop)
