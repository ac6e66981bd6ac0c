"""The output folder of a run: ``attributions.h5``, the tables of peaks and hits, ``run.json``, perhaps a BigWig."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from decima_core.outputs.attribution_file import AttributionFile
from decima_core.outputs.bed import hits_bed, peaks_bed
from decima_core.outputs.bigwig_file import check_place, write_bigwig
from decima_core.outputs.manifest import write_manifest
from decima_core.outputs.partial_folder import MANIFEST as MANIFEST
from decima_core.outputs.partial_folder import PartialFolder
from decima_core.outputs.table_stream import TextTable
from decima_core.outputs.tables import hits_table, peaks_table
from decima_core.records import Interpretation
from decima_core.scores.bigwig_library import library

TABLES = ("peaks.tsv", "peaks.bed", "hits.tsv", "hits.bed")
ATTRIBUTIONS, BIGWIG = "attributions.h5", "attributions.bw"
FILES = (ATTRIBUTIONS, *TABLES)


class RunFolder:
    """Writes a run's results.

    ``with RunFolder(...) as folder: folder.write(result); folder.finish(manifest)``. Left by an exception, or without
    ``finish``, it removes its partial files, and the folder is as it was before.

    ``bigwig`` asks for ``attributions.bw`` too, and gives the length of each contig where it is known.

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
    ) -> None:
        if bigwig is not None:
            library()
        self._bigwig = bigwig
        self._folder = PartialFolder(path, FILES if bigwig is None else (*FILES, BIGWIG), overwrite=overwrite)
        self.path = self._folder.path
        self._finished = False
        self._metadata = metadata
        self._tables: dict[str, TextTable] = {}
        self._attributions: AttributionFile | None = None
        try:
            with self._folder.explained():
                self._attributions = AttributionFile(self._folder.partial(ATTRIBUTIONS), genes, attributes)
                for name in TABLES:
                    self._tables[name] = TextTable(
                        self._folder.partial(name), metadata, comment_header=name.endswith(".bed")
                    )
        except BaseException as error:
            if not isinstance(error.__cause__, BlockingIOError):  # the partial files are another run's
                self._discard()
            raise

    def write(self, result: Interpretation) -> None:
        """Append one gene to every file."""
        assert self._attributions is not None
        if self._bigwig is not None:
            check_place(result.record)
        with self._folder.explained():
            self._attributions.write(result)
            peaks, hits = peaks_table(result), hits_table(result)
            beds = {"peaks.bed": peaks_bed(peaks), "hits.bed": hits_bed(hits)}
            for name, table in {"peaks.tsv": peaks, "hits.tsv": hits, **beds}.items():
                self._tables[name].append(table, f"gene '{result.record.gene}' for {name}")

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Take over every file, in place of an older run's, and the manifest last."""
        assert self._attributions is not None
        with self._folder.explained():
            self._attributions.close(self._metadata)
            if self._bigwig is not None:
                write_bigwig(self._folder.partial(BIGWIG), self._folder.partial(ATTRIBUTIONS), self._bigwig)
            for table in self._tables.values():
                table.finish()
            write_manifest(self._folder.partial(MANIFEST), manifest)
        self._folder.take_over()
        self._finished = True

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._discard()

    def _discard(self) -> None:
        """Remove the partial files. On a full disk closing fails too, but the first error is the one to tell."""
        for opened in (self._attributions, *self._tables.values()):
            if opened is not None:
                with suppress(OSError):
                    opened.close()
        self._folder.discard()
