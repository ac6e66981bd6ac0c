"""Motifs in MEME's text format (version 4 and later): what the ``letter-probability matrix`` blocks hold.

Everything else in such a file is passed over: its background (the option ``background`` rules), ``log-odds matrix``
blocks, URLs and the prose of a full MEME report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from decima_core.errors import MotifError
from decima_core.records import Motif

_KEY = re.compile(r"([A-Za-z]+)\s*=\s*(\S+)")
_MATRIX = "letter-probability matrix"
_NEXT_STEP = "compare it with https://meme-suite.org/meme/doc/meme-format.html"


def read_meme(path: str | Path) -> tuple[Motif, ...]:
    """The motifs of a MEME file, in file order.

    A motif's id is the first word after ``MOTIF``, its name the second, or the id where there is no second. The four
    probabilities of a position are made to sum to 1 (they are printed rounded).

    Raises
    ------
    MotifError
        If the file cannot be read or holds no motif, two motifs have one id, the alphabet is not DNA, a motif has no
        matrix, or a matrix has the wrong size or holds something that is no probability; names file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise MotifError(
            f"The motif file '{path}' cannot be read ({error.strerror or error}); check the path."
        ) from error
    motifs = tuple(_Reader(str(path), text.splitlines()).motifs())
    if not motifs:
        raise MotifError(f"The file '{path}' holds no line that starts with 'MOTIF'; give a file in MEME format.")
    return motifs


class _Reader:
    """Reads the lines of one file; ``at`` is the index of the line being read."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self.path = path
        self.lines = lines
        self.at = 0

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        line = (self.at if at is None else at) + 1
        raise MotifError(f"Line {line} of the motif file '{self.path}' {problem}; {_NEXT_STEP}.")

    def motifs(self) -> Iterator[Motif]:
        seen: dict[str, int] = {}
        header: tuple[int, str, str] | None = None  # line, id and name of a motif whose matrix is still to come
        while self.at < len(self.lines):
            words = self.lines[self.at].split()
            if words[:1] == ["MOTIF"]:
                if header is not None:
                    self.fail(f"starts motif '{header[1]}', which has no {_MATRIX}", header[0])
                header = self.header(words, seen)
            elif self.lines[self.at].startswith("ALPHABET"):
                self.check_alphabet()
            elif self.lines[self.at].lstrip().lower().startswith(_MATRIX):
                if header is None:
                    self.fail(f"starts a {_MATRIX} without a MOTIF line of its own before it")
                yield self.matrix(header[1], header[2])
                header = None
                continue
            self.at += 1
        if header is not None:
            self.fail(f"starts motif '{header[1]}', which has no {_MATRIX}", header[0])

    def header(self, words: list[str], seen: dict[str, int]) -> tuple[int, str, str]:
        if len(words) < 2:
            self.fail("starts a motif without an id")
        motif_id = words[1]
        if motif_id in seen:
            self.fail(f"starts a second motif '{motif_id}' (the first is on line {seen[motif_id]}); ids must differ")
        seen[motif_id] = self.at + 1
        named = len(words) > 2 and words[2] != "width"
        return self.at, motif_id, words[2] if named else motif_id

    def check_alphabet(self) -> None:
        told = self.lines[self.at].removeprefix("ALPHABET").strip()
        letters = told.removeprefix("=").strip()
        dna = letters.upper() == "ACGT" if told.startswith("=") else "DNA" in told.upper()
        if not dna:
            self.fail(f"declares the alphabet {letters}, but only DNA (ACGT) can be scanned")

    def matrix(self, motif_id: str, name: str) -> Motif:
        """The matrix whose heading is the current line; leaves ``at`` on the first line after it."""
        heading = self.at
        keys = {key.lower(): value for key, value in _KEY.findall(self.lines[heading])}
        if keys.get("alength", "4") != "4":
            self.fail(f"says alength= {keys['alength']}, but DNA has 4 letters")
        width = keys.get("w")
        if width is not None and (not width.isdecimal() or int(width) == 0):
            self.fail(f"says w= {width}, which is not a width")
        rows: list[list[float]] = []
        self.at += 1
        while self.at < len(self.lines) and (width is None or len(rows) < int(width)):
            row = self.row(motif_id, must=width is not None)
            if row is None:
                break
            rows.append(row)
            self.at += 1
        if not rows or (width is not None and len(rows) != int(width)):
            self.fail(f"announces {width or 'some'} rows for motif '{motif_id}', but {len(rows)} follow", heading)
        if width is not None and self.at < len(self.lines) and self.row(motif_id, must=False) is not None:
            self.fail(f"is row {len(rows) + 1} of motif '{motif_id}', which announced w= {width}")
        ppm = np.array(rows).T
        return Motif(id=motif_id, name=name, ppm=ppm / ppm.sum(axis=0))

    def row(self, motif_id: str, *, must: bool) -> list[float] | None:
        """The current line as four probabilities; None where the matrix ends (a blank line, a new heading)."""
        words = self.lines[self.at].split()
        if not words or words[0] in ("MOTIF", "URL") or set(words[0]) == {"-"}:
            return None
        try:
            row = [float(word) for word in words]
        except ValueError:
            if not must and not _starts_with_number(words):
                return None
            self.fail(f"holds something that is no number in the matrix of motif '{motif_id}'")
        if len(row) != 4:
            self.fail(f"has {len(row)} numbers in the matrix of motif '{motif_id}', not 4")
        if not all(0 <= p <= 1.01 for p in row) or abs(sum(row) - 1) > 0.01:
            self.fail(f"of the matrix of motif '{motif_id}' does not hold four probabilities that sum to 1")
        return row


def _starts_with_number(words: list[str]) -> bool:
    return words[0][0] in "0123456789.+-"
