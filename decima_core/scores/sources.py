"""Sequences through a data source: windows cut from a genome, or records of a FASTA file.

The FASTA file is read by the data source that claims its ending; nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pysam

from decima_core.errors import DataError, first_line
from decima_core.files import existing_file
from decima_core.providers import DataSource
from decima_core.records import GeneRecord, Locus
from decima_core.registry import Registry
from decima_core.sequence import Codes


def windows_of(genome: str, windows: Mapping[str, Locus], registry: Registry) -> DataSource:
    """A data source of these windows of a genome, by name. All are equally long.

    A data source speaks of genes, so a window gets a mask of its middle base, which :func:`bare` takes away again.
    """
    provider = registry.for_file("source", genome)
    loci = list(windows.values())
    middle = [len(locus) // 2 for locus in loci]
    table = pd.DataFrame(
        {
            "gene": list(windows),
            "chrom": [locus.chrom for locus in loci],
            "start": [locus.start for locus in loci],
            "end": [locus.end for locus in loci],
            "strand": [locus.strand for locus in loci],
            "gene_mask_start": middle,
            "gene_mask_end": [m + 1 for m in middle],
        }
    )
    source = provider.create(provider.build_options({"path": genome, "genes": table}))
    assert isinstance(source, DataSource)
    return source


def bare(record: GeneRecord) -> GeneRecord:
    """A window without a gene: no mask and no TSS."""
    return attrs.evolve(record, mask=np.zeros(len(record), np.float32), tss=None)


class FastaWindows:
    """Sequences of windows, a record of a FASTA file each, in file order."""

    def __init__(self, path: str, registry: Registry) -> None:
        full = existing_file(path, "FASTA file")
        lengths = _lengths(full)
        self.names = tuple(lengths)
        self.what, self.count = f"The FASTA file '{full}'", len(lengths)
        self.length = _common_length(lengths, self.what)
        windows = {name: Locus(chrom=name, start=0, end=self.length, strand="+") for name in lengths}
        self._source = windows_of(str(full), windows, registry)

    def codes(self, number: int, name: str) -> Codes:
        """Codes ``(L,)`` of record ``number``."""
        return self._source.read(self.names[number]).codes

    def close(self) -> None:
        """Close the file."""
        self._source.close()


def _lengths(path: Path) -> dict[str, int]:
    """Length of each record, by name, in order."""
    lengths: dict[str, int] = {}
    try:
        with pysam.FastxFile(str(path), persist=False) as records:
            for record in records:
                name, sequence = record.name or "", record.sequence or ""
                if name in lengths:
                    raise DataError(
                        f"The FASTA file '{path}' names two records '{name}'; give each window a name of its own."
                    )
                lengths[name] = len(sequence)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"The FASTA file '{path}' cannot be read ({first_line(error)}); give a FASTA file.") from error
    if not lengths:
        raise DataError(f"The FASTA file '{path}' holds no record; give one for each window.")
    return lengths


def _common_length(lengths: Mapping[str, int], what: str) -> int:
    (first, length), *_ = lengths.items()
    for name, n in lengths.items():
        if n != length:
            raise DataError(
                f"{what} has {length:,} bases of '{first}' and {n:,} of '{name}'; windows of scores are equally long: give a "
                "record for each window, not a genome."
            )
    return length
