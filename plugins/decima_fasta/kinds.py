"""What kind of file a genome is, told from its first and last bytes."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from decima_core.errors import DataError, first_line
from decima_fasta.raw import BGZF_END

_TWO_BIT = (b"\x43\x27\x41\x1a", b"\x1a\x41\x27\x43")


def is_bgzipped(path: Path) -> bool:
    """Whether a genome is compressed with bgzip; False where it is plain text.

    Raises
    ------
    DataError
        If it is neither, or does not begin as FASTA does, or is cut short; the message says what it is instead.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - len(BGZF_END), 0))
            tail = file.read()
    except OSError as error:
        raise DataError(f"The genome '{path}' cannot be read ({first_line(error)}); check its permissions.") from None
    if not head:
        raise DataError(f"The genome '{path}' is empty; copy or download it again.")
    if head[:2] != b"\x1f\x8b":
        _check_text(head, path)
        return False
    if not (head[2:3] == b"\x08" and len(head) > 3 and head[3] & 4 and head[12:14] == b"BC"):
        raise DataError(
            f"The genome '{path}' is compressed with gzip, which cannot be read at random; compress it with bgzip "
            f"instead: gunzip -c '{path.name}' | bgzip > '{path.stem}.bgz', or unpack it."
        )
    if tail != BGZF_END:
        raise DataError(
            f"The genome '{path}' is cut short: the mark that ends a bgzipped file is missing; copy or download it again."
        )
    try:
        text = zlib.decompressobj(wbits=31).decompress(head, 1 << 16)
    except zlib.error:
        raise DataError(f"The genome '{path}' is damaged in its first block; copy or download it again.") from None
    if not text:
        raise DataError(f"The genome '{path}' is empty once unpacked; copy or download it again.")
    _check_text(text, path)
    return True


def _check_text(head: bytes, path: Path) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b">") and not head.startswith(b"\xef\xbb\xbf"):
        return
    if start.startswith(b">"):
        what = "begins with a byte-order mark; save it as plain text without one"
    elif start[:4] in _TWO_BIT:
        what = "is a 2bit file; turn it into FASTA with twoBitToFa"
    elif start[:1] == b"<":
        what = "is a web page, not a genome; download the FASTA file again"
    elif start[:1] == b"@":
        what = "looks like FASTQ; give the genome as FASTA"
    else:
        what = "does not begin with '>' as a FASTA file does; give the genome as FASTA"
    raise DataError(f"The genome '{path}' {what}.")
