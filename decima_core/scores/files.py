"""Opening files of scores, with errors that say what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py

from decima_core.errors import DataError, first_line

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
# Bytes kept of the chunks of each dataset: one chunk may hold many windows, and they are read one by one.
_CHUNK_CACHE = 1 << 25


def head_of(path: Path, what: str, n: int = 8) -> bytes:
    """The first ``n`` bytes of a file, by which it is known."""
    try:
        with path.open("rb") as file:
            return file.read(n)
    except OSError as error:
        raise DataError(f"The {what} '{path}' cannot be read ({first_line(error)}); check its permissions.") from error


def open_hdf5(path: Path) -> h5py.File:
    """A read-only handle of an HDF5 file of scores. Filters of the package hdf5plugin are known where it is installed.

    Raises
    ------
    DataError
        If it is cut short or damaged.
    """
    with suppress(ImportError):  # told by check_filters() where a file needs it
        import hdf5plugin  # noqa: F401 - importing it registers its filters
    try:
        return h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE)
    except OSError as error:
        reason = "it is cut short: its end is missing" if "truncated" in str(error).lower() else first_line(error)
        raise DataError(
            f"The scores '{path}' cannot be opened as HDF5 ({reason}); copy, download or write the file again."
        ) from error


def check_filters(dataset: h5py.Dataset, what: str) -> None:
    """Refuse a dataset that is compressed in a way that is not known here.

    Raises
    ------
    DataError
        Saying what to install.
    """
    properties = dataset.id.get_create_plist()
    for number in range(properties.get_nfilters()):
        filter_id, _, _, name = properties.get_filter(number)
        if not h5py.h5z.filter_avail(filter_id):
            known = name.decode(errors="replace") or f"filter {filter_id}"
            raise DataError(
                f"{what} is compressed with {known}, which HDF5 alone cannot read; pip install 'decima-core[scores]', which brings "
                "hdf5plugin."
            )


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """What HDF5 raises while ``what`` is read becomes a DataError that says what to do."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{what} of '{path}' cannot be read ({first_line(error)}); the file is damaged: copy, download or write it again."
        ) from error
