"""Gene tables as pandas DataFrames, as AnnData objects, and as ``.h5ad`` files."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decima_core.errors import DataError, PluginError, first_line
from decima_fasta.columns import add_rows, find_columns, names_a_gene
from decima_fasta.rows import Rows


def is_frame(table: Any) -> bool:
    """Whether this is a DataFrame."""
    return hasattr(table, "iloc") and hasattr(table, "columns")


def is_anndata(table: Any) -> bool:
    """Whether this is an AnnData object, or one like it: its ``var`` is a DataFrame."""
    return is_frame(getattr(table, "var", None))


def read_frame(frame: Any, rows: Rows, *, names_in_index: bool = False) -> None:
    """Add the genes of a DataFrame, in either layout of :mod:`decima_fasta.columns`.

    ``names_in_index`` says that the index holds the genes' names, as in AnnData; else an index of text is used only where
    no column ``gene`` is there.

    Raises
    ------
    DataError
        If a column is missing, or a row is wrong; rows count from 0.
    """
    names = [str(c) for c in frame.columns]
    values: list[Sequence[Any]] = [frame.iloc[:, at].tolist() for at in range(len(names))]
    index = frame.index.tolist()
    if names_in_index:
        names = ["row" if name.lower() == "gene" else name for name in names]
    if names_in_index or (index and all(isinstance(label, str) for label in index)):
        label = str(frame.index.name)
        names.insert(0, label if not names_in_index and names_a_gene(label) else "")
        values.insert(0, index)
    columns = find_columns(names, f"The {rows.title}")
    used = {key: values[at] for key, at in columns.items()}
    add_rows(rows, enumerate(zip(*used.values(), strict=True)), {key: i for i, key in enumerate(used)}, "")


def read_h5ad(path: Path, rows: Rows) -> None:
    """Add the genes of an AnnData file; nothing but its ``var`` is read.

    Raises
    ------
    PluginError
        If anndata is not installed.
    DataError
        If the file is damaged, is no AnnData file, or a row of ``var`` is wrong.
    """
    if importlib.util.find_spec("anndata") is None:
        raise PluginError(
            f"Reading the gene table '{path}' needs anndata, which is not installed: pip install 'decima-core[anndata]'."
        )
    import h5py

    try:
        from anndata.io import read_elem
    except ImportError:  # before anndata 0.11
        from anndata.experimental import read_elem
    try:
        with h5py.File(path, "r") as file:
            var = read_elem(file["var"])
    except Exception as error:  # whatever a damaged file makes h5py or anndata raise
        raise DataError(
            f"The gene table '{path}' cannot be read as an AnnData file ({first_line(error)}); copy or write it again."
        ) from error
    if not is_frame(var):
        raise DataError(f"The gene table '{path}' has a var that is no table; write it again with a newer anndata.")
    read_frame(var, rows, names_in_index=True)
