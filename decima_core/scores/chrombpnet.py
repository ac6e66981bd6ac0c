"""Scores in the HDF5 layout of ChromBPNet (``chrombpnet contribs``) and BPNet.

``raw/seq`` one-hot, ``shap/seq`` hypothetical scores, ``projected_shap/seq`` scores times one-hot; each ``(N, 4, L)``. Windows
are cut from the forward strand, whatever the strand of their region.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py

from decima_core.errors import ConfigError, DataError
from decima_core.scores.arrays import ArrayScores, Orientation, places_of
from decima_core.scores.reader import ScoreFacts
from decima_core.scores.regions import Regions
from decima_core.scores.rows import HDF5Rows
from decima_core.scores.windows import OneHot, Sequences

SEQUENCES, HYPOTHETICAL, PROJECTED = "raw/seq", "shap/seq", "projected_shap/seq"


def is_chrombpnet(file: h5py.File) -> bool:
    """Whether an open file has scores in this layout."""
    return any(isinstance(file.get(name), h5py.Dataset) for name in (HYPOTHETICAL, PROJECTED))


def open_chrombpnet(
    file: h5py.File,
    path: Path,
    sequences: Sequences | None,
    regions: Regions | None,
    orientation: Orientation,
    beside: Sequence[str],
) -> ArrayScores:
    """The reader of an open file. Hypothetical scores are taken where there are any, else projected ones; ``beside`` are the
    paths of what else was given.

    Raises
    ------
    DataError
        If there are no sequences, or they do not fit the scores.
    """
    scores = HDF5Rows(file[HYPOTHETICAL if isinstance(file.get(HYPOTHETICAL), h5py.Dataset) else PROJECTED], path)
    has_own = isinstance(file.get(SEQUENCES), h5py.Dataset)
    if sequences is None and not has_own:
        raise DataError(
            f"The scores '{path}' hold no dataset '{SEQUENCES}'; give the one-hot sequences with --sequences."
        )
    if sequences is not None and has_own:
        raise ConfigError(f"The scores '{path}' hold their own sequences, in '{SEQUENCES}'; leave out --sequences.")
    own = sequences if sequences is not None else OneHot(HDF5Rows(file[SEQUENCES], path))
    places = places_of(regions, scores, orientation, forward=True)
    return ArrayScores(
        scores,
        own,
        files=[str(path), *beside],
        facts=ScoreFacts(format="ChromBPNet HDF5"),
        names=getattr(own, "names", None),
        places=places,
        close=file.close,
    )
