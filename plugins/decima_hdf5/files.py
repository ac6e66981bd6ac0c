"""Opening gene files, with errors that say what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import h5py

from decima_core.errors import DataError, first_line
from decima_core.files import existing_file


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
