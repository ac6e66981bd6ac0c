"""The genome's names of the contigs that a gene table means, which it may spell otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from decima_core.records.contigs import contig_key


def aliases(wanted: Iterable[str], genome: Iterable[str]) -> Mapping[str, str]:
    """The genome's name of each wanted contig that it has, under the same name or another spelling of it.

    Left out are contigs that the genome lacks, and those that could be two of its contigs.
    """
    exact = set(genome)
    by_key: dict[str, set[str]] = {}
    for name in exact:
        by_key.setdefault(contig_key(name), set()).add(name)
    found = {}
    for name in dict.fromkeys(wanted):
        same = {name} if name in exact else by_key.get(contig_key(name), set())
        if len(same) == 1:
            (found[name],) = same
    return found
