"""Every benchmark runs, from a tiny input to its part of the page. What it measures is no matter here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="the folder benchmarks/ is not beside the tests")

from benchmarks import page
from benchmarks.areas import ABOUT
from benchmarks.results import load

ROOT = Path(__file__).parents[2]
SLOW = ("pipeline", "startup")  # they start many programs, or a whole run
WITH_ANNDATA = ("pipeline", "variants", "writing")  # Decima reads a gene's place from AnnData


@pytest.mark.parametrize("area", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in ABOUT])
def test_every_area_runs(area: str, tmp_path: Path) -> None:
    if area in WITH_ANNDATA:
        pytest.importorskip(
            "anndata", reason="the inputs that Decima reads are AnnData: pip install 'decima-core[anndata]'"
        )
    command = [sys.executable, "-m", f"benchmarks.{area}", "--tiny", "--rounds", "1", "--results", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = load(tmp_path / f"{area}.json")
    assert result.tables
    assert done.stdout.strip() == page.section(result).strip()
    assert str(Path.home()) not in page.section(result)


def test_the_page_is_what_is_stored() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(page.stored())


def test_what_is_stored_is_of_known_areas() -> None:
    assert {result.area for result in page.stored()} <= set(ABOUT)


def test_a_tiny_run_does_not_overwrite_what_is_stored() -> None:
    command = [sys.executable, "-m", f"benchmarks.{next(iter(ABOUT))}", "--tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--results" in done.stderr
