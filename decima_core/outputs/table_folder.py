"""An output folder of plain tables, written part by part, and ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from decima_core.outputs.result_folder import ResultFolder
from decima_core.outputs.table_stream import TextTable


class TableFolder(ResultFolder):
    """Tab-separated files, each with the same header lines."""

    def __init__(
        self, path: str | Path, files: Sequence[str], *, metadata: Mapping[str, str], overwrite: bool = False
    ) -> None:
        super().__init__(path, files, overwrite=overwrite)
        with self.opening():
            self._tables = {name: self.opened(TextTable(self.partial(name), metadata)) for name in files}

    def append(self, name: str, table: pd.DataFrame, what: str) -> None:
        """Write rows to one of the files; ``what`` they are of is named in errors."""
        with self.explained():
            self._tables[name].append(table, what)
