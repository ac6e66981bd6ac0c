"""The output folder of a run: written as ``*.partial`` gene by gene, taken over only when the run is complete.

A folder that holds ``run.json`` is a finished run; one without it never is, whatever else lies in it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
FILES = ("attributions.h5", "peaks.tsv", "peaks.bed", "hits.tsv", "hits.bed")


class RunFolder:
    """Writes a run's results.

    ``with RunFolder(...) as folder: folder.write(result); folder.finish(manifest)``. Left by an exception, or without
    ``finish``, it removes its partial files and leaves no manifest.

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
        self._tables: dict[str, TextIO] = {}
        self._metadata = metadata
        self._attributions: AttributionFile | None = None
        with self._explained():
            self.path.mkdir(parents=True, exist_ok=True)
            # Out of the way first: from here on the folder must not look finished.
            (self.path / MANIFEST).unlink(missing_ok=True)
            self._attributions = AttributionFile(self._partial("attributions.h5"), genes, attributes)
            for name in FILES[1:]:
                self._tables[name] = self._partial(name).open("w", encoding="utf-8", newline="")

    def write(self, result: Interpretation) -> None:
        """Append one gene to every file."""
        assert self._attributions is not None
        with self._explained():
            self._attributions.write(result)
            peaks, hits = peaks_table(result), hits_table(result)
            beds = {"peaks.bed": peaks_bed(peaks), "hits.bed": hits_bed(hits)}
            for name, table in {"peaks.tsv": peaks, "hits.tsv": hits, **beds}.items():
                self._append(name, table)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Take over every file and write the manifest last."""
        assert self._attributions is not None
        with self._explained():
            self._attributions.close(self._metadata)
            for stream in self._tables.values():
                stream.close()
            for name in FILES:
                self._partial(name).replace(self.path / name)
            write_manifest(self.path / MANIFEST, manifest)
        self._finished = True

    def _append(self, name: str, table: pd.DataFrame) -> None:
        stream = self._tables[name]
        first = stream.tell() == 0
        if first:
            stream.writelines(f"# {key}: {value}\n" for key, value in self._metadata.items())
        is_bed = name.endswith(".bed")
        if first and is_bed:
            stream.write("#" + "\t".join(table.columns) + "\n")
        # 9 significant digits hold a float32 exactly; p-values need no more.
        table.to_csv(
            stream, sep="\t", index=False, header=first and not is_bed, float_format="%.9g", lineterminator="\n"
        )
        stream.flush()

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
        if self._finished:
            return
        try:
            if self._attributions is not None:
                self._attributions.close()
            for stream in self._tables.values():
                stream.close()
            for name in FILES:
                self._partial(name).unlink(missing_ok=True)
        except OSError as clean_up:
            # On a full disk closing fails too; the first error is the one to tell, and no manifest is there.
            if error is None:
                raise OutputError(_explain(self.path, clean_up)) from clean_up


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse an output folder that is a file, or that holds a finished run unless ``overwrite``."""
    if path.exists() and not path.is_dir():
        raise OutputError(f"The output '{path}' is a file; give a folder with --output.")
    if not overwrite and (path / MANIFEST).exists():
        raise OutputError(
            f"The folder '{path}' already holds a finished run; give another one with --output, or --overwrite to replace it."
        )


def _explain(path: Path, error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
    if full:
        return f"The disk is full: the results cannot be written to '{path}'. Free some space or give another --output."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The results cannot be written to '{path}': permission denied. Give another --output."
    return f"The results cannot be written to '{path}': {error.strerror or error}."
