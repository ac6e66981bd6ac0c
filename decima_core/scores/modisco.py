"""Scores as TF-MoDISco reads them: ``.npz`` or ``.npy`` arrays ``(N, 4, L)`` of one-hot sequences and hypothetical scores.

An ``.npz`` file holds one array, of any name, or both as ``one_hot`` and ``attributions``. ``(N, L, 4)`` is understood too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from decima_core.errors import ConfigError, DataError, shorten
from decima_core.scores.arrays import ArrayScores, Orientation, places_of
from decima_core.scores.files import head_of
from decima_core.scores.reader import ScoreFacts
from decima_core.scores.regions import Regions
from decima_core.scores.rows import MemoryRows, Rows, ZippedRows, array_names, unpacked
from decima_core.scores.windows import OneHot, Sequences

ONE_HOT, SCORES = "one_hot", "attributions"
_LONE = "arr_0"
NPY_MAGIC, NPZ_MAGIC = b"\x93NUMPY", b"PK"


def open_modisco(
    path: Path, sequences: Sequences | None, regions: Regions | None, orientation: Orientation, beside: Sequence[str]
) -> ArrayScores:
    """The reader of an array file of scores, with ``sequences`` where it holds none; ``beside`` are their files.

    Raises
    ------
    DataError
        If a file is damaged or holds other arrays, or sequences and scores do not fit each other.
    ConfigError
        If sequences lack, or come twice.
    """
    own = _has_both(path)
    if own and sequences is not None:
        raise ConfigError(f"The scores '{path}' hold their own sequences, in '{ONE_HOT}'; leave out --sequences.")
    if not own and sequences is None:
        raise ConfigError(f"The scores '{path}' hold no sequences; give them with --sequences, one-hot or FASTA.")
    scores = open_array(path, SCORES)
    chosen = OneHot(open_array(path, ONE_HOT)) if sequences is None else sequences
    return ArrayScores(
        scores,
        chosen,
        files=[str(path), *beside],
        facts=ScoreFacts(format="TF-MoDISco arrays"),
        names=getattr(chosen, "names", None),
        places=places_of(regions, scores, orientation, forward=False),
    )


def open_array(path: Path, wanted: str) -> Rows:
    """The array of a ``.npy`` file; of a ``.npz`` file the one called ``wanted``, the only one, or ``arr_0``."""
    if _is_npy(path):
        with unpacked(path):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        return MemoryRows(array, f"The array '{path}'")
    names = array_names(path)
    for name in (wanted, _LONE, *names[: len(names) == 1]):
        if name in names:
            return ZippedRows(path, name)
    raise DataError(
        f"'{path}' holds the arrays {shorten(names)}; save one alone, or both as '{ONE_HOT}' and '{SCORES}'."
    )


def _has_both(path: Path) -> bool:
    return not _is_npy(path) and {ONE_HOT, SCORES} <= set(array_names(path))


def _is_npy(path: Path) -> bool:
    return head_of(path, "array file", len(NPY_MAGIC)) == NPY_MAGIC
