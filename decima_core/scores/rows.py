"""Rows of an array ``(N, 4, L)`` in a file, read one at a time."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, first_line, shorten
from decima_core.scores.files import check_filters, readable


class Rows(Protocol):
    """An array of windows: ``what`` it is, in the words of errors; how many windows of how many bases; each by its number."""

    what: str
    count: int
    length: int

    def row(self, number: int) -> npt.NDArray[Any]:
        """Window ``number``, ``(4, L)``."""

    def close(self) -> None: ...


def layout(shape: tuple[int, ...], what: str) -> tuple[int, int, bool]:
    """Windows, bases, and whether bases come before channels, of an array of that shape.

    Raises
    ------
    DataError
        If the shape is neither ``(N, 4, L)`` nor ``(N, L, 4)``, or could be both, or holds nothing.
    """
    if len(shape) != 3:
        hint = " Put a single window in an array of one: array[None]." if len(shape) == 2 and 4 in shape else ""
        raise DataError(f"{what} has shape {shape}; it must be (windows, 4, bases).{hint}")
    if shape[1] == shape[2] == 4:
        raise DataError(
            f"{what} has shape {shape}, so it cannot be told which 4 are the bases A, C, G, T; windows must be longer than 4."
        )
    if 4 not in shape[1:]:
        raise DataError(f"{what} has shape {shape}; it must be (windows, 4, bases), with A, C, G, T in this order.")
    turned = shape[1] != 4
    length = shape[1] if turned else shape[2]
    if shape[0] == 0 or length == 0:
        raise DataError(f"{what} has shape {shape}: it is empty; check the program that wrote it.")
    return shape[0], length, turned


def check_numbers(dtype: np.dtype[Any], what: str) -> None:
    """Refuse what are no real numbers: text, records, complex numbers, Python objects (which are never unpickled)."""
    if dtype.kind not in "biuf":
        raise DataError(f"{what} has type {dtype}; it must hold plain numbers, such as float32 or int8.")


class MemoryRows:
    """Rows of an array that is in memory, or mapped from a ``.npy`` file."""

    def __init__(self, array: npt.NDArray[Any], what: str) -> None:
        self.what, self._array = what, array
        check_numbers(array.dtype, what)
        self.count, self.length, self._turned = layout(array.shape, what)

    def row(self, number: int) -> npt.NDArray[Any]:
        """Window ``number``, ``(4, L)``."""
        found = np.asarray(self._array[number])
        return found.T if self._turned else found

    def close(self) -> None:
        """Let go of the array; a mapped file is closed with its last use."""
        self._array = np.empty(0)


class HDF5Rows:
    """Rows of a dataset; the file is closed by who opened it."""

    def __init__(self, dataset: h5py.Dataset, path: Path) -> None:
        self._dataset, self._path = dataset, path
        self.what = f"Dataset '{dataset.name.lstrip('/')}' of '{path}'"
        check_numbers(dataset.dtype, self.what)
        check_filters(dataset, self.what)
        self.count, self.length, self._turned = layout(dataset.shape or (), self.what)

    def row(self, number: int) -> npt.NDArray[Any]:
        """Window ``number``, ``(4, L)``."""
        with readable(self._path, f"Window {number} of dataset '{self._dataset.name.lstrip('/')}'"):
            found = np.asarray(self._dataset[number])
        return found.T if self._turned else found

    def close(self) -> None:
        """Nothing to do."""


class ZippedRows:
    """Rows of one array of a ``.npz`` file, unpacked as they are asked for; in file order each byte is unpacked once."""

    def __init__(self, path: Path, name: str) -> None:
        self.what, self._path = f"Array '{name}' of '{path}'", path
        with unpacked(path):
            self._archive = zipfile.ZipFile(path)
        try:
            self._open(f"{name}.npy")
        except BaseException:
            self._archive.close()
            raise

    def _open(self, member: str) -> None:
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        with unpacked(self._path):
            self._stream = self._archive.open(member)
            shape, by_column, self._dtype = readers[np.lib.format.read_magic(self._stream)](self._stream)
        check_numbers(self._dtype, self.what)
        self.count, self.length, self._turned = layout(shape, self.what)
        if by_column:
            raise DataError(
                f"{self.what} is stored column by column (Fortran order), so no window of it can be read alone; save it with "
                "numpy.ascontiguousarray(...)."
            )
        self._shape, self._first = shape[1:], self._stream.tell()
        self._bytes = int(np.prod(self._shape)) * self._dtype.itemsize

    def row(self, number: int) -> npt.NDArray[Any]:
        """Window ``number``, ``(4, L)``."""
        with unpacked(self._path):
            at = self._first + number * self._bytes
            if (
                self._stream.tell() != at
            ):  # a seek would switch off the checksum that the end of the array is held against
                self._stream.seek(at)
            data = self._stream.read(self._bytes)
        if len(data) != self._bytes:
            raise DataError(f"{self.what} ends before window {number}; the file is damaged: copy or write it again.")
        found = np.frombuffer(data, self._dtype).reshape(self._shape)
        return found.T if self._turned else found

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._archive.close()


@contextmanager
def unpacked(path: Path) -> Iterator[None]:
    """What zip and numpy raise on a damaged file becomes a DataError."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        KeyError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise DataError(
            f"'{path}' is damaged, cut short or no numpy file ({first_line(error)}); copy, download or write it again."
        ) from error


def array_names(path: Path) -> list[str]:
    """The names of the arrays in a ``.npz`` file. Raises DataError if it is damaged or holds none."""
    with unpacked(path), zipfile.ZipFile(path) as archive:
        listed = archive.namelist()
    names = [name.removesuffix(".npy") for name in listed if name.endswith(".npy")]
    if not names:
        raise DataError(f"'{path}' holds no numpy array; it has {shorten(listed) or 'nothing in it'}.")
    return names
