"""Rows are ordered as NumPy's lexsort orders them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core.scanning.ordering import order_of

KEYS = {
    "bool": lambda rng, n: rng.integers(0, 2, n).astype(bool),
    "small": lambda rng, n: rng.integers(-3, 3, n),
    "large": lambda rng, n: rng.integers(-(2**62), 2**62, n),
    "wide": lambda rng, n: rng.choice(np.array([-(2**63), -1, 0, 1, 2**63 - 1]), n),
    "float": lambda rng, n: rng.normal(size=n) * 10.0 ** rng.integers(-300, 300, n),
    "tied float": lambda rng, n: rng.choice([-1.5, -0.0, 0.0, 5e-324, -5e-324, 2.0], n),
}


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 400),
    names=st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_equals_lexsort(seed: int, rows: int, names: list[str]) -> None:
    rng = np.random.default_rng(seed)
    keys = [KEYS[name](rng, rows) for name in names]
    np.testing.assert_array_equal(order_of(*keys), np.lexsort(keys[::-1]))


@pytest.mark.parametrize("rows", [0, 1, 200_000])
def test_many_rows_or_few(rows: int) -> None:
    rng = np.random.default_rng(rows)
    keys = rng.integers(0, 90_000, rows), rng.normal(size=rows)
    np.testing.assert_array_equal(order_of(*keys), np.lexsort(keys[::-1]))
