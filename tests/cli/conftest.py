"""A folder with a small gene file, motifs and a model that knows one of them; and the command line, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from support import plant, random_codes, word_ppm, write_gene_file, write_meme

from decima_core.cli import main

WORD = "GATAAGC"
LENGTH = 240
AT = {"SPI1": 90, "CD68": 150, "GATA1": 120}


@attrs.frozen
class Result:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def _files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genes with one GATAAGC each, SPI1 and CD68 in the split test, GATA1 in train; and two motifs."""
    folder = tmp_path_factory.mktemp("files")
    codes = random_codes(3, len(AT), LENGTH)
    for row, at in zip(codes, AT.values(), strict=True):
        plant(row, WORD, at)
    write_gene_file(folder / "genes.h5", codes, names=list(AT), splits=["test", "test", "train"], mask=slice(100, 140))
    write_meme(folder / "motifs.meme", {"M1": word_ppm(WORD), "M2": word_ppm("CATTGTTC")})
    return folder


@pytest.fixture(autouse=True)
def workspace(
    _files: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The current folder, which holds genes.h5 and motifs.meme; the caller's random state is left as found."""
    monkeypatch.setenv("DECIMA_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.chdir(tmp_path)
    for file in _files.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.fixture
def decima(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """``decima-core`` with these arguments: exit status, stdout, stderr."""

    def call(*arguments: object) -> Result:
        state, numpy_state = torch.get_rng_state(), np.random.get_state()
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            torch.set_rng_state(state)
            np.random.set_state(numpy_state)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def run(decima: Callable[..., Result]) -> Callable[..., Result]:
    """``decima-core run`` on the folder's files with the model that knows GATAAG; what is given here goes before."""

    def call(*arguments: object) -> Result:
        tasks = () if "--tasks" in arguments else ("--tasks", "0")
        return decima(
            *("run", "--source", "genes.h5", "--model", "support:MotifDetector", "-O", "motifs.path=motifs.meme"),
            *("--device", "cpu", "-o", "results", *tasks, *arguments),
        )

    return call
