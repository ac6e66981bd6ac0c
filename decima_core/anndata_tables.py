"""AnnData: the tables of tasks and genes, from an object or a ``.h5ad`` file. The package anndata is optional."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from decima_core.errors import DataError, first_line


def annotation(ad: Any, axis: str) -> pd.DataFrame:
    """``.obs`` (tasks) or ``.var`` (genes) of an AnnData object or a ``.h5ad`` file; a DataFrame as it is.

    Raises
    ------
    DataError
        If the file is missing or damaged, the package anndata is needed and missing, or ``ad`` is something else.
    """
    if isinstance(ad, pd.DataFrame):
        return ad
    if isinstance(ad, (str, os.PathLike)):
        ad = open_anndata(os.fspath(ad))
    found = getattr(ad, axis, None)
    if not isinstance(found, pd.DataFrame):
        raise DataError(f"ad must be an AnnData object or the path of a .h5ad file, not {type(ad).__name__}.")
    return found


def open_anndata(path: str) -> Any:
    """The AnnData object of a file, its values left on the disk where they are dense.

    Raises
    ------
    DataError
        If the file is missing or damaged, or the package anndata is not installed.
    """
    try:
        import anndata
    except ImportError:
        raise DataError(
            f"Reading '{path}' needs the package anndata; install it with: pip install 'decima-core[anndata]'"
        ) from None
    if not Path(path).is_file():
        raise DataError(f"There is no file '{path}'; give the path of a .h5ad file.")
    try:
        return anndata.read_h5ad(path, backed="r")
    except Exception as error:
        raise DataError(f"The AnnData file '{path}' cannot be read ({first_line(error)}); write it again.") from error
