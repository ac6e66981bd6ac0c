"""Trains the demo's network; seconds on a CPU, repeatable from its seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn


def train(
    network: nn.Module,
    codes: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    progress: Callable[[int, float], None] = lambda epoch, loss: None,
) -> float:
    """Fit ``network`` to ``labels (N, T)`` of ``codes (N, L)`` by mean squared error; returns the last epoch's loss.

    Sequences are shown on either strand at random, which is how the network learns motifs in both orientations. The gene
    mask is given as zeros: expression in the demo does not depend on it.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.from_numpy(codes).long(), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    steps = epochs * (len(x) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=8e-3, total_steps=steps)
    loss = float("nan")
    for epoch in range(epochs):
        losses = []
        for rows in torch.randperm(len(x), generator=generator).split(batch_size):  # type: ignore[no-untyped-call]
            if len(rows) < batch_size:
                continue
            inputs = _inputs(x[rows])
            if torch.rand((), generator=generator) < 0.5:
                inputs = torch.cat([inputs[:, :4].flip(1, 2), inputs[:, 4:].flip(2)], dim=1)
            optimiser.zero_grad()
            error = nn.functional.mse_loss(network(inputs), y[rows])
            error.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(error.item())
        loss = float(np.mean(losses))
        progress(epoch + 1, loss)
    return loss


def _inputs(codes: torch.Tensor) -> torch.Tensor:
    one_hot = nn.functional.one_hot(codes, 4).transpose(1, 2).float()
    return torch.cat([one_hot, torch.zeros(len(codes), 1, codes.shape[1])], dim=1)
