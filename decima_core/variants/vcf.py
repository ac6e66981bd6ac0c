"""Variants in VCF and BCF files, read by htslib through pysam."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decima_core.errors import DataError
from decima_core.variants.alleles import Variant, spelled

_GZIP = b"\x1f\x8b"
_MAGIC = (b"##fileformat=VCF", b"BCF\x02")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
# No block of bgzip holds more bytes than this.
_BLOCK = 1 << 16
# What is htslib's own is one switch for the whole process.
_VERBOSITY = threading.Lock()


def is_vcf(path: Path) -> bool:
    """Whether a file begins as VCF or BCF does, compressed or not.

    Raises
    ------
    DataError
        If its beginning cannot be read.
    """
    return _head(path).startswith(_MAGIC)


def read_vcf(path: Path) -> Iterator[Variant]:
    """One :class:`Variant` for each alternative allele, in file order; an ALT of ``.`` is one too.

    ``pos`` is POS as the file has it. Sample columns are not looked at. The file is read as variants are asked for, but one
    packed by gzip (not bgzip), in which htslib cannot find its way, is unpacked into a temporary file first.

    Raises
    ------
    DataError
        If the file is no VCF, cannot be read, is cut short, or has a line that is not understood.
    """
    with _readable(path) as readable:
        number = 0
        try:
            with _open(readable, path) as records:
                for record in records:
                    found = _alleles(record, f"record {number + 1} of '{path}'")
                    number += 1
                    yield from found
        except (OSError, ValueError, NotImplementedError, MemoryError) as error:
            raise DataError(_fault(path, readable, number)) from error


def _alleles(record: Any, where: str) -> list[Variant]:
    shared = {"chrom": record.contig, "pos": record.pos, "ref": spelled(record.ref or ""), "id": record.id or ""}
    return [Variant(**shared, alt=spelled(alt), where=where) for alt in record.alts or (".",)]


@contextmanager
def _open(readable: Path, path: Path) -> Iterator[Iterator[Any]]:
    import pysam

    with _VERBOSITY:
        before = pysam.set_verbosity(0)  # htslib would tell of faults on standard error itself
        try:
            # An absolute path, since htslib takes "-" for standard input.
            file = pysam.VariantFile(str(readable.absolute()), drop_samples=True)
        except (OSError, ValueError) as error:
            raise DataError(_not_vcf(path, error)) from error
        finally:
            pysam.set_verbosity(before)
    with file:
        yield _quiet(file)


def _quiet(file: Any) -> Iterator[Any]:
    """The records; htslib says nothing while it reads one."""
    import pysam

    while True:
        with _VERBOSITY:
            before = pysam.set_verbosity(0)
            try:
                record = next(file)
            except StopIteration:
                return
            finally:
                pysam.set_verbosity(before)
        yield record


def _not_vcf(path: Path, error: Exception) -> str:
    head = _head(path)
    if not head:
        return f"The VCF file '{path}' is empty; copy, download or write it again."
    if head.startswith(_BYTE_ORDER_MARK):
        return f"The VCF file '{path}' begins with a byte order mark; save it as UTF-8 without one."
    if not head.startswith(_MAGIC):
        return (
            f"'{path}' is not a VCF file: it does not begin with ##fileformat=VCF. Give a VCF with its header, or a TSV with "
            "chrom, pos, ref, alt."
        )
    if "truncated" in str(error):
        return f"The VCF file '{path}' is cut short: its end is missing; copy, download or write it again."
    return f"The header of the VCF file '{path}' cannot be read; it needs a line #CHROM POS ID REF ALT ... separated by tabs."


def _head(path: Path) -> bytes:
    """The first bytes, unpacked."""
    try:
        with path.open("rb") as raw:
            start = raw.read(64)
            if not start.startswith(_GZIP):
                return start
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) as packed:
                return packed.read(64)
    except _DAMAGED as error:
        raise DataError(
            f"The variants '{path}' are cut short or damaged; copy, download or write the file again."
        ) from error
    except OSError as error:
        raise DataError(f"The variants '{path}' cannot be read: {error.strerror}.") from error


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """A file that htslib can read: the file itself, or a copy of what plain gzip packed, which htslib cannot follow."""
    _head(path)
    if not _is_plain_gzip(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "variants.vcf"
        try:
            with gzip.open(path, "rb") as packed, copy.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
        except _DAMAGED as error:
            raise DataError(
                f"The VCF file '{path}' is cut short or damaged; copy, download or write it again."
            ) from error
        except OSError as error:
            raise DataError(
                f"The VCF file '{path}' cannot be unpacked into a temporary file: {error.strerror}. Make room, or pack it with "
                "bgzip, which needs no such file."
            ) from error
        yield copy


def _is_plain_gzip(path: Path) -> bool:
    with path.open("rb") as raw:
        head = raw.read(18)
    # A bgzip block has an extra field (flag 4) that says so (SAM specification, section 4.1). Without that flag the file's
    # own name may stand there.
    blocks = len(head) == 18 and head[3] & 4 and head[12:14] == b"BC"
    return head.startswith(_GZIP) and not blocks


def _fault(path: Path, readable: Path, number: int) -> str:
    """What is wrong after ``number`` good records, with the line where that can be found."""
    try:
        found = _line_after(readable, number)
    except (OSError, *_DAMAGED):
        found = None
    if found is None:
        return (
            f"The VCF file '{path}' cannot be read beyond record {number:,}: it is cut short or damaged; copy, download or write "
            "it again."
        )
    line, text = found
    if not text.strip():
        return f"Line {line:,} of the VCF file '{path}' is empty; remove the line."
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return f"Line {line:,} of the VCF file '{path}' is not understood: {shown!r}; correct the line, or write the file again."


def _line_after(path: Path, number: int) -> tuple[int, str] | None:
    """The line that follows ``number`` records, and its text; None where there is none, or the file is no text."""
    if _head(path).startswith(b"BCF"):
        return None
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    opened: Any = gzip.open if packed else open
    with opened(path, "rt", encoding="utf-8", errors="replace", newline="\n") as stream:
        seen, in_header = 0, True
        for line, text in enumerate(stream, start=1):
            if in_header:
                in_header = not text.startswith("#CHROM")
            elif seen < number:
                seen += 1
            else:
                stream.read(2 * _BLOCK)  # so that the checksum of the line's own block is held against it
                return line, text.rstrip("\r\n")
    return None
