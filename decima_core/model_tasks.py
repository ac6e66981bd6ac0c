"""The table of a model's tasks: read from a file, and held against the names that the model gives them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from decima_core.anndata_tables import annotation
from decima_core.errors import DataError, ModelError, first_line, near_matches, shorten


def read_task_table(path: str) -> pd.DataFrame:
    """A row for each task, named by the index, in the order of the file.

    ``obs`` of a ``.h5ad`` file, or a TSV (``.csv``: comma-separated) whose first column holds the names of the tasks.

    Raises
    ------
    DataError
        If the file is missing, damaged or empty, or names a task twice.
    """
    table = annotation(path, "obs") if path.lower().endswith(".h5ad") else _read_text(path)
    table.index = table.index.astype(str)
    if not len(table):
        raise DataError(f"The task table '{path}' has no rows; it needs one for each task of the model.")
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise DataError(f"The task table '{path}' has the task '{twice}' twice; give each task a name of its own.")
    return table


def fitted(table: pd.DataFrame, names: Sequence[str], path: str) -> pd.DataFrame:
    """The rows of the table in the order of the model's tasks ``names``; all of them where the model names none.

    Raises
    ------
    ModelError
        If a task of the model has no row.
    """
    if not names:
        return table
    missing = [name for name in names if name not in table.index]
    if missing:
        near = near_matches(missing[0], table.index, 1)
        hint = f" (it has '{near[0]}')" if near else ""
        raise ModelError(
            f"The task table '{path}' lacks {len(missing):,} of the model's {len(names):,} tasks: {shorten(missing, 3)}{hint}; "
            "give the table that the model was trained with."
        )
    return table.loc[list(names)]


def _read_text(path: str) -> pd.DataFrame:
    if not Path(path).is_file():
        raise DataError(f"There is no task table '{path}'; give a .h5ad, .tsv or .csv file.")
    separator = "," if ".csv" in Path(path).name.lower() else "\t"
    try:
        names = pd.read_csv(path, sep=separator, nrows=0).columns[0]
        # Task 001 is not task 1. An empty cell is unknown; a cell type may well be called NA.
        return pd.read_csv(path, sep=separator, index_col=0, dtype={names: str}, keep_default_na=False, na_values=[""])
    except Exception as error:
        raise DataError(f"The task table '{path}' cannot be read: {first_line(error)}.") from error
