"""What the plugin announces, with and without tangermeme."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from decima_core import OptionError, Registry
from decima_core.options import build
from decima_tangermeme import decima_attribution_methods, decima_peak_callers
from decima_tangermeme.options import MutagenesisOptions, SeqletOptions

NAMES = (("method", "deep-lift-shap"), ("method", "saturation-mutagenesis"), ("peaks", "recursive-seqlets"))


def test_the_methods_with_their_claims() -> None:
    claims = {s.name: (s.exact_on_linear, s.complete) for s in decima_attribution_methods()}
    assert claims == {"deep-lift-shap": (False, True), "saturation-mutagenesis": (False, False)}
    assert [s.name for s in decima_peak_callers()] == ["recursive-seqlets"]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_available_or_ready_but_never_broken(kind: str, name: str) -> None:
    found = Registry.discover().get(kind, name)
    installed = importlib.util.find_spec("tangermeme") is not None
    assert found.missing == (() if installed else ("tangermeme",))
    assert found.spec.install == "decima-core[tangermeme]"
    assert installed or "decima-core[tangermeme]" in found.remedy


def test_announcing_leaves_the_heavy_libraries_alone() -> None:
    code = (
        "import sys, decima_tangermeme as d; list(d.decima_attribution_methods()), list(d.decima_peak_callers());"
        "sys.exit(','.join({'torch', 'tangermeme', 'numba', 'numpy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (MutagenesisOptions, {"around_tss": 50, "start": 3}, "give one of them"),
        (MutagenesisOptions, {"start": 30, "end": 30}, "end must be larger"),
        (SeqletOptions, {"min_length": 9, "max_length": 8}, "max_length is 8"),
        (SeqletOptions, {"threshold": 1.5}, "at most 1"),
        (SeqletOptions, {"clip": 0}, "above 0"),
    ],
)
def test_options_that_do_not_fit(cls: type, values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build(cls, values, "it")
