"""What the scanning workers share: inputs read once, and a site as one number."""

import functools

import numpy as np


@functools.cache
def matrices(path):
    """Matrices ``(4, W)`` by name, in order."""
    with np.load(path) as stored:
        return {name: stored[name] for name in sorted(stored.files)}


@functools.cache
def sequences(path):
    """Base codes ``(N, L)``."""
    return np.load(path)


def numbered(sequence, motif, minus, start):
    """Sites as sorted whole numbers, from columns of where and what they are."""
    columns = [np.asarray(column, dtype=np.int64) for column in (sequence, motif, minus, start)]
    sequence, motif, minus, start = columns
    return np.sort(((sequence * 10_000 + motif) * 2 + minus) * (1 << 21) + start)
