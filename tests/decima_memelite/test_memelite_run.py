"""``decima-core run --motifs memelite`` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import ROOT, plant, random_codes, word_ppm, write_gene_file, write_meme

pytest.importorskip("memelite", reason="the package memelite is not installed")

WORD = "GATAAGCC"
AT = {"SPI1": 90, "CD68": 150}


def test_a_run_names_the_planted_motif_under_the_highest_peak(tmp_path: Path) -> None:
    codes = random_codes(3, len(AT), 240)
    for row, at in zip(codes, AT.values(), strict=True):
        plant(row, WORD, at)
    write_gene_file(tmp_path / "genes.h5", codes, names=list(AT))
    write_meme(tmp_path / "motifs.meme", {"M1": word_ppm(WORD), "M2": word_ppm("CATTGTTC")})
    (tmp_path / "detector.py").write_text(
        f"from support import MotifDetector\n\ndef build():\n    return MotifDetector({WORD!r})\n", encoding="utf-8"
    )
    command = [
        *(sys.executable, "-m", "decima_core", "run", "--source", "genes.h5", "--model", "detector:build"),
        *("--device", "cpu", "--motifs", "memelite", "--tasks", "0"),
        *("-O", "motifs.path=motifs.meme", "-O", "motifs.p_threshold=5e-5"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PYTHONWARNINGS": "default"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    record = json.loads((tmp_path / "results" / "run.json").read_text(encoding="utf-8"))
    assert record["providers"]["motifs"]["provider"] == "memelite"
    hits = pd.read_csv(tmp_path / "results" / "hits.tsv", sep="\t", comment="#")
    best = hits.sort_values("p_value").groupby("gene").first()
    assert best["start"].to_dict() == AT
    assert set(best["motif_id"]) == {"M1"}
    assert set(best["matched_seq"]) == {WORD}
    assert hits["p_value"].between(0, 5e-5, inclusive="right").all()
    assert (hits["q_value"] >= hits["p_value"]).all()


def test_an_option_of_another_scanner_is_refused(tmp_path: Path) -> None:
    write_gene_file(tmp_path / "genes.h5", random_codes(3, 1, 240))
    command = [
        *(sys.executable, "-m", "decima_core", "run", "--source", "genes.h5", "--model", "demo", "--tasks", "0"),
        *("--motifs", "memelite", "-O", "motifs.background=0.3,0.2,0.2,0.3"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no option 'background'" in done.stderr
    assert "memelite" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()
