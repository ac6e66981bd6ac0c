"""Says so where values do not sum to the change of the target."""

from __future__ import annotations

import logging

import torch

TOLERANCE = 1e-2
"""The part of the target's change that may be missing before the log says so."""

_ROUNDING = 1e-5


def warn_if_incomplete(
    logger: logging.Logger,
    method: str,
    *,
    delta: torch.Tensor,
    change: torch.Tensor,
    scale: torch.Tensor,
    advice: str,
) -> None:
    """Warn once, of the worst sequence, where values miss the target's change by more than 1 % and by more than rounding.

    Parameters
    ----------
    logger, method
        Who warns, and how the message calls it.
    delta
        Sum of the values minus the change of the target, ``(B,)``.
    change
        The change of the target from the mean baseline, ``(B,)``.
    scale
        Sum of the magnitudes that were added up, ``(B,)``; rounding is measured by it.
    advice
        What may be the cause, and what to do: sentences that end the message.
    """
    if not len(delta):
        return
    excess = delta.abs() - TOLERANCE * change.abs() - _ROUNDING * scale
    worst = int(excess.argmax())
    if not excess[worst] > 0:
        return
    logger.warning(
        "%s: completeness does not hold: the values sum to %.4g where the target changes by %.4g (off by %.4g). %s",
        method,
        float(change[worst] + delta[worst]),
        float(change[worst]),
        float(delta[worst]),
        advice,
    )
