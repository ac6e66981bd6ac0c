"""Whether the results of a gene fit in the same files as those before them, known before the files are written."""

from __future__ import annotations

from collections.abc import Sequence

from decima_core.outputs.attribution_file import Shape
from decima_core.outputs.encoding import EncodedResult
from decima_core.outputs.table_stream import check_columns


class Fit:
    """Learns from the first results what all must have in common."""

    def __init__(self) -> None:
        self._shapes: dict[int, Shape] = {}
        self._columns: dict[tuple[int, str], list[str]] = {}

    def check(self, results: Sequence[EncodedResult]) -> None:
        """Refuse results, one for each target, that do not fit.

        Raises
        ------
        OutputError
            If the window has another length, or a table other columns.
        """
        for number, result in enumerate(results):
            shape = Shape.of(result)
            self._shapes.setdefault(number, shape).check(shape)
            for name, rows in result.tables.items():
                if rows.text:  # a table without rows may lack some columns
                    before = self._columns.setdefault((number, name), list(rows.columns))
                    check_columns(list(rows.columns), before, f"gene '{result.gene}' for {name}")
