"""One contig, two spellings: ``1`` and ``chr1``, ``MT`` and ``chrM``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def aliases(wanted: Iterable[str], genome: Iterable[str]) -> Mapping[str, str]:
    """The genome's name of each wanted contig that it has, under the same name or another spelling of it.

    Left out are contigs that the genome lacks, and those that could be two of its contigs.
    """
    exact = set(genome)
    by_key: dict[str, set[str]] = {}
    for name in exact:
        by_key.setdefault(_key(name), set()).add(name)
    found = {}
    for name in dict.fromkeys(wanted):
        same = {name} if name in exact else by_key.get(_key(name), set())
        if len(same) == 1:
            (found[name],) = same
    return found


def _key(name: str) -> str:
    bare = name[3:] if name[:3].lower() == "chr" and len(name) > 3 else name
    return "MT" if bare.upper() in ("M", "MT") else bare
