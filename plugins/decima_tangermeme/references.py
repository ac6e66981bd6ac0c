"""The references of DeepLIFT/SHAP: dinucleotide shuffles in which unknown bases stay where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tangermeme.ersatz import dinucleotide_shuffle

from decima_core.sequence import from_one_hot


def has_unknown(sequence: torch.Tensor) -> bool:
    """Whether one-hot sequences ``(B, 4, L)`` hold an unknown base, a column of zeros.

    Raises
    ------
    DataError
        For a column that is neither one-hot nor zero.
    """
    return any(bool((from_one_hot(x) == 4).any()) for x in sequence.cpu().numpy())


def references_of(sequence: torch.Tensor) -> Callable[..., torch.Tensor]:
    """tangermeme's own shuffle where every base is known, so that its results are repeated to the digit."""
    return shuffle_known if has_unknown(sequence) else dinucleotide_shuffle


def shuffle_known(sequence: torch.Tensor, n: int = 1, random_state: Any = None) -> torch.Tensor:
    """``n`` shuffles ``(B, n, 4, L)`` of the known bases of each sequence ``(B, 4, L)``, as if the others were cut out.

    tangermeme would move unknown bases about as a fifth letter. Then a position without a base would differ from its
    reference, and what it contributes would be lost with the projection on the observed bases: the values would no
    longer sum to the change of the target.
    """
    shuffled = sequence[:, None].repeat(1, n, 1, 1)
    for x, copies in zip(sequence, shuffled, strict=True):
        known = x.any(0).nonzero()[:, 0]
        if len(known) > 2:  # of fewer, the first and the last stay, and nothing is left
            copies[:, :, known] = dinucleotide_shuffle(x[None, :, known], n=n, random_state=random_state)[0]
    return shuffled
