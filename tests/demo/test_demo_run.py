"""The whole demo as a newcomer runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest


def demo(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", "demo", "--output", str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_demo_recovers_what_it_planted_and_repeats_itself(tmp_path):
    first, second = demo(tmp_path / "one"), demo(tmp_path / "two")
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    pattern = r"^(recall|precision|placed|named) +([\d.]+)"
    scores = {name: float(value) for name, value in re.findall(pattern, first.stdout, re.M)}
    found = pd.read_csv(tmp_path / "one/found.tsv", sep="\t")
    assert scores["recall"] == round(found.found.mean(), 2)
    assert scores["recall"] >= 0.9
    assert scores["precision"] >= 0.65
    assert scores["placed"] >= 0.9 * found.found.sum()
    assert scores["named"] >= 0.7 * found.found.sum()
    for name in ("found.tsv", "results/peaks.tsv", "results/hits.tsv", "results/peaks.bed", "results/hits.bed"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert second.returncode == 0

    run = json.loads((tmp_path / "one/results/run.json").read_text())
    assert {p["provider"] for p in run["providers"].values()} == {"hdf5", "demo", "input-x-gradient", "scipy", "jaspar"}
    assert found.genome_strand.isin(["+", "-"]).all()

    again = demo(tmp_path / "one")
    assert again.returncode == 1
    assert "already holds a finished run" in again.stderr
    assert "Traceback" not in again.stderr


def test_wrong_options_are_told(tmp_path):
    result = demo(tmp_path / "x", "--genes", "0")
    assert result.returncode == 2
    assert "0 is not in the range" in result.stderr
    assert not (tmp_path / "x").exists()
