"""The baselines a sequence is compared with: no base, all bases, or shuffles of the sequence itself."""

from __future__ import annotations

import functools

import numpy as np
import torch

from decima_captum.dinucleotide import dinucleotide_shuffle
from decima_captum.options import BaselineOptions
from decima_core.sequence import Codes, from_one_hot, one_hot


class Baselines:
    """The baselines of each sequence ``(4, L)`` of a batch ``(B, 4, L)``.

    * ``zeros``: no base anywhere.
    * ``uniform``: 0.25 of each base; a position without a base (N) keeps none.
    * ``shuffle``: ``n_baselines`` dinucleotide-preserving shuffles, in which N is a fifth letter. The k-th shuffle
      depends on the sequence, the seed and k alone, never on what else is in the batch.

    Shuffles are made when asked for and kept as codes (one byte a base) for one sequence at a time.

    Raises
    ------
    DataError
        On :meth:`get` of a shuffle, if the sequence is not one-hot.
    """

    def __init__(self, options: BaselineOptions, sequence: torch.Tensor) -> None:
        self.count = options.n_baselines if options.baseline == "shuffle" else 1
        self._kind = options.baseline
        self._seed = options.seed
        self._sequence = sequence
        self._codes = functools.lru_cache(maxsize=2)(self._codes_of)
        self._shuffled = functools.lru_cache(maxsize=self.count)(self._shuffle)

    def get(self, example: int, k: int) -> torch.Tensor:
        """The ``k``-th baseline ``(4, L)`` of sequence number ``example``."""
        x = self._sequence[example]
        if self._kind == "zeros":
            return torch.zeros_like(x)
        if self._kind == "uniform":
            return 0.25 * (x != 0).any(0).to(x.dtype).expand_as(x)
        return torch.from_numpy(one_hot(self._shuffled(example, k))).to(x)

    def stack(self, pairs: list[tuple[int, int]]) -> torch.Tensor:
        """The baselines ``(n, 4, L)`` of pairs (example, k)."""
        return torch.stack([self.get(example, k) for example, k in pairs])

    def _codes_of(self, example: int) -> Codes:
        return from_one_hot(self._sequence[example].cpu().numpy())

    def _shuffle(self, example: int, k: int) -> Codes:
        return dinucleotide_shuffle(self._codes(example), np.random.default_rng([self._seed, k]))
