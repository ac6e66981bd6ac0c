"""A file for HDF5 to write to, on a disk that may be full."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from decima_core.outputs.file_lock import lock


class PatientFile:
    """A binary file that keeps the first failure to write in ``error`` instead of raising it.

    When a write fails, the HDF5 library cannot close its file any more and takes the whole process down. Given this
    object it never sees the failure: whoever writes looks at ``error`` and stops.

    Raises
    ------
    BlockingIOError
        If another process is writing to the file.
    """

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        # Opened without emptying it: until the lock is held it may be another run's.
        path.touch()
        self._file = path.open("r+b", buffering=0)
        try:
            lock(self._file.fileno())
            self._file.truncate(0)
        except BaseException:
            self._file.close()
            raise

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while self.error is None and len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int) -> int:
        try:
            if self.error is None:
                self._file.truncate(size)
        except OSError as error:
            self.error = error
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)

    def flush(self) -> None:
        """Nothing is held back: the file is unbuffered."""

    def close(self) -> None:
        self._file.close()
