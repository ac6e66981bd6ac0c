"""The output folder of a run: ``attributions.h5``, the tables of peaks and hits, ``run.json``, perhaps a BigWig."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pandas as pd

from decima_core.outputs.attribution_file import AttributionFile
from decima_core.outputs.bigwig_file import write_bigwig
from decima_core.outputs.encoding import EncodedResult
from decima_core.outputs.outcome import GeneFailure
from decima_core.outputs.partial_folder import MANIFEST as MANIFEST
from decima_core.outputs.result_folder import ResultFolder
from decima_core.outputs.table_stream import TextTable
from decima_core.scores.bigwig_library import library

TABLES = ("peaks.tsv", "peaks.bed", "hits.tsv", "hits.bed")
ATTRIBUTIONS, BIGWIG, FAILURES, LOG = "attributions.h5", "attributions.bw", "failures.tsv", "run.log"
FILES = (ATTRIBUTIONS, *TABLES)


class SharedFolder(ResultFolder):
    """What a run tells of all its targets together: ``failures.tsv``, the genes that have no results, and ``run.log``, the ``logs``
    one after the other. ``files`` are those that a subclass writes beside them."""

    def __init__(
        self,
        path: str | Path,
        metadata: Mapping[str, str],
        *,
        files: Sequence[str] = (),
        overwrite: bool = False,
        failures: Sequence[GeneFailure] = (),
        logs: Sequence[Path] = (),
    ) -> None:
        more = {FAILURES: bool(failures), LOG: bool(logs)}
        super().__init__(
            path, (*files, *(name for name, is_written in more.items() if is_written)), overwrite=overwrite
        )
        self._logs = logs
        with self.opening():
            self.open_files()
            if failures:
                table = self.opened(TextTable(self.partial(FAILURES), metadata))
                table.append(pd.DataFrame([attrs.asdict(failure) for failure in failures]), "the failures")

    def open_files(self) -> None:
        """Open the files of a subclass, before all others."""

    def complete(self) -> None:
        """Finish every file, and put the logs together."""
        super().complete()
        if self._logs:
            with self.partial(LOG).open("wb") as whole:
                for log in self._logs:
                    with log.open("rb") as part:
                        shutil.copyfileobj(part, whole)


class RunFolder(SharedFolder):
    """Writes a run's results: ``folder.append(encoded)`` for each of ``genes``, in their order.

    ``bigwig`` asks for ``attributions.bw`` too, and gives the length of each contig where it is known. ``failures`` are the genes that have no results, for ``failures.tsv``; ``logs`` become ``run.log``, one after the other.

    Raises
    ------
    OutputError
        If the folder holds a finished run and ``overwrite`` is false, or cannot be written.
    PluginError
        If a BigWig is asked for and pyBigWig is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        genes: Sequence[str],
        *,
        metadata: Mapping[str, str],
        attributes: Mapping[str, str],
        overwrite: bool = False,
        bigwig: Mapping[str, int | None] | None = None,
        failures: Sequence[GeneFailure] = (),
        logs: Sequence[Path] = (),
    ) -> None:
        if bigwig is not None:
            library()
        self.genes = list(genes)
        self._bigwig, self._metadata, self._attributes = bigwig, metadata, attributes
        files = (*FILES, *([] if bigwig is None else [BIGWIG]))
        super().__init__(path, metadata, files=files, overwrite=overwrite, failures=failures, logs=logs)

    def open_files(self) -> None:
        """Open the attributions and the tables."""
        # First, for it takes the lock by which two runs keep out of each other's way.
        self._attributions = self.opened(
            AttributionFile(self.partial(ATTRIBUTIONS), self.genes, self._attributes, self._metadata)
        )
        self._tables = {
            name: self.opened(TextTable(self.partial(name), self._metadata, comment_header=name.endswith(".bed")))
            for name in TABLES
        }

    def append(self, result: EncodedResult) -> None:
        """Append one gene that is encoded already; with a BigWig its place must be known."""
        with self.explained():
            self._attributions.append(result)
            for name, rows in result.tables.items():
                self._tables[name].append_rows(rows.columns, rows.text, f"gene '{result.gene}' for {name}")

    def complete(self) -> None:
        """Finish every file, and write the BigWig out of the attributions."""
        super().complete()
        if self._bigwig is not None:
            write_bigwig(self.partial(BIGWIG), self.partial(ATTRIBUTIONS), self._bigwig)
