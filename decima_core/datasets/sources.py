"""Opening what a dataset is made of: gene files, data sources, tables of genes."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from decima_core.errors import ConfigError, DataError, first_line
from decima_core.providers import DataSource
from decima_core.registry import Registry


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Every plugin installed when it was first asked for."""
    return Registry.discover()


def open_source(genes: Any) -> DataSource:
    """A data source as it is, or the one that reads a file."""
    if isinstance(genes, (str, os.PathLike)):
        path = os.fspath(genes)
        found = registry().for_file("source", path)
        source: DataSource = registry().create("source", found.spec.name, path=path)
        return source
    if isinstance(genes, DataSource):
        return genes
    raise ConfigError(f"A dataset reads a gene file or a data source, not {type(genes).__name__}.")


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
        ad = _read_h5ad(os.fspath(ad))
    found = getattr(ad, axis, None)
    if not isinstance(found, pd.DataFrame):
        raise DataError(f"ad must be an AnnData object or the path of a .h5ad file, not {type(ad).__name__}.")
    return found


def _read_h5ad(path: str) -> Any:
    try:
        import anndata
    except ImportError:
        raise DataError(
            f"Reading '{path}' needs the package anndata; install it with: pip install 'decima-core[anndata]'"
        ) from None
    if not Path(path).is_file():
        raise DataError(f"There is no file '{path}'; give the path of a .h5ad file.")
    try:
        return anndata.read_h5ad(path, backed="r")  # the values stay on the disk
    except Exception as error:
        raise DataError(f"The AnnData file '{path}' cannot be read ({first_line(error)}); write it again.") from error
