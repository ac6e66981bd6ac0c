"""One contig, several spellings: ``1`` and ``chr1``, ``MT`` and ``chrM``."""

from __future__ import annotations


def contig_key(contig: str) -> str:
    """What all spellings of a contig's name share: with or without ``chr`` in any case, ``M`` or ``MT``."""
    bare = contig[3:] if contig[:3].lower() == "chr" and len(contig) > 3 else contig
    return "MT" if bare.upper() in ("M", "MT") else bare
