"""Locks on files, by which processes keep out of each other's way; the system drops them when a process ends, however it ends."""

from __future__ import annotations

import errno

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Lock an open file, alone or shared with others that ask for a shared lock, until it is closed.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    """
    if fcntl is not None:
        _flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def _flock(descriptor: int, how: int) -> None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks; then there is nothing to go by.
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise BlockingIOError(errno.EAGAIN, "another run is writing there") from None
