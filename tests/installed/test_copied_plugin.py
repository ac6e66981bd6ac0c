"""A bundled plugin, copied under a name of its own, is what a third party's would be: found, used and recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from gene_files import write_gene_file

from decima_core import Attribution, Registry
from decima_core.registry import DISABLE_VARIABLE, Owner

MOTIF = "CACGTGAC"
MEME = """MEME version 4

ALPHABET= ACGT

MOTIF M1 planted
letter-probability matrix: alength= 4 w= {width}
{rows}
"""


@pytest.fixture
def copied(site: Path, install: Callable[..., None]) -> Path:
    """``decima_scipy_peaks`` as ``copied_peaks`` of ``copied-dist`` 4.2, whose caller is ``copied``."""
    spec = find_spec("decima_scipy_peaks")
    assert spec is not None
    assert spec.origin is not None
    files = {
        f"copied_peaks/{path.name}": path.read_text(encoding="utf-8")
        .replace("decima_scipy_peaks", "copied_peaks")
        .replace('name="scipy"', 'name="copied"')
        for path in Path(spec.origin).parent.glob("*.py")
    }
    install("copied-dist", files, version="4.2")
    return site


def decima_core(site: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop(DISABLE_VARIABLE, None)
    return subprocess.run(
        [sys.executable, "-m", "decima_core", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_copy_is_found_and_works(copied: Path) -> None:
    registry = Registry.discover()
    assert registry.failures == ()
    found = registry.get("peaks", "copied")
    assert found.owner == Owner("copied_peaks", "copied-dist", "4.2")
    values = [[0.0] * 30 for _ in range(4)]
    values[1][12] = 2.0
    attribution = Attribution(gene="SPI1", values=values)  # type: ignore[arg-type]
    copy, original = (registry.create("peaks", name, height=1.0).call(attribution) for name in ("copied", "scipy"))
    assert copy.position.tolist() == original.position.tolist() == [12]
    assert type(registry.create("peaks", "copied")).__module__ == "copied_peaks.caller"


def test_the_command_line_lists_and_shows_the_copy(copied: Path, tmp_path: Path) -> None:
    listed = decima_core(copied, tmp_path, "plugins")
    assert listed.returncode == 0, listed.stderr
    assert "peak caller\tcopied\tcopied_peaks\tcopied-dist 4.2\tready" in listed.stdout.splitlines()
    shown = decima_core(copied, tmp_path, "show", "peaks", "copied")
    assert shown.returncode == 0, shown.stderr
    assert "peak caller of copied_peaks (copied-dist 4.2)" in shown.stdout
    assert "distance\twhole number\t6" in shown.stdout


def test_a_run_uses_the_copy_and_says_so(copied: Path, tmp_path: Path) -> None:
    write_gene_file(tmp_path / "genes.h5", motif=MOTIF)
    rows = "\n".join(" ".join(str(float(base == letter)) for base in "ACGT") for letter in MOTIF)
    (tmp_path / "motifs.meme").write_text(MEME.format(width=len(MOTIF), rows=rows), encoding="utf-8")
    done = decima_core(
        copied,
        tmp_path,
        *("run", "--source", "genes.h5", "--model", "demo", "--tasks", "0", "--genes", "SPI1,MYC", "--device", "cpu"),
        *("--peaks", "copied", "-O", "peaks.z=0", "-O", "peaks.number=4", "-O", "motifs.path=motifs.meme"),
        *("-O", "motifs.region=window", "--output", "out"),
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "peaks.tsv").read_text(encoding="utf-8").splitlines()
    header, *peaks = [line.split("\t") for line in lines if not line.startswith("#")]
    assert {row[header.index("gene")] for row in peaks} == {"SPI1", "MYC"}
    assert 0 < len(peaks) <= 8
    hits = [line for line in (tmp_path / "out" / "hits.tsv").read_text(encoding="utf-8").splitlines() if "M1" in line]
    assert len(hits) >= 2
    manifest = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    recorded = manifest["providers"]["peaks"]
    assert recorded["options"].items() >= {"z": 0.0, "number": 4, "distance": 6}.items()
    del recorded["options"]
    assert recorded == {
        "provider": "copied",
        "plugin": "copied_peaks",
        "distribution": "copied-dist",
        "version": "4.2",
    }
    assert manifest["providers"]["model"]["distribution"] == "decima-core"
