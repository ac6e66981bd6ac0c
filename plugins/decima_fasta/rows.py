"""The rows of a gene table, whatever its format: each checked as it is added, so that an error can name its line."""

from __future__ import annotations

import math
import re
from typing import Any

import attrs

from decima_core.errors import DataError

_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")


@attrs.frozen(kw_only=True)
class Row:
    """One gene as its table gives it; intervals are 0-based half-open on the forward strand.

    ``name`` may be shared by several rows, which then go by their ``id``. ``window`` is the interval of the gene's window
    where the table gives it. ``number`` is the line or row, for messages.
    """

    name: str
    id: str
    chrom: str
    start: int
    end: int
    strand: str
    split: str | None
    window: tuple[int, int] | None
    number: int


class Rows:
    """The rows read so far.

    Parameters
    ----------
    title
        The table in the words of error messages, e.g. ``"gene table 'genes.bed'"``.
    unit
        What it is made of: ``"Line"`` or ``"Row"``.
    """

    def __init__(self, title: str, unit: str = "Line") -> None:
        self.title = title
        self.unit = unit
        self.rows: list[Row] = []

    def fail(self, number: int, text: str) -> DataError:
        """The error that a row is wrong; ``text`` continues "Line 3 of the gene table 'x' "."""
        return DataError(f"{self.unit} {number:,} of the {self.title} {text}")

    def interval(self, number: int, start: Any, end: Any, *, one_based: bool = False, of: str = "") -> tuple[int, int]:
        """A checked 0-based half-open interval; ``one_based`` where the table counts from 1 and includes the end.

        ``of`` begins the names of the two columns, e.g. ``"gene_mask_"``.

        Raises
        ------
        DataError
            If one is no whole number, or the interval is empty.
        """
        first, last = whole(start), whole(end)
        if first is None or last is None:
            raise self.fail(number, f"has {of}start '{start}' and {of}end '{end}'; both must be whole numbers.")
        if one_based:
            first -= 1
        if last <= first:
            raise self.fail(
                number, f"has an empty interval, {of}start {start} and {of}end {end}; its end must lie after its start."
            )
        return first, last

    def add(
        self,
        number: int,
        *,
        name: str,
        chrom: str,
        interval: tuple[int, int],
        strand: str,
        id: str = "",
        split: str | None = None,
        window: tuple[int, int] | None = None,
    ) -> None:
        """Check one gene and keep it; without a name it goes by its id.

        Raises
        ------
        DataError
            Naming the line, if a value is missing or wrong.
        """
        start, end = interval
        name = name or id
        if not name:
            raise self.fail(number, "names no gene; give every gene a name.")
        if name.startswith("#") or any(c in name + id for c in "\t\n\r"):
            raise self.fail(
                number, f"names a gene {name!r}; a name must not begin with '#' or hold a tab or a line break."
            )
        if not chrom:
            raise self.fail(number, f"gives gene '{name}' no chromosome.")
        if strand not in ("+", "-"):
            given = f"strand '{strand}'" if strand and strand != "." else "no strand"
            raise self.fail(number, f"gives gene '{name}' {given}; every gene needs strand + or -.")
        if start < 0:
            raise self.fail(number, f"lets gene '{name}' begin before its chromosome, at {start:,} counted from 0.")
        self.rows.append(
            Row(
                name=name,
                id=id,
                chrom=chrom,
                start=start,
                end=end,
                strand=strand,
                split=split,
                window=window,
                number=number,
            )
        )


def whole(value: Any) -> int | None:
    """A whole number of whatever type, or None: text and floats count only where nothing is lost."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    text = text_of(value)
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) and len(text) < 20 else None


def text_of(value: Any) -> str:
    """A value as text; empty where it is missing (None, NaN, pandas' NA)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = str(value).strip()
    return "" if text == "<NA>" else text
