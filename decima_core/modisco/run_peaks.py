"""The summits that a run called, read back from its ``peaks.tsv``."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from pathlib import Path

from decima_core.errors import DataError, first_line


def read_summits(path: Path, lengths: Mapping[str, int]) -> dict[str, list[int]]:
    """Summits of each gene, largest absolute height first; ``lengths`` are those of the genes' windows.

    Raises
    ------
    DataError
        If the file cannot be read, has other columns, holds a position that is no number or lies outside its window,
        or has peaks of none of the genes.
    """
    found: dict[str, list[tuple[float, int]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = itertools.dropwhile(lambda line: line.startswith("# "), file)
            table = csv.DictReader(lines, delimiter="\t")
            missing = {"gene", "peak", "height"} - set(table.fieldnames or ())
            if missing:
                raise DataError(
                    f"'{path}' has no column '{min(missing)}'; give the peaks.tsv of a run, with gene, peak and height."
                )
            for row in table:
                gene = row["gene"]
                if gene in lengths:
                    found.setdefault(gene, []).append(_summit(row, lengths[gene], path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise DataError(f"The peaks '{path}' cannot be read ({reason}); give the folder of a finished run.") from None
    if not found:
        raise DataError(
            f"There is no peak in '{path}' for any of the {len(lengths):,} genes; call more with a lower -O peaks.z, or take the "
            "genes' windows whole with --windows genes."
        )
    return {gene: [summit for _, summit in sorted(rows)] for gene, rows in found.items()}


def _summit(row: Mapping[str, str | None], length: int, path: Path) -> tuple[float, int]:
    """A row as (minus the absolute height, position), which sorts as wanted."""
    try:
        summit, height = int(row["peak"] or ""), abs(float(row["height"] or ""))
    except ValueError:
        raise DataError(
            f"A peak of gene '{row['gene']}' in '{path}' has position {row['peak']!r} and height {row['height']!r}, which are not "
            "numbers; write the file again."
        ) from None
    if not 0 <= summit < length:
        raise DataError(
            f"A peak of gene '{row['gene']}' in '{path}' lies at {summit:,}, outside its window of {length:,} bases; the peaks "
            "and the attributions are of different runs."
        )
    return -height, summit
