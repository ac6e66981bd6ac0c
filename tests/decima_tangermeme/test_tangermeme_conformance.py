"""Every check of the kit, against the real tangermeme."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from decima_core.testing import parametrize_with_checks

pytest.importorskip("tangermeme", reason="tangermeme is not installed: pip install 'decima-core[tangermeme]'")

Check = Callable[[], None]


@parametrize_with_checks("method", "deep-lift-shap")
def test_deep_lift_shap(check: Check) -> None:
    check()


@parametrize_with_checks("method", "deep-lift-shap", {"n_shuffles": 3, "internal_batch_size": 2})
def test_deep_lift_shap_of_few_shuffles_one_at_a_time(check: Check) -> None:
    check()


@parametrize_with_checks("method", "saturation-mutagenesis")
def test_saturation_mutagenesis(check: Check) -> None:
    check()


@parametrize_with_checks("method", "saturation-mutagenesis", {"internal_batch_size": 7})
def test_saturation_mutagenesis_few_at_a_time(check: Check) -> None:
    check()


@parametrize_with_checks("peaks", "recursive-seqlets")
def test_recursive_seqlets(check: Check) -> None:
    check()


@parametrize_with_checks("peaks", "recursive-seqlets", {"threshold": 0.01, "sign": "positive", "flank": 3})
def test_recursive_seqlets_at_a_threshold(check: Check) -> None:
    check()


@parametrize_with_checks(
    "peaks",
    "recursive-seqlets",
    {"threshold": 0.01, "clip": None},
    expected_failures={
        "check_peaks_survive_an_outlier": "without clip the outlier stretches the bins until all other bases share one"
    },
)
def test_recursive_seqlets_as_tangermeme_calls_them(check: Check) -> None:
    check()
