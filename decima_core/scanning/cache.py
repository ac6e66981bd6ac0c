"""Files kept between runs: arrays in ``.npz`` that can always be made again.

A cache must never be the reason for a failure: what cannot be read is made anew, what cannot be written is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DIRECTORY_VARIABLE = "DECIMA_CACHE_DIR"

logger = logging.getLogger(__name__)


def cache_path(name: str, key: tuple[object, ...]) -> Path:
    """The file for ``key`` in the cache directory: ``DECIMA_CACHE_DIR`` if set, else the user's own."""
    import platformdirs

    directory = os.environ.get(DIRECTORY_VARIABLE) or platformdirs.user_cache_dir("decima_core")
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    return Path(directory) / f"{name}-{digest}.npz"


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays of a cache file by name; None where there is no such file or it is damaged."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # whatever a damaged file makes zipfile, zlib or numpy raise
        logger.debug("The cache file %s cannot be read and is made again: %s", path, error)
        return None


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a cache file whole or not at all; other processes see the old file or the new, never a part."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".part", delete=False) as file:
            temporary = file.name
            columns: dict[str, Any] = dict(arrays)
            np.savez(file, **columns)
        Path(temporary).replace(path)
    except OSError as error:
        logger.debug("The cache file %s cannot be written; going on without it: %s", path, error)
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
