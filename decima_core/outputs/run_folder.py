"""The output folder of a run: written as ``*.partial`` gene by gene, taken over only when the run is complete.

A folder that holds ``run.json`` is a finished run; one without it never is, whatever else lies in it. A run that is to
replace an older one leaves it alone until the very end, so a failure costs nothing.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import pandas as pd

from decima_core.errors import OutputError
from decima_core.outputs.attribution_file import AttributionFile
from decima_core.outputs.bed import hits_bed, peaks_bed
from decima_core.outputs.manifest import write_manifest
from decima_core.outputs.tables import hits_table, peaks_table
from decima_core.records import Interpretation

MANIFEST = "run.json"
TABLES = ("peaks.tsv", "peaks.bed", "hits.tsv", "hits.bed")
FILES = ("attributions.h5", *TABLES)


class RunFolder:
    """Writes a run's results.

    ``with RunFolder(...) as folder: folder.write(result); folder.finish(manifest)``. Left by an exception, or without
    ``finish``, it removes its partial files, and the folder is as it was before.

    Raises
    ------
    OutputError
        If the folder holds a finished run and ``overwrite`` is false, or cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        genes: Sequence[str],
        *,
        metadata: Mapping[str, str],
        attributes: Mapping[str, str],
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        check_free(self.path, overwrite)
        self._finished = False
        self._made_folder = not self.path.exists()
        self._tables: dict[str, TextIO] = {}
        self._headers: dict[str, list[str]] = {}
        self._empty: dict[str, pd.DataFrame] = {}
        self._metadata = metadata
        self._attributions: AttributionFile | None = None
        try:
            with self._explained():
                self.path.mkdir(parents=True, exist_ok=True)
                self._attributions = AttributionFile(self._partial("attributions.h5"), genes, attributes)
                for name in TABLES:
                    self._tables[name] = self._partial(name).open("w", encoding="utf-8", newline="")
        except BaseException as error:
            if not isinstance(error.__cause__, BlockingIOError):  # the partial files are another run's
                self._discard()
            raise

    def write(self, result: Interpretation) -> None:
        """Append one gene to every file."""
        assert self._attributions is not None
        with self._explained():
            self._attributions.write(result)
            peaks, hits = peaks_table(result), hits_table(result)
            beds = {"peaks.bed": peaks_bed(peaks), "hits.bed": hits_bed(hits)}
            for name, table in {"peaks.tsv": peaks, "hits.tsv": hits, **beds}.items():
                self._append(name, table, result.record.gene)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Take over every file, in place of an older run's, and the manifest last."""
        assert self._attributions is not None
        with self._explained():
            for name, table in self._empty.items():
                if name not in self._headers:
                    self._write_header(name, table)
            self._attributions.close(self._metadata)
            for stream in self._tables.values():
                stream.close()
            write_manifest(self._partial(MANIFEST), manifest)
            # All that can fill a disk is done. While old and new files may lie side by side, there is no manifest.
            (self.path / MANIFEST).unlink(missing_ok=True)
            for name in (*FILES, MANIFEST):
                self._partial(name).replace(self.path / name)
        self._finished = True

    def _append(self, name: str, table: pd.DataFrame, gene: str) -> None:
        # A gene without peaks may lack the extra columns of a caller: the first gene with rows decides on the header.
        if table.empty:
            self._empty.setdefault(name, table)
            return
        if name not in self._headers:
            self._write_header(name, table)
        if list(table.columns) != self._headers[name]:
            differing = sorted(set(table.columns) ^ set(self._headers[name])) or list(table.columns)
            raise OutputError(
                f"The rows of gene '{gene}' for {name} have other columns than those of the genes before it "
                f"({', '.join(differing)}); a peak caller must give every gene the same ones."
            )
        stream = self._tables[name]
        # 9 significant digits hold a float32 exactly; p-values need no more.
        table.to_csv(stream, sep="\t", index=False, header=False, float_format="%.9g", lineterminator="\n")
        stream.flush()

    def _write_header(self, name: str, table: pd.DataFrame) -> None:
        stream = self._tables[name]
        stream.writelines(f"# {key}: {value}\n" for key, value in self._metadata.items())
        stream.write(("#" if name.endswith(".bed") else "") + "\t".join(table.columns) + "\n")
        self._headers[name] = list(table.columns)

    def _partial(self, name: str) -> Path:
        return self.path / f"{name}.partial"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(_explain(self.path, error)) from error

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
        for name in (*FILES, MANIFEST):
            with suppress(OSError):
                self._partial(name).unlink(missing_ok=True)
        if self._made_folder:
            with suppress(OSError):
                self.path.rmdir()


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse an output folder that is a file, or that holds a finished run unless ``overwrite``."""
    try:
        is_file, is_run = path.exists() and not path.is_dir(), (path / MANIFEST).exists()
    except OSError as error:
        raise OutputError(_explain(path, error)) from error
    if is_file:
        raise OutputError(f"The output '{path}' is a file; give a folder with --output.")
    if is_run and not overwrite:
        raise OutputError(
            f"The folder '{path}' already holds a finished run; give another one with --output, or --overwrite to replace it."
        )


def _explain(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: the results cannot be written to '{path}'. Free some space or give another --output."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The results cannot be written to '{path}': permission denied. Give another --output."
    return f"The results cannot be written to '{path}': {error.strerror or error}. Give another --output."
