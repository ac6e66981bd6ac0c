"""Patterns as a motif set in MEME's text format, which motif scanners read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from decima_core.modisco.patterns import Pattern
from decima_core.outputs.partial_folder import explained

_HEAD = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25
"""


def write_meme(path: str | Path, patterns: Iterable[Pattern]) -> None:
    """Write motifs; the file appears under its name when it is whole.

    Raises
    ------
    OutputError
        If the disk refuses.
    """
    target = Path(path)
    partial = target.with_name(f"{target.name}.partial")
    with explained(target):
        try:
            partial.write_text("\n".join([_HEAD, *map(_block, patterns)]), encoding="utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _block(pattern: Pattern) -> str:
    motif = pattern.motif
    rows = "\n".join(" ".join(f"{p:.6f}" for p in column) for column in motif.ppm.T)
    size = f"w= {motif.width} nsites= {pattern.seqlets} E= 0"
    return f"MOTIF {motif.id} {motif.name}\nletter-probability matrix: alength= 4 {size}\n{rows}\n"
