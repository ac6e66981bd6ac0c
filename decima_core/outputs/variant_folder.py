"""The output folder of ``decima-core variants``: effects, motif changes, attributions of both alleles, ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy.typing as npt
import pandas as pd

from decima_core.outputs.allele_file import AlleleFile
from decima_core.outputs.manifest import write_manifest
from decima_core.outputs.partial_folder import MANIFEST, PartialFolder
from decima_core.outputs.table_stream import Tables

TABLES = ("effects", "motif_changes")
ALLELES = "alleles.h5"


class VariantFolder:
    """Writes the results of a run over variants, part by part; used as :class:`~decima_core.outputs.run_folder.RunFolder`.

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
        self._folder = PartialFolder(path, files, overwrite=overwrite)
        self.path = self._folder.path
        self._finished = False
        self._tables: dict[str, Tables] = {}
        self._alleles: AlleleFile | None = None
        try:
            with self._folder.explained():
                # First, for it takes the lock by which two runs keep out of each other's way.
                if attribute:
                    self._alleles = AlleleFile(self._folder.partial(ALLELES), metadata)
                for name in names:
                    paths = {kind: self._folder.partial(f"{name}.{kind}") for kind in formats}
                    self._tables[name] = Tables(paths, metadata)
        except BaseException as error:
            if not isinstance(error.__cause__, BlockingIOError):  # the partial files are another run's
                self._discard()
            raise

    def write_effects(self, table: pd.DataFrame) -> None:
        """Append rows of effects."""
        with self._folder.explained():
            self._tables["effects"].append(table, "the variants")

    def write_explanation(
        self, row: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]], motifs: pd.DataFrame
    ) -> None:
        """Append one variant's attributions on the common axis, and its motif changes."""
        assert self._alleles is not None
        with self._folder.explained():
            self._alleles.write(row, columns)
            self._tables["motif_changes"].append(motifs, "the motif changes")

    def write_no_motifs(self, empty: pd.DataFrame) -> None:
        """Give the table of motif changes, which got no row, its columns."""
        with self._folder.explained():
            self._tables["motif_changes"].append(empty, "the motif changes")

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Take over every file, and the manifest last."""
        with self._folder.explained():
            if self._alleles is not None:
                self._alleles.finish()
            for tables in self._tables.values():
                tables.finish()
            write_manifest(self._folder.partial(MANIFEST), manifest)
        self._folder.take_over()
        self._finished = True

    def __enter__(self) -> VariantFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._discard()

    def _discard(self) -> None:
        """Remove the partial files. On a full disk closing fails too, but the first error is the one to tell."""
        for opened in (self._alleles, *self._tables.values()):
            if opened is not None:
                with suppress(OSError):
                    opened.close()
        self._folder.discard()
