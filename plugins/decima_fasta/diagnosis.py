"""Why a FASTA file cannot be indexed: a scan line by line, made only when htslib has refused the file."""

from __future__ import annotations

import re
from collections.abc import Iterable


def diagnose(lines: Iterable[str]) -> str | None:
    """What is wrong with the text, with the line number, or None where nothing is found.

    The sentence continues "The genome '...' ". Only the faults that an index cannot bear are looked for.
    """
    names: dict[str, int] = {}
    name, width, started = "", 0, 0
    shorter = blank = 0  # line of the first line shorter than the contig's others, and of the first empty one
    for number, line in enumerate(lines, start=1):
        if line.startswith(">"):
            if name and width == 0:
                return _without_sequence(name, started)
            word = re.match(r">[ \t]*(\S*)", line)
            name = word[1] if word else ""
            if not name:
                return f"has a contig without a name at line {number:,}; give every contig a name after the '>'."
            if name in names:
                return (
                    f"names contig '{name}' twice, at lines {names[name]:,} and {number:,}; give every contig a name of "
                    "its own."
                )
            names[name], started = number, number
            width = shorter = blank = 0
        elif not line.strip():
            blank = blank or number
        elif not name:
            return (
                f"has sequence before the first name line, at line {number:,}; each contig begins with a line '>name'."
            )
        elif blank:
            return f"has an empty line {blank:,} inside contig '{name}'; remove it."
        elif shorter or (width and len(line) > width):
            return (
                f"has lines of different lengths in contig '{name}', at line {shorter or number:,}; all lines of a contig "
                "but the last must be equally long. Wrap it anew, for example with seqkit seq -w 60."
            )
        else:
            width = width or len(line)
            shorter = number if len(line) < width else 0
    if name and width == 0:
        return _without_sequence(name, started)
    return None


def _without_sequence(name: str, line: int) -> str:
    return (
        f"has a contig without sequence, '{name}' at line {line:,}; if the file is cut short, copy or download it again, "
        "else remove the contig."
    )
