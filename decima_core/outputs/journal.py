"""A file that only grows: records one after the other, each whole or not there.

    record: b"gene", bytes of the payload (uint64), CRC-32 of the payload (uint32), the payload; little-endian

A process that is killed as it writes leaves a torn record at the end, which is cut off by whoever opens the file to go on. What was
written is on the disk after a second at the latest, also if the power fails.
"""

from __future__ import annotations

import errno
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from decima_core.errors import DataError
from decima_core.outputs.file_lock import lock
from decima_core.outputs.interrupts import uninterrupted

_HEAD = struct.Struct("<4sQI")
_MAGIC = b"gene"
_SYNC_SECONDS = 1.0


def records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Place and payload of every whole record, up to the first that is not; memory is that of one."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while (payload := _read(file, place, size)) is not None:
            yield place, payload
            place += _HEAD.size + len(payload)


def read_record(path: Path, place: int) -> bytes:
    """The payload of the record at a place.

    Raises
    ------
    DataError
        If it is damaged.
    """
    with path.open("rb") as file:
        payload = _read(file, place, os.fstat(file.fileno()).st_size)
    if payload is None:
        raise DataError(f"The journal '{path}' is damaged at byte {place:,}; --resume computes anew what is lost.")
    return payload


def _read(file: BinaryIO, place: int, size: int) -> bytes | None:
    """The payload at a place, or None where there is no whole record."""
    file.seek(place)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, length, checksum = _HEAD.unpack(head)
    if magic != _MAGIC or place + _HEAD.size + length > size:
        return None
    payload = file.read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None


class Journal:
    """A journal that one process adds to; ``seen`` is called with the place and payload of every record that it holds already.

    Raises
    ------
    OSError
        From any method, if the disk refuses; what was whole before stays whole.
    BlockingIOError
        If another process is adding to it.
    """

    @uninterrupted
    def __init__(self, path: Path, seen: Callable[[int, bytes], None] = lambda place, payload: None) -> None:
        self.path = path
        path.touch()
        self._file = path.open("r+b", buffering=0)
        try:
            lock(self._file.fileno())
            self._end = 0
            for place, payload in records(path):
                seen(place, payload)
                self._end = place + _HEAD.size + len(payload)
            self._file.truncate(self._end)
        except BaseException:
            self._file.close()
            raise
        self._synced = time.monotonic()

    @uninterrupted
    def append(self, payload: bytes) -> int:
        """Add a record; its place."""
        place = self._end
        try:
            self._file.seek(place)
            for part in (_HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload)), payload):
                left = memoryview(part)
                while len(left):
                    left = left[self._file.write(left) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(place)
            raise
        self._end = place + _HEAD.size + len(payload)
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self.sync()
        return place

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # not a file that can be synced
                raise
        self._synced = time.monotonic()

    @uninterrupted
    def close(self) -> None:
        """Close it, with everything on the disk. Closing twice does nothing."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()
