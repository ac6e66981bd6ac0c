"""An output folder of plain tables, written part by part, and ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from decima_core.outputs.manifest import write_manifest
from decima_core.outputs.partial_folder import MANIFEST, PartialFolder
from decima_core.outputs.table_stream import TextTable


class TableFolder:
    """Tab-separated files, each with the same header lines; used as :class:`~decima_core.outputs.run_folder.RunFolder`.

    Raises
    ------
    OutputError
        If the folder holds a finished run and ``overwrite`` is false, or cannot be written.
    """

    def __init__(
        self, path: str | Path, files: Sequence[str], *, metadata: Mapping[str, str], overwrite: bool = False
    ) -> None:
        self._folder = PartialFolder(path, files, overwrite=overwrite)
        self.path = self._folder.path
        self._finished = False
        self._tables: dict[str, TextTable] = {}
        try:
            with self._folder.explained():
                for name in files:
                    self._tables[name] = TextTable(self._folder.partial(name), metadata)
        except BaseException:
            self._discard()
            raise

    def append(self, name: str, table: pd.DataFrame, what: str) -> None:
        """Write rows to one of the files; ``what`` they are of is named in errors."""
        with self._folder.explained():
            self._tables[name].append(table, what)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Take over every file, in place of an older run's, and the manifest last."""
        with self._folder.explained():
            for table in self._tables.values():
                table.finish()
            write_manifest(self._folder.partial(MANIFEST), manifest)
        self._folder.take_over()
        self._finished = True

    def __enter__(self) -> TableFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._discard()

    def _discard(self) -> None:
        """Remove the partial files. On a full disk closing fails too, but the first error is the one to tell."""
        for table in self._tables.values():
            with suppress(OSError):
                table.close()
        self._folder.discard()
