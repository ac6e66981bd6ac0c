"""Several targets of one run: read from a file, and the folder that each one's results go to."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from decima_core.errors import ConfigError, OptionError, UnknownNameError, first_line
from decima_core.options import build
from decima_core.sections import TargetOptions

_SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}
# Names that a run's folder has for itself, and that Windows has for devices.
_TAKEN = {"unfinished", "unfinished.old", "con", "prn", "aux", "nul"}
_LONGEST = 120


def read_targets(path: str | Path) -> dict[str, TargetOptions]:
    """The targets of a file, by name: TOML with a table ``[targets.NAME]`` for each, or TSV or CSV with a row for each.

    A TSV or CSV file has a column ``name``, and columns that are called as the options of a target; a list is separated by commas,
    and an empty cell is the option's default.

    Raises
    ------
    ConfigError
        If the file cannot be read, or names a target twice or none.
    UnknownNameError, OptionError
        For a column that is no option, or a value of the wrong type.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ConfigError(f"The list of targets '{path}' cannot be read: {reason}.") from None
    suffix = file.suffix.lower()
    if suffix == ".toml":
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"'{path}' is not valid TOML: {error}.") from None
        for key in table:
            if key != "targets":
                raise UnknownNameError("table", key, ["targets"], where=f"the list of targets '{path}'")
        tables = table.get("targets", {})
    elif suffix in _SEPARATORS:
        tables = _rows(text, _SEPARATORS[suffix], f"'{path}'")
    else:
        raise ConfigError(f"The list of targets '{path}' must end in .toml, .tsv, .txt or .csv.")
    found = build_targets(tables, f"'{path}'")
    if not found:
        raise ConfigError(f"The list of targets '{path}' is empty; give at least one, with its tasks.")
    return found


def build_targets(tables: Any, where: str) -> dict[str, TargetOptions]:
    """Checked targets out of tables by name; ``where`` names their origin in errors. Raises as :func:`read_targets`."""
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise OptionError(f"'targets' in {where} must be tables, such as [targets.blood] with tasks = [...].")
    found = {str(name): build(TargetOptions, table, f"[targets.{name}] in {where}") for name, table in tables.items()}
    target_folders(found)
    return found


def target_folders(names: Iterable[str]) -> dict[str, str]:
    """The folder of each target: its name, with ``_`` in place of what file systems do not take.

    Raises
    ------
    ConfigError
        If a name leaves nothing, or two names come to the same folder, upper and lower case being one.
    """
    folders: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name in names:
        folder = re.sub(r"[^\w.+-]+", "_", name).strip("._")[:_LONGEST]
        if not folder or folder.lower() in _TAKEN:
            raise ConfigError(
                f"A target cannot be called '{name}', for its results go to a folder of that name; rename it."
            )
        if (other := owners.setdefault(folder.lower(), name)) != name:
            raise ConfigError(
                f"The results of the targets '{other}' and '{name}' would go to one folder, '{folder}'; rename one."
            )
        folders[name] = folder
    return folders


def _rows(text: str, separator: str, where: str) -> dict[str, dict[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter=separator)
    if "name" not in (rows.fieldnames or ()):
        raise ConfigError(f"The list of targets {where} has no column 'name'; its first line must name the columns.")
    tables: dict[str, dict[str, str]] = {}
    for row in rows:
        if None in row or None in row.values():
            raise ConfigError(
                f"The row of target '{row['name']}' in {where} has another number of cells than there are columns."
            )
        name = row.pop("name").strip()
        if name in tables:
            raise ConfigError(f"The target '{name}' is in {where} twice; names must differ.")
        tables[name] = {column: cell for column, cell in row.items() if cell.strip()}
    return tables
