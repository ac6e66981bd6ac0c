"""The output folder of ``decima-core variants``: effects, motif changes, attributions of both alleles, ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from decima_core.outputs.allele_file import AlleleFile
from decima_core.outputs.result_folder import ResultFolder
from decima_core.outputs.table_stream import Tables

TABLES = ("effects", "motif_changes")
ALLELES = "alleles.h5"


class VariantFolder(ResultFolder):
    """Writes the results of a run over variants, part by part.

    Parameters
    ----------
    path
        The folder.
    formats
        ``"tsv"``, ``"parquet"`` or both, for every table.
    attribute
        Whether ``motif_changes`` and ``alleles.h5`` are written too.
    metadata
        Header lines of every table.
    overwrite
        Replace a finished run.

    Raises
    ------
    OutputError
        If the folder holds a finished run and ``overwrite`` is false, or cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        formats: Sequence[str],
        attribute: bool,
        metadata: Mapping[str, str],
        overwrite: bool = False,
    ) -> None:
        names = TABLES if attribute else TABLES[:1]
        files = [f"{name}.{kind}" for name in names for kind in formats] + ([ALLELES] if attribute else [])
        super().__init__(path, files, overwrite=overwrite)
        self._alleles: AlleleFile | None = None
        with self.opening():
            # First, for it takes the lock by which two runs keep out of each other's way.
            if attribute:
                self._alleles = self.opened(AlleleFile(self.partial(ALLELES), metadata))
            paths = {name: {kind: self.partial(f"{name}.{kind}") for kind in formats} for name in names}
            self._tables = {name: self.opened(Tables(kinds, metadata)) for name, kinds in paths.items()}

    def write_effects(self, table: pd.DataFrame) -> None:
        """Append rows of effects."""
        with self.explained():
            self._tables["effects"].append(table, "the variants")

    def write_explanation(
        self, row: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]], motifs: pd.DataFrame
    ) -> None:
        """Append one variant's attributions on the common axis, and its motif changes."""
        assert self._alleles is not None
        with self.explained():
            self._alleles.write(row, columns)
            self._tables["motif_changes"].append(motifs, "the motif changes")

    def write_no_motifs(self, empty: pd.DataFrame) -> None:
        """Give the table of motif changes, which got no row, its columns."""
        with self.explained():
            self._tables["motif_changes"].append(empty, "the motif changes")
