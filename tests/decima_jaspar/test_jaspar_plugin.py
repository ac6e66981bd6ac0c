"""How the scanner is announced: light to import, found by the registry, its options checked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import decima_jaspar
from decima_core.errors import OptionError, UnknownNameError
from decima_core.options import build, describe
from decima_core.providers import MotifScanner, MotifScannerSpec
from decima_core.registry import Registry
from decima_jaspar import JasparOptions

HEAVY = ("numpy", "scipy", "pandas", "torch", "pyjaspar", "Bio", "llvmlite", "platformdirs")


def test_announcing_imports_nothing_heavy() -> None:
    code = (
        "import sys, decima_jaspar; list(decima_jaspar.decima_motif_scanners()); decima_jaspar.JasparOptions();"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def registry() -> Registry:
    found = Registry()
    found.register(decima_jaspar, "decima_jaspar")
    assert not found.failures
    return found


def test_the_registry_makes_a_scanner() -> None:
    (spec,) = decima_jaspar.decima_motif_scanners()
    assert isinstance(spec, MotifScannerSpec)
    scanner = registry().create("motifs", "jaspar", names="CTCF", p_threshold="1e-3")
    assert isinstance(scanner, MotifScanner)
    assert {m.name for m in scanner.motifs} == {"CTCF"}


def test_every_option_has_help_in_one_sentence() -> None:
    for info in describe(JasparOptions):
        assert info.help.endswith(".")
        assert "\n" not in info.help


def test_the_defaults() -> None:
    options = JasparOptions()
    assert (options.release, options.collection, options.tax_group) == ("JASPAR2026", "CORE", ("vertebrates",))
    assert (options.p_threshold, options.region, options.window) == (1e-4, "summits", 36)
    assert (options.both_strands, options.background) == (True, (0.25,) * 4)
    assert (options.pseudocount, options.bin_size, options.fdr_over) == (1e-4, 0.01, "all")


def test_options_from_text() -> None:
    options = build(
        JasparOptions, {"background": "0.3, 0.2,0.2,0.3", "names": "CTCF,GATA1::TAL1", "collection": "none"}, "x"
    )
    assert options.background == (0.3, 0.2, 0.2, 0.3)
    assert options.names == ("CTCF", "GATA1::TAL1")
    assert options.collection is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p_threshold": 0}, "Option 'p_threshold' of x must be above 0"),
        ({"p_threshold": 1.5}, "must be at most 1"),
        ({"window": 0}, "must be at least 1"),
        ({"window": 3.5}, "whole number"),
        ({"region": "gene"}, "must be one of summits, peaks, window"),
        ({"fdr_over": "gene"}, "must be one of all, motif"),
        ({"background": (0.5, 0.5)}, "Option 'background' of x must hold four frequencies .*, not 2"),
        ({"background": (0.3, 0.3, 0.3, 0.3)}, "must sum to 1, not 1.2"),
        ({"background": (0.5, 0.5, 0.0, 0.0)}, "must be above 0"),
        ({"pseudocount": 0}, "must be above 0"),
        ({"bin_size": 0}, "must be at least 0.001"),
        ({"both_strands": "perhaps"}, "true or false"),
    ],
)
def test_bad_options_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build(JasparOptions, given, "x")


def test_an_unknown_option_gets_a_near_match() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean p_threshold"):
        build(JasparOptions, {"p_treshold": 1}, "x")
