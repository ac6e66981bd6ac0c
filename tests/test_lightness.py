"""The command line answers at once: what it loads is named, not timed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "pysam",
    "pyarrow",
    "anndata",
    "torch",
    "captum",
    "h5py",
    "scipy",
    "pyjaspar",
    "pandas",
    "numpy",
    "llvmlite",
    "safetensors",
    "Bio",
    "memelite",
    "numba",
    "pyBigWig",
    "hdf5plugin",
}
RUN = """
import json, sys
from decima_core.cli import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit as stop:
    assert not stop.code, stop.code
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def modules_after(program: str, *arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["plugins"],
        ["plugins", "--json"],
        ["show", "method", "input-x-gradient"],
        ["show", "source", "hdf5"],
        ["completion", "bash"],
    ],
    ids=" ".join,
)
def test_commands_that_compute_nothing_load_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_after(RUN, json.dumps(arguments))
    assert not HEAVY & loaded
    assert "rich" not in loaded, "tables for a pipe need no rich"
    if arguments[0].startswith("--"):
        assert not {"decima_core.cli.run", "decima_core.registry", "pluggy"} & loaded, "--help imports no command"


def test_importing_the_package_loads_none_of_its_modules() -> None:
    loaded = modules_after("import decima_core, json, sys; print(json.dumps(sorted(sys.modules)))")
    assert {name for name in loaded if name.startswith("decima_core")} == {"decima_core"}
    assert not (HEAVY | {"attrs", "pluggy", "click"}) & loaded


def test_what_a_plugin_imports_from_the_package_is_light() -> None:
    names = "hookimpl, option, options_class, PeakCallerSpec, OptionError, Registry, RunConfig, ScanOptions"
    loaded = modules_after(f"from decima_core import {names}; import json, sys; print(json.dumps(sorted(sys.modules)))")
    assert not HEAVY & loaded
