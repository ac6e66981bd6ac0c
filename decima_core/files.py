"""Finding files, with errors that say what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path

from decima_core.errors import DataError, first_line, near_matches


def existing_file(path: str | os.PathLike[str], what: str) -> Path:
    """The absolute path of a file that exists; ``~`` is expanded.

    Parameters
    ----------
    path
        As the user gave it.
    what
        What the file holds, in the words of the error message, e.g. ``"gene file"``.

    Raises
    ------
    DataError
        If there is nothing at the path (the message lists files of similar name), or it is a folder, a pipe or a device, or
        may not be looked at.
    """
    full = Path(path).expanduser().absolute()
    try:
        if full.is_file():
            return full
        if full.is_dir():
            raise DataError(f"The {what} '{full}' is a folder; give the path of a file in it.")
        if full.exists():
            raise DataError(f"The {what} '{full}' is a pipe or a device, which cannot be read twice; give a file.")
        if not full.parent.is_dir():
            raise DataError(f"The {what} '{full}' does not exist, nor does its folder; check the path.")
        names = sorted(p.name for p in full.parent.iterdir() if p.is_file())
    except OSError as error:
        reason = error.strerror or first_line(error)  # without the path, which is told already
        raise DataError(f"The {what} '{full}' cannot be read ({reason}); check its permissions.") from error
    near = near_matches(full.name, names)
    advice = f"did you mean {' or '.join(near)}?" if near else "check the path."
    raise DataError(f"The {what} '{full}' does not exist; {advice}")
