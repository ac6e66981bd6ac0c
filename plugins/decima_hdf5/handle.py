"""One open HDF5 file for each process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py

from decima_hdf5.files import open_hdf5


class Handle:
    """Opens an HDF5 file when it is first needed, once for each process.

    An HDF5 handle can neither be pickled nor be shared after a fork: pickling leaves it out, and a process that finds
    the handle of its parent opens its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clear()

    def _clear(self) -> None:
        self._file: h5py.File | None = None
        self._pid = 0
        self._datasets: dict[str, h5py.Dataset] = {}

    def file(self) -> h5py.File:
        """The open file of this process.

        Raises
        ------
        DataError
            If the file cannot be opened.
        """
        if self._file is not None and self._pid == os.getpid() and self._file:
            return self._file
        # In a forked child this closes the child's copy only; otherwise HDF5 would hand the parent's file out again.
        self.close()
        self._file = open_hdf5(self.path)
        self._pid = os.getpid()
        return self._file

    def dataset(self, name: str) -> h5py.Dataset:
        """A dataset of the file, kept so that it is looked up once."""
        file = self.file()  # first: it may clear what is kept
        if name not in self._datasets:
            self._datasets[name] = file[name]
        return self._datasets[name]

    def close(self) -> None:
        """Close the file in this process; the next use opens it again. Closing twice does nothing."""
        file = self._file
        self._clear()
        if file is not None and file:
            file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path = state["path"]
        self._clear()
