"""The demo's network: small enough to train in seconds on a CPU, deep enough to learn motifs."""

from __future__ import annotations

import torch
from torch import nn

from decima_core.errors import ConfigError
from decima_core.models import WrappedModel
from decima_core.weights import load_weights
from decima_torch import DemoOptions


class DemoNetwork(nn.Module):
    """``(B, 5, L) -> (B, T)``: motif detectors with an exponential activation, summed over the window.

    Exponential first-layer activations make detectors learn whole motifs and attributions come out clean (Koo & Ploenzke
    2021, https://doi.org/10.1038/s42256-020-00291-x). Reads sequence and gene mask.
    """

    channels = 5

    def __init__(self, n_tasks: int, filters: int = 24, width: int = 17) -> None:
        super().__init__()
        self.detect = nn.Conv1d(5, filters, width, padding=width // 2)
        self.norm = nn.BatchNorm1d(filters)
        self.head = nn.Linear(filters, n_tasks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Clamped so that no weights whatever can overflow.
        x = self.norm(self.detect(x)).clamp(max=6).exp()
        # A sum over the window, scaled: one site counts the same wherever it lies and however long the window is.
        return self.head(x.sum(dim=2) / 10)  # type: ignore[no-any-return]


def demo_model(options: DemoOptions) -> WrappedModel:
    """The network with given or seeded random weights; the global random state is left as found."""
    if not options.tasks:
        raise ConfigError("The option model.tasks of the model 'demo' is empty; it needs at least one task name.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = DemoNetwork(len(options.tasks))
    if options.weights is not None:
        load_weights(network, options.weights)
    return WrappedModel(
        module=network,
        channels=5,
        tasks=options.tasks,
        name="demo" if options.weights else "demo (random weights)",
        files=() if options.weights is None else (options.weights,),
    )
