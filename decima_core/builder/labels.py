"""Labels of genes, from AnnData or a table, read a block of genes at a time."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decima_core.anndata_tables import open_anndata
from decima_core.errors import DataError, first_line, shorten

Values = npt.NDArray[np.float32]

# Genes read together: an AnnData file holds a task's values side by side, so that one gene alone costs as much as these.
BLOCK = 64

# What stands in tables for a value that is not known.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None")


class Labels:
    """Values of genes for tasks.

    Parameters
    ----------
    labels
        An AnnData object or ``.h5ad`` file (``obs`` are tasks, ``var`` genes, ``X`` ``(T, N)``), or a table, as DataFrame or TSV or
        CSV file, with a gene a row (its name in the first column, or the index of a DataFrame) and a task a column.

    Raises
    ------
    DataError
        If a file cannot be read, or a gene or task is named twice.
    """

    def __init__(self, labels: Any) -> None:
        self.name = f"'{os.fspath(labels)}'" if isinstance(labels, (str, os.PathLike)) else "the labels"
        self.files: tuple[str, ...] = (os.fspath(labels),) if isinstance(labels, (str, os.PathLike)) else ()
        if isinstance(labels, (str, os.PathLike)):
            path = os.fspath(labels)
            labels = open_anndata(path) if path.lower().endswith(".h5ad") else _read_table(Path(path))
        if isinstance(labels, pd.DataFrame):
            self._matrix: Any = labels.to_numpy()
            self._by_gene = True
            genes, tasks, splits = labels.index, labels.columns, None
        elif all(hasattr(labels, name) for name in ("X", "obs", "var")):
            self._matrix = labels.X
            self._by_gene = False
            genes, tasks = labels.var.index, labels.obs.index
            splits = labels.var.get("dataset")
        else:
            raise DataError(f"Labels are AnnData or a table of genes by tasks, not {type(labels).__name__}.")
        self.tasks = tuple(str(task) for task in tasks)
        self._rows = {str(gene): i for i, gene in enumerate(genes)}
        self._splits = None if splits is None else [str(split) for split in splits]
        for what, names in (("gene", [str(g) for g in genes]), ("task", list(self.tasks))):
            if len(set(names)) < len(names):
                twice = next(name for i, name in enumerate(names) if name in names[:i])
                raise DataError(
                    f"{self.name[0].upper()}{self.name[1:]} name the {what} '{twice}' twice; keep one of them."
                )
        if not self.tasks:
            raise DataError(f"{self.name[0].upper()}{self.name[1:]} hold no task; give a table of genes by tasks.")

    def split(self, gene: str) -> str | None:
        """The split that AnnData's ``.var["dataset"]`` gives a gene; None where there is none."""
        return None if self._splits is None else self._splits[self._rows[gene]]

    def require(self, genes: Sequence[str]) -> None:
        """Refuse genes that have no labels.

        Raises
        ------
        DataError
            Naming some of them.
        """
        lacking = [gene for gene in genes if gene not in self._rows]
        if lacking:
            raise DataError(
                f"{len(lacking):,} of {len(genes):,} genes have no labels in {self.name}: {shorten(lacking, 4)}. Choose the genes "
                "that have some with --genes, or complete the labels."
            )

    def read(self, genes: Sequence[str]) -> Iterator[Values]:
        """Labels ``(T, 1)`` of each gene, in order; a block of genes is held at a time.

        Raises
        ------
        DataError
            If a value is no number, NaN or infinite, naming gene and task.
        """
        for first in range(0, len(genes), BLOCK):
            names = genes[first : first + BLOCK]
            values = self._block(np.array([self._rows[gene] for gene in names]))
            wrong = np.argwhere(~np.isfinite(values))
            if wrong.size:
                gene, task = names[wrong[0][0]], self.tasks[wrong[0][1]]
                raise DataError(
                    f"The label of gene '{gene}' for task '{task}' in {self.name} is NaN or infinite; give a number, or leave the "
                    "gene out."
                )
            yield from values[:, :, None]

    def _block(self, rows: npt.NDArray[np.int64]) -> Values:
        """Values ``(genes, T)``."""
        # A file is read forward: HDF5 takes rising places only.
        order = np.argsort(rows)
        try:
            part = self._matrix[rows[order]] if self._by_gene else self._matrix[:, rows[order]]
            part = part.toarray() if hasattr(part, "toarray") else np.asarray(part)
            values = np.asarray(part, dtype=np.float32)
        except (TypeError, ValueError, OSError) as error:
            raise DataError(f"The values of {self.name} cannot be read as numbers ({first_line(error)}).") from error
        values = values if self._by_gene else values.T
        out: Values = np.empty_like(values)
        out[order] = values
        return out


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"There is no file of labels '{path}'; check the path.")
    separator = "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
    try:
        header, skipped, first = _header(path, separator)
        if first is not None and len(first) != len(header):
            raise DataError(
                f"The first row of the labels '{path}' has {len(first)} values under a header of {len(header)} columns; the header "
                "names the column of genes too."
            )
        # The header is read here and not by pandas, which renames repeated columns. A gene may be called NA; a value may not.
        missing: dict[Any, tuple[str, ...]] = dict.fromkeys(range(1, len(header)), MISSING)
        table = pd.read_csv(
            path,
            sep=separator,
            header=None,
            skiprows=skipped,
            dtype={0: object},
            keep_default_na=False,
            na_values=missing,
        )
        table = pd.DataFrame(columns=range(len(header))) if first is None else table
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=range(len(header)))
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"The labels '{path}' cannot be read: {first_line(error)}.") from error
    table.columns = pd.Index(header)
    return table.set_index(header[0]) if header.count(header[0]) == 1 else table.set_index(table.iloc[:, 0]).iloc[:, 1:]


def _header(path: Path, separator: str) -> tuple[list[str], int, list[str] | None]:
    """The column names, the number of lines up to and with them, and the row after them if there is one.

    Lines before the header that begin with ``# `` or ``##`` are remarks; a ``#`` right before the first name is passed over.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        lines = iter(file)
        for skipped, line in enumerate(lines, start=1):
            if not line.startswith(("# ", "##")) and line.strip():
                header = next(csv.reader([line], delimiter=separator))
                header[0] = header[0].removeprefix("#")
                after = next((row for row in csv.reader(lines, delimiter=separator) if row), None)
                return header, skipped, after
    raise DataError(f"The labels '{path}' are empty; give a header (gene, then a name a task) and a row for each gene.")
