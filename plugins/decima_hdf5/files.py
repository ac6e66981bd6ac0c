"""Finding and opening files, with errors that say what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import h5py

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
        If there is nothing at the path (the message lists files of similar name), or it is no file.
    """
    full = Path(path).expanduser().absolute()
    if full.is_file():
        return full
    if full.is_dir():
        raise DataError(f"The {what} '{full}' is a directory; give the path of a file in it.")
    if full.exists():
        raise DataError(f"The {what} '{full}' is not a regular file; give the path of one.")
    if not full.parent.is_dir():
        raise DataError(f"The {what} '{full}' does not exist, nor does its directory; check the path.")
    try:
        near = near_matches(full.name, sorted(p.name for p in full.parent.iterdir() if p.is_file()))
    except OSError:
        near = ()
    advice = f"did you mean {' or '.join(near)}?" if near else "check the path."
    raise DataError(f"The {what} '{full}' does not exist; {advice}")


def open_hdf5(path: Path) -> h5py.File:
    """A new read-only handle of the HDF5 file at ``path``.

    Raises
    ------
    DataError
        If the file is missing, unreadable, not HDF5, cut short or damaged.
    """
    existing_file(path, "gene file")
    try:
        return h5py.File(path, "r")
    except PermissionError:
        raise DataError(f"The gene file '{path}' may not be read; ask for permission to read it.") from None
    except OSError as error:
        message = str(error).lower()
        if "file signature not found" in message:
            raise DataError(
                f"The gene file '{path}' is not an HDF5 file; give one made in the gene HDF5 layout."
            ) from None
        if "truncated" in message:
            raise DataError(
                f"The gene file '{path}' is cut short: its end is missing; copy, download or write it again."
            ) from None
        raise DataError(
            f"The gene file '{path}' cannot be opened ({first_line(error)}); if no other program is writing it, "
            "it is damaged: copy, download or write it again."
        ) from error
