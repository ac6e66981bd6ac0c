"""Every bundled provider passes every check of the kit, at its defaults and at options that matter."""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataset_files import write_labelled
from support import random_codes

from decima_core import Registry
from decima_core.sequence import decode
from decima_core.testing import check_provider, parametrize_with_checks

METHODS = (
    "input-x-gradient",
    "saliency",
    "integrated-gradients",
    "deep-lift",
    "gradient-shap",
    "feature-ablation",
    "captum",
)
NETWORK = {"path": "decima_core.testing.samples:Convolution", "arguments": {"channels": 5}}


@functools.cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def hdf5() -> dict[str, Any]:
    return {"path": str(write_labelled(folder() / "genes.h5", odd=1))}


def fasta() -> dict[str, Any]:
    contigs = {f"chr{i + 1}": decode(codes) for i, codes in enumerate(random_codes(0, 2, 900))}
    (folder() / "genome.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    genes = "chr1\t300\t420\tPLUS\t0\t+\nchr1\t310\t500\tMINUS\t0\t-\nchr2\t20\t60\tSTART\t0\t+\nchr2\t800\t890\tEND\t0\t-\n"
    (folder() / "genes.bed").write_text(genes)
    return {
        "path": str(folder() / "genome.fa"),
        "genes": str(folder() / "genes.bed"),
        "seq_len": "200",
        "upstream": "60",
    }


CASES: tuple[tuple[str, str, Any], ...] = (
    ("source", "hdf5", hdf5),
    ("source", "fasta", fasta),
    ("source", "fasta", lambda: {**fasta(), "edges": "shift"}),
    ("model", "torch", NETWORK),
    ("model", "demo", None),
    *(("method", name, None) for name in METHODS),
    ("method", "integrated-gradients", {"baseline": "shuffle", "n_baselines": "2"}),
    ("method", "feature-ablation", {"window": "3"}),
    ("peaks", "scipy", None),
    ("peaks", "scipy", {"sign": "both", "prominence": "0.1", "number": "none"}),
    ("motifs", "jaspar", None),
    ("motifs", "jaspar", {"region": "window"}),
    ("motifs", "jaspar", {"names": "CTCF,SPI1", "region": "peaks", "window": "41"}),
)


@pytest.mark.parametrize(("kind", "name", "options"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_check_passes(kind: str, name: str, options: Any) -> None:
    # Claims are made for the defaults: shuffles, or three bases at once, are another method.
    other = kind == "method" and options is not None
    expected = {"check_method_exact_on_linear": "not at the defaults"} if other else {}
    if other and name == "integrated-gradients":
        expected["check_method_complete"] = "the baseline is not zero"
    if other and name == "feature-ablation":
        expected["check_method_zero_where_ignored"] = "three bases share what one of them does"
    results = check_provider(kind, name, options() if callable(options) else options, expected_failures=expected)
    assert [f"{r.check}: {r.message}" for r in results if not r.ok] == []
    assert sum(r.outcome == "passed" for r in results) > len(results) / 2


def test_no_bundled_provider_is_left_out() -> None:
    """Those that need an optional package are held to the checks in their own tests, which skip without it."""
    bundled = [p for p in Registry.discover().providers() if p.owner.distribution == "decima-core"]
    ours = {(p.kind.stage, p.spec.name) for p in bundled if not p.spec.requires}
    assert ours == {(kind, name) for kind, name, _ in CASES}
    for provider in bundled:
        if provider.spec.requires:
            tests = Path(__file__).parents[1] / provider.owner.plugin
            named = rf'parametrize_with_checks\(\s*"{provider.kind.stage}",\s*"{provider.spec.name}"'
            assert any(re.search(named, path.read_text(encoding="utf-8")) for path in tests.glob("test_*.py")), named


@parametrize_with_checks("peaks", "scipy")
def test_the_caller_one_check_a_test(check: Callable[[], None]) -> None:
    check()
