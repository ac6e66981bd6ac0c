"""Variants in VCF and BCF files, read by htslib through pysam."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from decima_core.errors import DataError, first_line
from decima_core.variants.alleles import Variant

_GZIP = b"\x1f\x8b"
# What is htslib's own is one switch for the whole process.
_VERBOSITY = threading.Lock()


def is_vcf(path: Path) -> bool:
    """Whether a file begins as VCF or BCF does, compressed or not."""
    head = _head(path)
    return head.startswith((b"##fileformat=VCF", b"BCF"))


def read_vcf(path: Path) -> Iterator[Variant]:
    """One :class:`Variant` for each alternative allele, in file order; an ALT of ``.`` is one too.

    Raises
    ------
    DataError
        If the file is no VCF, cannot be read, is cut short, or has a line that is not understood.
    """
    with _readable(path) as (name, lines):
        number = 0
        try:
            with _open(name, path) as file:
                for record in file:
                    number += 1
                    yield from _alleles(record, f"record {number} of '{path}'")
        except (OSError, ValueError, NotImplementedError, MemoryError) as error:
            raise DataError(_fault(path, lines, number, error)) from error


def _alleles(record: Any, where: str) -> Iterator[Variant]:
    name = record.id or ""
    for alt in record.alts or (".",):
        yield Variant(
            chrom=record.contig,
            pos=record.pos,
            ref=(record.ref or "").upper(),
            alt=alt if alt.startswith("<") else alt.upper(),
            id=name,
            where=where,
        )


@contextmanager
def _open(name: str, path: Path) -> Iterator[Any]:
    import pysam

    with _VERBOSITY:
        before = pysam.set_verbosity(0)  # htslib would tell of faults on standard error itself
        try:
            file = pysam.VariantFile(name, drop_samples=True)
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
    try:
        head = _head(path)
    except DataError as found:
        return str(found)
    if not head:
        return f"The VCF file '{path}' is empty; copy, download or write it again."
    if not head.startswith((b"##fileformat=VCF", b"BCF")):
        return (
            f"'{path}' is not a VCF file: it does not begin with ##fileformat=VCF. Give a VCF with its header, or a TSV with "
            "chrom, pos, ref, alt."
        )
    if "truncated" in str(error):
        return f"The VCF file '{path}' is cut short: its end is missing; copy, download or write it again."
    return (
        f"The header of the VCF file '{path}' cannot be read ({first_line(error)}); it needs a line #CHROM POS ID REF ALT ... "
        "separated by tabs."
    )


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
    except PermissionError:
        raise DataError(f"The variants '{path}' may not be read; ask for permission to read the file.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"The variants '{path}' are cut short or damaged; copy, download or write the file again."
        ) from error


@contextmanager
def _readable(path: Path) -> Iterator[tuple[str, Path]]:
    """A file that htslib can read: the file itself, or a copy of what plain gzip packed, which htslib cannot follow."""
    _head(path)
    if not _is_plain_gzip(path):
        yield str(path), path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "variants.vcf"
        try:
            with gzip.open(path, "rb") as packed, copy.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"The VCF file '{path}' is cut short or damaged; copy, download or write it again."
            ) from error
        yield str(copy), copy


def _is_plain_gzip(path: Path) -> bool:
    with path.open("rb") as raw:
        head = raw.read(18)
    # A bgzip block says so in its extra field (SAM specification, section 4.1).
    return head.startswith(_GZIP) and head[12:14] != b"BC"


def _fault(path: Path, lines: Path, number: int, error: Exception) -> str:
    """What is wrong after ``number`` good records, with the line where that can be found."""
    advice = "correct the line, or write the file again"
    try:
        found = _line_after(lines, number)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        found = None
    if found is None:
        return (
            f"The VCF file '{path}' cannot be read beyond record {number:,} ({first_line(error)}): it is cut short or damaged; "
            "copy, download or write it again."
        )
    line, text = found
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return f"Line {line:,} of the VCF file '{path}' is not understood: {shown!r}; {advice}."


def _line_after(path: Path, number: int) -> tuple[int, str] | None:
    """The line that follows ``number`` records, and its text; None where there is none, or the file is no text."""
    if _head(path).startswith(b"BCF"):
        return None
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    opened: Any = gzip.open if packed else open
    with opened(os.fspath(path), "rt", encoding="utf-8") as stream:
        seen = 0
        for line, text in enumerate(stream, start=1):
            if text.startswith("#"):
                continue
            if seen == number:
                return line, text.rstrip("\n")
            seen += 1
    return None
