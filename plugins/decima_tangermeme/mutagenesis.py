"""The method ``saturation-mutagenesis``."""

from __future__ import annotations

import torch
from tangermeme.saturation_mutagenesis import saturation_mutagenesis

from decima_core.methods import Method, ScalarTarget, sequences_per_forward
from decima_core.providers import Scores
from decima_core.sequence import from_one_hot
from decima_tangermeme.options import MutagenesisOptions
from decima_tangermeme.spans import parts, refuse_too_many, span_of


class MutagenesisMethod(Method):
    """In-silico saturation mutagenesis by tangermeme (Zhou & Troyanskaya 2015, doi:10.1038/nmeth.3547).

    Every base of the span is replaced by each of the three others, one at a time. ``values`` ``(B, 4, L)`` are, at the
    observed base, the mean over the three of (target at the sequence - target at the mutated sequence), in units of the
    target: positive where the base raises it. They are zero elsewhere, at unknown bases (N) and outside the span. On a
    linear model the value is the base's weight minus the mean weight of the three others. tangermeme's own projected
    attribution takes the mean over all four bases, the observed one included, and is 3/4 of it.

    Needs no gradient, and three predictions for each base: 1,572,864 for a window of 524,288. More than
    ``max_predictions`` are refused. Predictions are made by whole forward passes (tangermeme's ``fast=False``): its fast
    way is chosen by the clock, and a run could not be repeated to the digit.

    Raises
    ------
    AttributionError
        If there are too many predictions, the span leaves the window, ``around_tss`` is set and there is no gene mask,
        the target does not return one value a sequence, or memory runs out.
    DataError
        If a sequence is not one-hot.
    """

    name = "saturation-mutagenesis"
    remedy = "set a smaller internal_batch_size (1 needs least), use a shorter window or a device with more memory"

    def __init__(self, options: MutagenesisOptions) -> None:
        self.options = options

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        held = [None if mask is None else mask[example] for example in range(len(sequence))]
        # Before the first prediction, and how many go into one forward pass is found by a prediction too.
        places = [self._places(x, own) for x, own in zip(sequence, held, strict=True)]
        column = _Column(target)
        size = sequences_per_forward(target, sequence, mask, self.options.internal_batch_size)
        values = torch.zeros_like(sequence)
        for example, x in enumerate(sequence):
            values[example] = x * self._track(column, x, held[example], size, places[example]).to(x)
        return Scores(values=values)

    def _places(self, x: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, int, int]:
        """Which positions of one sequence ``(4, L)`` hold a base, ``(L,)``, and the span to mutate; refused if it is too long."""
        known = torch.from_numpy(from_one_hot(x.cpu().numpy())) < 4
        start, end = span_of(self.options, x.shape[-1], mask)
        refuse_too_many(int(known[start:end].sum()), self.options.max_predictions)
        return known, start, end

    def _track(
        self,
        target: torch.nn.Module,
        x: torch.Tensor,
        mask: torch.Tensor | None,
        size: int,
        places: tuple[torch.Tensor, int, int],
    ) -> torch.Tensor:
        """The mean loss at each position of one sequence ``(4, L)``, ``(L,)`` float64."""
        known, start, end = places
        # One byte a base and channel; the mask is copied along, in its own type.
        bytes_per_copy = x.numel() + (0 if mask is None else mask.numel() * mask.element_size())
        track = torch.zeros(x.shape[-1], dtype=torch.float64)
        for first, last in parts(known, start, end, bytes_per_copy):
            before, after = saturation_mutagenesis(
                target,
                x[None],
                args=None if mask is None else (mask[None],),
                start=first,
                end=last,
                batch_size=size,
                raw_outputs=True,
                dtype=x.dtype,
                device=x.device,
                fast=False,
            )
            # (4, n): the observed base changes nothing, so the sum is over the three others.
            loss = before.double()[0, 0] - after.double()[0, :, :, 0]
            track[first:last] = loss.sum(0) / 3
        return track


class _Column(torch.nn.Module):
    """The target as tangermeme takes it, one column ``(n, 1)``."""

    def __init__(self, target: ScalarTarget) -> None:
        super().__init__()
        self.target = target
        self.training = target.training

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        value: torch.Tensor = self.target(sequence, mask)
        return value[:, None]
