"""Reading files of scores whole, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from decima_core import open_scores


def read_all(path: str, **given: Any) -> np.ndarray:
    """The values of every window, ``(N, 4, L)``."""
    with open_scores(path, **given) as scores:
        return np.stack([scores.read(name)[1].values for name in scores.names])
