"""A folder with the run of a small gene file, its hypothetical scores stored; and the command line as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from planted_motifs import LENGTH, Command, write_planted
from support import ROOT

PROGRAM = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); from decima_core.cli import main; main()"


@pytest.fixture(scope="session")
def decima() -> Command:
    """``decima-core`` in a process of its own: ``decima(folder, *arguments)``."""

    def call(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    return call


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, decima: Command) -> Path:
    """Four genes on both strands of a genome; ``results`` with hypothetical scores, ``plain`` without."""
    folder = tmp_path_factory.mktemp("small")
    write_planted(folder / "genes.h5", genes=4, per_gene=2)
    lines = (f"chr1\t{1000 * i}\t{1000 * i + LENGTH}\tG{i}\t0\t{'+-'[i % 2]}\n" for i in range(4))
    (folder / "windows.bed").write_text("".join(lines), encoding="utf-8")
    for output, asked in (("results", "true"), ("plain", "false")):
        done = decima(
            *(
                folder,
                "run",
                "--source",
                "genes.h5",
                "-O",
                "source.loci=windows.bed",
                "--model",
                "planted_motifs:TwoMotifs",
            ),
            *("--transform", "aggregate", "-O", f"method.hypothetical={asked}", "-O", "motifs.names=CTCF"),
            *("--device", "cpu", "--output", output),
        )
        assert done.returncode == 0, done.stderr
    return folder
