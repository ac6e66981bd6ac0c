"""q-values: Benjamini & Hochberg (1995)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def q_values(p_values: Floats, tests: int) -> Floats:
    """q-values ``(H,)`` in (0, 1] of the ``H`` smallest p-values, each above 0, among ``tests`` tests.

    ``q`` is the smallest ``p_j * tests / rank_j`` over the listed p-values ``p_j >= p``. With all tests listed these
    are Benjamini and Hochberg's. With the list cut off above a threshold the ranks stay right, because what is missing
    ranks behind, and a q-value can only be larger: the error is on the safe side.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * (tests / np.arange(1, len(order) + 1))
    q = np.empty(len(order))
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def q_values_by_family(p_values: Floats, family: Ints, tests: Ints) -> Floats:
    """As :func:`q_values`, each family of tests on its own; ``tests[f]`` is the number of tests of family ``f``."""
    q = np.empty(len(p_values))
    order = np.argsort(family, kind="stable")
    families, first = np.unique(family[order], return_index=True)
    for f, rows in zip(families.tolist(), np.split(order, first[1:]), strict=True):
        q[rows] = q_values(p_values[rows], int(tests[f]))
    return q
