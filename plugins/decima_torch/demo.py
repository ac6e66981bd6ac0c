"""The demo's network: small enough to train in seconds on a CPU, deep enough to learn motifs."""

from __future__ import annotations

import torch
from torch import nn

from decima_core.models import WrappedModel
from decima_torch import DemoOptions
from decima_torch.weights import load_weights


class DemoNetwork(nn.Module):
    """``(B, 5, L) -> (B, T)``: motif detectors, a ReLU, a dilated mixing layer, and a mean over the window.

    Reads sequence and gene mask; every activation is a module of its own, so that DeepLift's rules apply.
    """

    channels = 5

    def __init__(self, n_tasks: int, filters: int = 32, width: int = 17) -> None:
        super().__init__()
        self.detect = nn.Conv1d(5, filters, width, padding=width // 2)
        self.relu1 = nn.ReLU()
        self.mix = nn.Conv1d(filters, filters, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.head = nn.Linear(filters, n_tasks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.detect(x))
        x = self.relu2(x + self.mix(x))
        # A sum over the window, scaled: one site counts the same wherever it lies and however long the window is.
        return self.head(x.sum(dim=2) / 10)  # type: ignore[no-any-return]


def demo_model(options: DemoOptions) -> WrappedModel:
    """The network with given or seeded random weights; the global random state is left as found."""
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
