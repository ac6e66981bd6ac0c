"""How the scanner is announced, with and without its library."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from decima_core import OptionError, PluginError, Registry
from decima_core.options import build, describe
from decima_jaspar import JasparOptions
from decima_memelite import MemeliteOptions

HEAVY = ("numpy", "scipy", "pandas", "torch", "pyjaspar", "numba", "memelite", "platformdirs")


def test_announcing_imports_nothing_heavy() -> None:
    code = (
        "import sys, decima_memelite; list(decima_memelite.decima_motif_scanners()); decima_memelite.MemeliteOptions();"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_options_are_those_of_jaspar_but_for_the_background() -> None:
    ours = {o.name: o for o in describe(MemeliteOptions)}
    theirs = {o.name: o for o in describe(JasparOptions)}
    assert theirs.keys() - ours.keys() == {"background"}
    assert ours.keys() <= theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"bin_size"}
    assert ours["bin_size"].default == 0.1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p_threshold": 0}, "Option 'p_threshold' of x must be above 0"),
        ({"bin_size": 0}, "must be at least 0.001"),
        ({"region": "gene"}, "must be one of summits, peaks, window"),
    ],
)
def test_bad_options_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build(MemeliteOptions, given, "x")


@pytest.mark.skipif(importlib.util.find_spec("memelite") is not None, reason="the package memelite is installed")
def test_without_its_library_it_says_what_to_install() -> None:
    with pytest.raises(
        PluginError, match=r"needs memelite, which is not installed; pip install 'decima-core\[memelite\]'"
    ):
        Registry.discover().create("motifs", "memelite")
