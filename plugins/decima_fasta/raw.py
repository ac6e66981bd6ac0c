"""Bytes of a FASTA file at any place, plain or bgzipped: what the check of an index looks at.

A bgzipped file is a row of gzip blocks of at most 64 KiB of text each; its ``.gzi`` index lists where each begins.
Reading is done here without htslib, so that an index is checked against the file itself.
"""

from __future__ import annotations

import bisect
import os
import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import attrs

BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class DamagedError(Exception):
    """The compressed data are not what the index says. Never leaves the plugin."""


class Raw(Protocol):
    """The text of a FASTA file as a row of bytes."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, end: int) -> bytes:
        """Bytes ``[start, end)``; fewer where the text ends before."""

    def __enter__(self) -> Raw: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Opened:
    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._file_size = os.fstat(self._file.fileno()).st_size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class PlainRaw(_Opened):
    """The bytes of a plain file."""

    @property
    def size(self) -> int:
        return self._file_size

    def read(self, start: int, end: int) -> bytes:
        """Bytes ``[start, end)``."""
        self._file.seek(start)
        return self._file.read(max(end - start, 0))

    def __enter__(self) -> PlainRaw:
        return self


@attrs.frozen
class _Block:
    """One gzip block: its bytes in the file, where its deflated data begin, and the length of its text."""

    packed: int
    data: int
    text: int


class BgzipRaw(_Opened):
    """The text of a bgzipped file, found through its ``.gzi`` index.

    Raises
    ------
    DamagedError
        Here or on reading, if the index does not fit the file.
    """

    def __init__(self, path: Path, gzi: Path) -> None:
        super().__init__(path)
        try:
            self._packed, self._text = _read_gzi(gzi)
            self._kept: tuple[int, bytes] | None = None
            self.size = self._whole()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> BgzipRaw:
        return self

    def _whole(self) -> int:
        """Length of the text; found by walking from the last block listed to the end of the file."""
        at, text = self._packed[-1], self._text[-1]
        while at < self._file_size:
            block = self._block(at)
            at, text = at + block.packed, text + block.text
        if at != self._file_size:
            raise DamagedError("a block reaches beyond the end of the file")
        return text

    def _block(self, at: int) -> _Block:
        self._file.seek(at)
        head = self._file.read(18)
        if len(head) < 18 or head[:4] != b"\x1f\x8b\x08\x04" or head[12:16] != b"BC\x02\x00":
            raise DamagedError(f"no block begins at byte {at:,}")
        extra, packed = struct.unpack("<H", head[10:12])[0], struct.unpack("<H", head[16:18])[0] + 1
        self._file.seek(at + packed - 4)
        length = self._file.read(4)
        if len(length) < 4:
            raise DamagedError(f"the block at byte {at:,} is cut short")
        return _Block(packed=packed, data=12 + extra, text=struct.unpack("<I", length)[0])

    def _content(self, number: int) -> bytes:
        if self._kept is None or self._kept[0] != number:
            at = self._packed[number]
            block = self._block(at)
            self._file.seek(at + block.data)
            try:
                text = zlib.decompress(self._file.read(block.packed - block.data - 8), wbits=-15)
            except zlib.error as error:
                raise DamagedError(f"the block at byte {at:,} cannot be unpacked") from error
            if number + 1 < len(self._text) and len(text) != self._text[number + 1] - self._text[number]:
                raise DamagedError(f"the block at byte {at:,} has another length")
            self._kept = number, text
        return self._kept[1]

    def read(self, start: int, end: int) -> bytes:
        """Bytes ``[start, end)`` of the text."""
        parts = []
        number = bisect.bisect_right(self._text, start) - 1
        while start < min(end, self.size):
            content = self._content(number)
            at = start - self._text[number]
            part = content[at : at + end - start]
            if not part and number + 1 >= len(self._packed):
                raise DamagedError("the index ends before the text")
            parts.append(part)
            start += len(part)
            number += 1
        return b"".join(parts)


def _read_gzi(path: Path) -> tuple[list[int], list[int]]:
    """Where each block begins, in the file and in the text; the first, which the file leaves out, included."""
    content = path.read_bytes()
    if len(content) < 8 or len(content) != 8 + 16 * struct.unpack("<Q", content[:8])[0]:
        raise DamagedError("the .gzi file is damaged")
    numbers = [0, 0, *struct.unpack(f"<{(len(content) - 8) // 8}Q", content[8:])]
    packed, text = numbers[::2], numbers[1::2]
    if sorted(set(packed)) != packed or sorted(text) != text:
        raise DamagedError("the .gzi file is damaged")
    return packed, text
