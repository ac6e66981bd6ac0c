"""q-values against SciPy's Benjamini-Hochberg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from decima_core.scanning.fdr import q_values, q_values_by_family


def ranked(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(p, return_inverse=True)


def test_equals_scipy_on_a_full_list() -> None:
    p = np.round(np.random.default_rng(0).uniform(1e-6, 1, 500) ** 3, 3).clip(1e-6)  # with ties
    np.testing.assert_allclose(q_values(*ranked(p), len(p)), false_discovery_control(p), rtol=1e-12)


def test_a_cut_list_is_never_below_the_full_one() -> None:
    p = np.random.default_rng(1).uniform(1e-9, 1, 2000) ** 2
    full = false_discovery_control(p)
    cut = p <= 0.05
    q = q_values(*ranked(p[cut]), len(p))
    assert (q >= full[cut] - 1e-15).all()
    assert (q <= 1).all()


def test_families_are_separate() -> None:
    rng = np.random.default_rng(2)
    family = rng.integers(0, 3, 90)
    p = rng.uniform(1e-6, 1, 90)
    q = q_values_by_family(*ranked(p), family, np.bincount(family))
    for f in range(3):
        np.testing.assert_allclose(q[family == f], false_discovery_control(p[family == f]), rtol=1e-12)


@pytest.mark.parametrize("region", ["peaks", "window"])
@pytest.mark.parametrize("fdr_over", ["all", "motif"])
def test_the_scan_corrects_for_every_site_scored(scan: Callable[..., Any], region: str, fdr_over: str) -> None:
    """With p <= 1 every test is a row, so SciPy can say what the q-values must be."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, 150)
    codes[70:73] = 4
    motifs = {f"m{w}": rng.dirichlet([0.5] * 4, size=w).T for w in (3, 6, 6 + 20)}
    motifs["m6 again"] = motifs["m6"]
    options = {"motifs": motifs, "region": region, "fdr_over": fdr_over, "window": 20, "p_threshold": 1.0}
    hits = scan(codes, [60, 65, 120], **options)
    keys = list(zip(hits.motif_id, hits.start.tolist(), hits.strand.tolist(), strict=True))
    unique = {key: i for i, key in enumerate(keys)}  # a site under two peaks is one test
    if region == "peaks":
        assert len(unique) < len(keys)
    rows = np.array(list(unique.values()))
    q_of = dict(zip(keys, hits.q_value.tolist(), strict=True))
    families = [hits.motif_id[rows] == m for m in motifs] if fdr_over == "motif" else [np.ones(len(rows), bool)]
    for mask in families:
        expected = false_discovery_control(hits.p_value[rows][mask])
        np.testing.assert_allclose([q_of[keys[i]] for i in rows[mask]], expected, rtol=1e-9)
