"""The ``.fai`` index of a FASTA file: read, and checked against the file that it claims to describe.

An index left over from another version of a genome is a silent disaster: every position would be read from the wrong
place. The check is cheap. The contigs of an index must tile the file: before each comes its own name line and nothing
else, and after the last comes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import attrs

from decima_fasta.raw import DamagedError, Raw

_LONGEST_NAME_LINE = 1 << 20
_NAME_LINE = re.compile(rb">[ \t]*(\S+)[^\n]*\n")


@attrs.frozen
class Contig:
    """One line of a ``.fai`` file: bases, byte of the first one, bases a line, bytes a line."""

    name: str
    length: int
    offset: int
    bases: int
    width: int

    @property
    def end(self) -> int:
        """The byte after the last base."""
        if self.length == 0:
            return self.offset
        lines, rest = divmod(self.length - 1, self.bases)
        return self.offset + lines * self.width + rest + 1


@attrs.frozen
class Misfit:
    """Why an index does not describe a file; ``short`` where it does so but for the end, which the file lacks."""

    reason: str
    short: bool = False


def read_fai(path: Path) -> tuple[Contig, ...]:
    """The contigs of an index, in file order.

    Raises
    ------
    DamagedError
        If the index is not of the form of one, or names a contig twice.
    """
    contigs = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            name, *numbers = line.split("\t")
            length, offset, bases, width = (int(n) for n in numbers)
            if length < 0 or offset < 2 or (length > 0 and not 0 < bases < width <= bases + 2):
                raise ValueError(line)
            contigs.append(Contig(name, length, offset, bases, width))
    except ValueError:
        raise DamagedError("it is damaged") from None
    if not contigs:
        raise DamagedError("it is empty")
    if len({c.name for c in contigs}) < len(contigs):
        raise DamagedError("it names a contig twice")
    return tuple(contigs)


def misfit(contigs: Sequence[Contig], raw: Raw) -> Misfit | None:
    """Why the index does not describe the text; None where it does.

    Reads the name line of each contig, the bytes around it, its first line and one line end: a few hundred bytes a contig.
    """
    at = 0  # the byte after the last base so far
    for contig in sorted(contigs, key=lambda c: c.offset):
        # One byte earlier, so that the last base of the contig before is seen to be one.
        first = max(at - 1, 0)
        if not 0 < contig.offset - first <= _LONGEST_NAME_LINE:
            return Misfit(f"it has no name line for contig '{contig.name}'")
        if contig.offset > raw.size:
            return Misfit(f"contig '{contig.name}' begins beyond the end of the genome", short=True)
        between = raw.read(first, contig.offset)
        if at and not _ends_a_line(between):
            return Misfit(f"the contig before '{contig.name}' ends elsewhere")
        line = _NAME_LINE.fullmatch((between[1:] if at else between).lstrip(b"\r\n"))
        if line is None or line[1] != contig.name.encode():
            return Misfit(f"contig '{contig.name}' begins elsewhere")
        line_length = min(contig.length, contig.bases, _LONGEST_NAME_LINE)
        if re.search(rb"[\r\n]", raw.read(contig.offset, contig.offset + line_length)):
            return Misfit(f"the lines of contig '{contig.name}' are shorter")
        if contig.length > contig.bases:
            line_end = raw.read(contig.offset + contig.bases, contig.offset + contig.width)
            if line_end not in (b"\n", b"\r\n", b"", b"\r"):
                return Misfit(f"the lines of contig '{contig.name}' have another length")
        at = contig.end
        if at > raw.size:
            return Misfit(f"contig '{contig.name}' ends beyond the end of the genome", short=True)
    rest = raw.read(at - 1, at + _LONGEST_NAME_LINE)
    if rest[:1].isspace() or rest[1:].strip(b"\r\n"):
        return Misfit("the genome goes on after its last contig")
    return None


def _ends_a_line(between: bytes) -> bool:
    return not between[:1].isspace() and between[:1] != b">" and between[1:2] in (b"\n", b"\r")
