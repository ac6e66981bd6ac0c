"""A genome's bases by place, read through one open FASTA file for each process."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pysam

from decima_core.errors import DataError, UnknownNameError, first_line
from decima_core.files import existing_file
from decima_core.sequence import N_CODE, Codes, encode
from decima_fasta.indexing import quiet, sound_index

_PROTEIN_ONLY = frozenset("EFILPQZ*")
_PEEK_CONTIGS, _PEEK_BASES = 20, 200


@attrs.define(eq=False)
class _Open:
    """What one process holds; the lock is for its threads, which share a file position."""

    file: Any
    pid: int
    lengths: dict[str, int]
    lock: Any = attrs.field(factory=threading.Lock)


class Genome:
    """A FASTA file, plain or bgzipped, read at random.

    It is opened, and its index checked or made, when first used. A pickled copy and a forked process open the file for
    themselves; threads take turns.

    Parameters
    ----------
    path
        The FASTA file.

    Raises
    ------
    DataError
        If the file does not exist; on first use, if it is no FASTA file, is damaged or cut short.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = existing_file(path, "genome")
        self._held: _Open | None = None

    def __repr__(self) -> str:
        return f"Genome({str(self.path)!r})"

    def _open(self) -> _Open:
        held = self._held
        if held is None or held.pid != os.getpid():
            self._held = held = self._opened()
            self._check_letters(held)
        return held

    def _opened(self) -> _Open:
        existing_file(self.path, "genome")
        index = sound_index(self.path)
        try:
            with quiet():
                file = pysam.FastaFile(
                    str(self.path),
                    filepath_index=str(index.fai),
                    filepath_index_compressed=None if index.gzi is None else str(index.gzi),
                )
        except (OSError, ValueError) as error:
            raise DataError(
                f"The genome '{self.path}' cannot be opened ({first_line(error)}); copy or download it again."
            ) from error
        return _Open(file, os.getpid(), {c.name: c.length for c in index.contigs})

    def _check_letters(self, held: _Open) -> None:
        """A look at the first bases, so that a file of proteins is refused at once and in plain words."""
        for name in list(held.lengths)[:_PEEK_CONTIGS]:
            letters = self._letters(held, name, 0, min(_PEEK_BASES, held.lengths[name])).upper()
            if not _PROTEIN_ONLY.isdisjoint(letters):
                self._held = None
                held.file.close()
                raise DataError(
                    f"The genome '{self.path}' looks like a file of proteins: its '{name}' begins {letters[:20]}; give the "
                    "FASTA file of the genome's DNA."
                )

    def contigs(self) -> dict[str, int]:
        """Length of each contig by name, in the order of the index."""
        return dict(self._open().lengths)

    def codes(self, chrom: str, start: int, end: int) -> Codes:
        """Base codes ``(end - start,)`` int8 of the forward strand, ``[start, end)`` counted from 0; N outside the contig.

        Raises
        ------
        UnknownNameError
            For a contig that the genome does not have.
        DataError
            If the file is damaged, or holds a letter that is no nucleotide.
        """
        held = self._open()
        if chrom not in held.lengths:
            raise UnknownNameError("contig", chrom, held.lengths, where=f"'{self.path}'")
        first, last = max(start, 0), min(end, held.lengths[chrom])
        if first >= last:
            return np.full(max(end - start, 0), N_CODE, dtype=np.int8)
        try:
            inside = encode(self._letters(held, chrom, first, last))
        except DataError as error:
            raise DataError(
                f"The genome '{self.path}' cannot be used at {chrom}:{first}-{last}. {error} Give the FASTA file of DNA."
            ) from None
        if first == start and last == end:
            return inside
        codes = np.full(end - start, N_CODE, dtype=np.int8)
        codes[first - start : last - start] = inside
        return codes

    def _letters(self, held: _Open, chrom: str, start: int, end: int) -> str:
        if start == end:
            return ""
        reason = "it ends too early"
        try:
            with held.lock, quiet():
                letters: str = held.file.fetch(chrom, start, end)
        except (OSError, ValueError) as error:
            letters, reason = "", first_line(error)
        if len(letters) != end - start:
            raise DataError(
                f"The genome '{self.path}' cannot be read at {chrom}:{start}-{end} ({reason}); it is damaged: copy or download "
                "it again."
            )
        return letters

    def close(self) -> None:
        """Close the file in this process; the next use opens it again. Closing twice does nothing."""
        held, self._held = self._held, None
        if held is not None and held.pid == os.getpid():
            held.file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path = state["path"]
        self._held = None
