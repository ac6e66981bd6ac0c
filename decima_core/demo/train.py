"""Trains the demo's network; seconds on a CPU, repeatable from its seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def _one_thread() -> Iterator[None]:
    """The network is too small to gain from threads, and theirs would fight with whatever else the machine does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def train(
    network: nn.Module,
    codes: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
) -> float:
    """Fit ``network`` to ``labels (N, T)`` of ``codes (N, L)`` by mean squared error; returns the last epoch's loss.

    Sequences are shown on either strand at random, which is how the network learns motifs in both orientations, and with a
    random gene mask, which is how it learns that expression in the demo does not depend on where the gene lies.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.from_numpy(codes).long(), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    steps = epochs * (len(x) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=8e-3, total_steps=steps)
    loss = float("nan")
    for _ in range(epochs):
        losses: list[float] = []
        for rows in torch.randperm(len(x), generator=generator).split(batch_size):  # type: ignore[no-untyped-call]
            if len(rows) < batch_size:
                continue
            inputs = _inputs(x[rows], generator)
            if torch.rand((), generator=generator) < 0.5:
                inputs = torch.cat([inputs[:, :4].flip(1, 2), inputs[:, 4:].flip(2)], dim=1)
            optimiser.zero_grad()
            error = nn.functional.mse_loss(network(inputs), y[rows])
            error.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(error.item())
        loss = float(np.mean(losses))
    return loss


def _inputs(codes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One-hot sequence and a mask over a random stretch of it, ``(B, 5, L)``."""
    one_hot = nn.functional.one_hot(codes, 4).transpose(1, 2).float()
    ends = torch.randint(0, codes.shape[1] + 1, (2, len(codes), 1), generator=generator)
    position = torch.arange(codes.shape[1])
    mask = (position >= ends.amin(0)) & (position < ends.amax(0))
    return torch.cat([one_hot, mask[:, None].float()], dim=1)
