"""The method ``feature-ablation``."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from decima_captum.averaging import evaluate
from decima_captum.baselines import Baselines
from decima_captum.method import CaptumMethod
from decima_captum.options import FeatureAblationOptions
from decima_core.methods import ScalarTarget, sequences_per_forward
from decima_core.providers import Scores


class FeatureAblationMethod(CaptumMethod):
    """Ablation of bases, or occlusion of windows of bases (Zeiler & Fergus 2014, arXiv:1311.2901).

    A window's effect is the target minus the target with the window replaced by the baseline (all four channels
    together), averaged over the baselines. Windows start at 0, ``stride``, 2 x ``stride`` ...; the last may be cut
    short by the sequence's end. The effect is shared equally among the bases in the window, so values are in units of
    the target per base whatever the window, and where windows overlap a position gets the mean of its shares.
    ``values`` ``(B, 4, L)`` sit on the observed base; a position without a base (N), or in no window, gets zero.

    Needs no gradient. The number of forward passes is that of the windows (times baselines): for a long sequence use
    windows of some hundred bases.
    """

    name = "feature-ablation"
    remedy = "set a smaller internal_batch_size (1 needs least), use a shorter window or a device with more memory"

    def __init__(self, options: FeatureAblationOptions) -> None:
        self.options = options
        self.seed = self.options.seed

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        windows = max((len(self._starts((x != 0).any(0).cpu())) for x in sequence), default=0)
        asked = self.options.internal_batch_size
        size = sequences_per_forward(target, sequence, mask, asked, wanted=max(windows, len(sequence)))
        baselines = Baselines(self.options, sequence)
        whole = evaluate(target, sequence, mask, size)
        values = torch.zeros_like(sequence)
        for example, x in enumerate(sequence):
            track = torch.zeros(x.shape[-1], dtype=torch.float64)
            held = None if mask is None else mask[example]
            for k in range(baselines.count):
                effects = self._effects(target, x, held, baselines.get(example, k), whole[example], size)
                for positions, inside, effect in effects:
                    track.index_add_(0, positions[inside], effect[:, None].expand_as(positions)[inside])
            track /= baselines.count * self._coverage(x).clamp(min=1)
            values[example] = x * track.to(x)
        return Scores(values=values, prediction=whole)

    def _effects(
        self,
        target: ScalarTarget,
        x: torch.Tensor,
        mask: torch.Tensor | None,
        baseline: torch.Tensor,
        whole: torch.Tensor,
        size: int,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Windows ``(n, window)`` with which of their positions are real, and their effect per base ``(n,)``."""
        has_base = (x != 0).any(0).cpu()
        for positions, inside in self._windows(has_base, size):
            count = len(positions)
            changed = x.repeat(count, 1, 1)
            rows, columns = torch.arange(count, device=x.device)[:, None], positions.to(x.device)
            changed[rows, :, columns] = baseline.T[columns]
            held = None if mask is None else mask.expand(count, *mask.shape)
            with torch.no_grad():
                effect = whole - target(changed, held)
            bases = (has_base[positions] & inside).sum(1)
            yield positions, inside, effect.cpu().double() / bases

    def _windows(self, has_base: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """``size`` windows at a time that hold a base; positions past the end repeat the last and are not inside."""
        length, window, starts = len(has_base), self.options.window, self._starts(has_base)
        for at in range(0, len(starts), size):
            reach = starts[at : at + size, None] + torch.arange(min(window, length))
            yield reach.clamp(max=length - 1), reach < length

    def _starts(self, has_base: torch.Tensor) -> torch.Tensor:
        """First positions of the windows that hold a base."""
        length, window = len(has_base), self.options.window
        starts = torch.arange(0, length, self.options.stride or window)
        before = torch.cat([torch.zeros(1, dtype=torch.int64), has_base.cumsum(0)])
        return starts[before[(starts + window).clamp(max=length)] > before[starts]]

    def _coverage(self, x: torch.Tensor) -> torch.Tensor:
        """In how many windows each position lies, ``(L,)``."""
        length = x.shape[-1]
        starts = torch.arange(0, length, self.options.stride or self.options.window)
        steps = torch.zeros(length + 1, dtype=torch.float64)
        steps[starts] += 1
        ends = (starts + self.options.window).clamp(max=length)
        steps.index_add_(0, ends, -torch.ones(len(ends), dtype=torch.float64))
        return steps[:-1].cumsum(0)
