"""q-values: Benjamini & Hochberg (1995)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def q_values(distinct: Floats, rank: Ints, tests: int) -> Floats:
    """q-values ``(H,)`` in (0, 1] of the ``H`` smallest p-values, each above 0, among ``tests`` tests.

    The p-values are ``distinct[rank]``, where ``distinct`` rises. ``q`` is the smallest ``p_j * tests / rank_j`` over the listed p-values
    ``p_j >= p``. With all tests listed these are Benjamini and Hochberg's. With the list cut off above a threshold the ranks stay
    right, because what is missing ranks behind, and a q-value can only be larger: the error is on the safe side.
    """
    at_most = np.cumsum(np.bincount(rank, minlength=len(distinct)))
    listed = at_most > 0  # a p-value below all that are listed is nobody's
    scaled = np.full(len(distinct), np.inf)
    scaled[listed] = distinct[listed] * (tests / at_most[listed])
    q = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return np.asarray(q[rank])


def q_values_by_family(distinct: Floats, rank: Ints, family: Ints, tests: Ints) -> Floats:
    """As :func:`q_values`, each family of tests on its own; ``tests[f]`` is the number of tests of family ``f``."""
    q = np.empty(len(rank))
    order = np.argsort(family, kind="stable")
    families, first = np.unique(family[order], return_index=True)
    for f, rows in zip(families.tolist(), np.split(order, first[1:]), strict=True):
        own, own_rank = np.unique(rank[rows], return_inverse=True)
        q[rows] = q_values(distinct[own], own_rank, int(tests[f]))
    return q
