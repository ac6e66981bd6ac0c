"""Three windows of 40 bases with known scores, and the files of each format that hold them."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from support import random_codes

from decima_core.sequence import one_hot

N, L = 3, 40


@attrs.frozen
class Windows:
    """Codes ``(3, 40)`` with an N in the second, their one-hot, and scores of all four bases ``(3, 4, 40)``."""

    codes: np.ndarray
    one_hot: np.ndarray
    scores: np.ndarray

    def projected(self) -> np.ndarray:
        return self.scores * self.one_hot


@pytest.fixture
def windows() -> Windows:
    codes = random_codes(5, N, L)
    codes[1, 7] = 4
    hot = np.stack([one_hot(row) for row in codes])
    # Whole sixteenths, which float16 holds exactly.
    scores = np.random.default_rng(6).integers(1, 100, (N, 4, L)) / 16
    return Windows(codes, hot.astype(np.int8), scores.astype(np.float32))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECIMA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path
