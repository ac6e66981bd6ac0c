"""What a benchmark found, as plain values: one JSON file for each area. Seconds are kept as measured, round by round."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

RESULTS = Path(__file__).parent / "results"
OURS = "decima_core"


@attrs.frozen(kw_only=True)
class Target:
    """What was aimed at, beside one contender: so many times better than it, or at most so many times its figure."""

    against: str
    better: float | None = None
    at_most: float | None = None

    def met(self, ratio: float) -> bool:
        """Whether a ratio, ours over theirs, reaches it."""
        return ratio <= (self.at_most if self.better is None else 1 / self.better)  # type: ignore[operator]


@attrs.frozen(kw_only=True)
class Row:
    """One thing that all contenders did.

    Parameters
    ----------
    what
        It, in words.
    figures
        By contender, a figure for each round; those of one round belong together.
    unit
        ``"s"``, ``"bytes"`` or ``"MiB"``. Less is better.
    first
        By contender, the figure of the very first call, with whatever is prepared or compiled in it.
    targets
        What was aimed at.
    note
        What else is to be said, such as how the answers compare.
    """

    what: str
    figures: dict[str, list[float]]
    unit: str = "s"
    first: dict[str, float] = attrs.field(factory=dict)
    targets: tuple[Target, ...] = ()
    note: str = ""

    def median(self, contender: str) -> float:
        return statistics.median(self.figures[contender])

    def ratios(self, contender: str, ours: str = OURS) -> list[float]:
        """Ours over theirs, round by round."""
        return [a / b for a, b in zip(self.figures[ours], self.figures[contender], strict=True)]


@attrs.frozen(kw_only=True)
class Table:
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


@attrs.frozen(kw_only=True)
class Result:
    """All that one run of one area found.

    Parameters
    ----------
    area
        Its name.
    measured
        The day.
    machine
        See :func:`benchmarks.machine.describe`.
    contenders
        By label, the versions that matter.
    settings
        Sizes and counts, in words.
    tables
        What was measured.
    skipped
        Contenders that were not there, and why.
    """

    area: str
    measured: str
    machine: dict[str, Any]
    contenders: dict[str, dict[str, str | None]]
    settings: dict[str, Any]
    tables: tuple[Table, ...]
    skipped: tuple[str, ...] = ()

    def save(self, folder: Path = RESULTS) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.area}.json"
        path.write_text(json.dumps(attrs.asdict(self), indent=1) + "\n", encoding="utf-8")
        return path


def load(path: Path) -> Result:
    """A stored result."""
    values = json.loads(path.read_text(encoding="utf-8"))
    values["tables"] = tuple(Table(title=t["title"], rows=tuple(map(_row, t["rows"]))) for t in values["tables"])
    values["skipped"] = tuple(values["skipped"])
    return Result(**values)


def _row(values: dict[str, Any]) -> Row:
    return Row(**{**values, "targets": tuple(Target(**t) for t in values["targets"])})


def rounded(figures: Sequence[float]) -> list[float]:
    """Four digits are more than a clock is worth."""
    return [float(f"{figure:.4g}") for figure in figures]
