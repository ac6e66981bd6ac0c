"""Random shifts that depend on the seed, the epoch and the item alone.

:func:`drawn` is a pure function, so an item is the same whichever worker makes it, in whatever order. What is left is to
know the epoch. :class:`Draws` counts: the first time that an item is asked for is its epoch 0, the second its epoch 1,
and so on. The counts lie in memory that every process of a ``DataLoader`` shares, so they are the same for any number
of workers, forked or spawned, persistent or not. Only where a sampler names an item twice in a pass is it up to the
workers which of its two windows comes first; there the epoch should be set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from decima_core.datasets.numbers import whole

_WORD = 0xFFFFFFFF


def drawn(seed: int, epoch: int, item: int, choices: int) -> int:
    """A number from 0 to ``choices - 1``, each as likely, fixed by ``seed``, ``epoch`` and ``item``.

    The same on every machine and with every version of NumPy: ``SeedSequence`` is part of what NumPy keeps stable.
    """
    # Two words each, so that no two pairs of epoch and item read alike.
    key = (epoch & _WORD, epoch >> 32, item & _WORD, item >> 32)
    word = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0]
    return int(word) % choices


class Draws:
    """The random choices of a dataset's items.

    Parameters
    ----------
    seed
        Whole number, 0 or more.
    items
        Number of items.
    choices
        Number of things to choose from for each item.
    """

    def __init__(self, seed: int, items: int, choices: int) -> None:
        self.seed = seed
        self.choices = choices
        self._fixed = torch.full((1,), -1, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._asked = torch.zeros(items, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int | None) -> None:
        """Use this epoch for every item from now on, in every process; None to count again, from where counting was.

        Raises
        ------
        ConfigError
            If the epoch is not a whole number, 0 or more.
        """
        self._fixed[0] = -1 if epoch is None else whole("epoch", epoch)

    def choice(self, item: int, epoch: int | None = None) -> int:
        """The choice for an item in an epoch: the one given, else the one set, else the next by count."""
        if epoch is None:
            epoch = int(self._fixed[0])
        if epoch < 0:
            epoch = int(self._asked[item])
            self._asked[item] += 1
        return drawn(self.seed, epoch, item, self.choices)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A worker process is handed the shared memory itself; a copy made by pickle or deepcopy gets its own.
        self.__dict__.update(state)
        self._fixed.share_memory_()
        self._asked.share_memory_()
