"""The table of a model's tracks: what each output is, and what the tasks are called."""

from __future__ import annotations

import fnmatch
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from decima_core.errors import DataError, UnknownNameError, first_line

COLUMNS = ("identifier", "description")


def read_tracks(path: Path, count: int, model: str) -> pd.DataFrame:
    """The table of the ``count`` tracks of ``model``, a track a row, in the model's order; index 0, 1 ...

    A first column without a name, or one called ``index``, numbers the tracks; it may begin at any number, as in the
    tables of second species. Identifiers and descriptions are text, whatever they look like.

    Raises
    ------
    DataError
        If the file cannot be read, lacks the column ``identifier``, has another number of rows, or rows are left out or
        in another order.
    """
    try:
        text = path.read_text(encoding="utf-8")
        separator = "\t" if "\t" in text.partition("\n")[0] else ","
        texts = dict.fromkeys(COLUMNS, str)
        table = pd.read_csv(io.StringIO(text), sep=separator, dtype=texts, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"The table of tracks '{path}' cannot be read ({first_line(error)}); it must be TSV or CSV with a header."
        ) from error
    if "identifier" not in table:
        raise DataError(
            f"The table of tracks '{path}' has no column 'identifier'; it has {', '.join(map(str, table.columns))}."
        )
    if len(table) != count:
        raise DataError(
            f"The table of tracks '{path}' has {len(table):,} rows, and {model} has {count:,} tracks; give the table that "
            "belongs to it."
        )
    first = str(table.columns[0])
    if first == "index" or first.startswith("Unnamed"):
        _check_numbering(table[first], path)
        table = table.rename(columns={first: "index"})
    return table


def _check_numbering(numbers: pd.Series[int], path: Path) -> None:
    expected = pd.RangeIndex(len(numbers)) + (numbers.iloc[0] if pd.api.types.is_integer_dtype(numbers) else 0)
    wrong = [row for row, (a, b) in enumerate(zip(numbers, expected, strict=True)) if a != b]
    if wrong:
        row = wrong[0]
        raise DataError(
            f"The table of tracks '{path}' numbers row {row} as {numbers.iloc[row]}, not {expected[row]}; it must list the "
            "model's tracks in their order, none left out."
        )


def task_names(table: pd.DataFrame, column: str, where: str) -> list[str]:
    """A name for each track: its entry in ``column``; where several have the same, with the track's number, "RNA:liver [7]".

    Raises
    ------
    DataError
        If the column is missing, or a track has no name.
    """
    if column not in table:
        raise DataError(
            f"The table of tracks {where} has no column '{column}'; name the tasks by another: model.names."
        )
    given = [name.strip() for name in table[column]]
    repeated = {name for name, times in Counter(given).items() if times > 1}
    names = [f"{name} [{number}]" if name in repeated else name for number, name in enumerate(given)]
    for number, name in enumerate(given):
        if not name:
            raise DataError(f"The table of tracks {where} has no {column} for track {number}; fill it in.")
    if len(set(names)) < len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise DataError(f"The table of tracks {where} has two tracks called '{twice}'; rename one.")
    return names


def choose_tracks(wanted: Sequence[str], table: pd.DataFrame, where: str) -> list[int]:
    """The numbers of the tracks meant, each once, in the order of the model.

    Each is a track's number, identifier, description or task name (the index of the table), or a pattern of these with
    ``*`` and ``?``. What several tracks are called chooses all of them.

    Raises
    ------
    UnknownNameError
        If one means no track.
    """
    labels = {column: list(table[column]) for column in COLUMNS if column in table}
    labels["name"] = list(table.index)
    chosen: set[int] = set()
    for text in wanted:
        found = {row for column in labels.values() for row, label in enumerate(column) if label == text}
        if not found and text.isdecimal() and int(text) < len(table):
            found = {int(text)}
        if not found and ("*" in text or "?" in text):
            pattern = text.replace("[", "[[]")  # brackets stand in names, and mean themselves
            found = {
                row
                for column in labels.values()
                for row, label in enumerate(column)
                if fnmatch.fnmatchcase(label.casefold(), pattern.casefold())
            }
        if not found:
            known = dict.fromkeys(label for column in labels.values() for label in column)
            raise UnknownNameError("track", text, known, where=where)
        chosen |= found
    return sorted(chosen)
