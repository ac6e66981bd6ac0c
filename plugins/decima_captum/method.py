"""What all captum methods share beyond :class:`~decima_core.methods.Method`: silence, and where the mask goes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch

from decima_core.methods import Method
from decima_core.providers import Scores

_CAPTUM_WARNINGS = (
    r"\s*Setting forward, backward hooks and attributes",
    r"Setting backward hooks on ReLU activations",
    r"Input Tensor \d+ did not already require gradients",
    r"An invalid module .* is detected\. Saved gradients will",  # captum < 0.6, of max pooling, which it then handles
)


class CaptumMethod(Method):
    """Base of the methods; a subclass computes ``scores`` of checked, private copies."""

    def attribute(self, target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> Scores:
        """As :meth:`decima_core.methods.Method.attribute`, without captum's notices."""
        with quiet():
            return super().attribute(target, sequence, mask)


def forward_args(mask: torch.Tensor | None) -> tuple[torch.Tensor, ...] | None:
    """The mask as captum's ``additional_forward_args``; None, so that nothing is passed, where there is no mask."""
    return None if mask is None else (mask,)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the notices captum gives of its ordinary working; anything else is let through."""
    with warnings.catch_warnings():
        for message in _CAPTUM_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield
