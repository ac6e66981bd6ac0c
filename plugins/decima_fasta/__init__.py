"""The data source ``fasta``: genes straight from a genome and a gene table.

This module only announces the source and imports nothing heavy; :mod:`decima_fasta.source` does the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from decima_core import DataSourceSpec, OptionError, hookimpl, option, options_class

if TYPE_CHECKING:
    from decima_fasta.source import FastaSource

__all__ = ["FastaOptions", "create", "decima_data_sources"]


@options_class
class FastaOptions:
    """Options of the data source ``fasta``."""

    path: str = option(default="", help="The genome: a FASTA file, plain or compressed with bgzip.")
    genes: Any = option(
        default=None,
        help="The gene table: a GTF, GFF3, BED or TSV/CSV file, an AnnData file (.h5ad) whose .var lists the genes, or, from "
        "Python, a DataFrame.",
    )
    seq_len: int | None = option(
        default=None,
        help="Length of a gene's window, in bases; without it that of the windows in the gene table, where it gives some, else "
        "524,288.",
        at_least=1,
    )
    upstream: int | None = option(
        default=None,
        help="Bases of the window that lie upstream of the gene's start; without it 163,840, or as the windows in the gene "
        "table have it.",
        at_least=0,
    )
    edges: Literal["pad", "shift"] = option(
        default="pad",
        help="Where a window would leave its chromosome: pad fills it with N, shift moves it inside.",
    )


def create(options: FastaOptions) -> FastaSource:
    """The source that ``options`` describe.

    Raises
    ------
    OptionError
        If no genome or no gene table is given, or upstream is not less than seq_len.
    DataError
        If one of them does not exist or is damaged.
    """
    if not options.path.strip():
        raise OptionError("Option 'path' of data source 'fasta' is empty; set source.path to the genome's FASTA file.")
    if options.genes is None or (isinstance(options.genes, str) and not options.genes.strip()):
        raise OptionError(
            "Data source 'fasta' needs a gene table; set source.genes to a GTF, GFF3, BED, TSV or .h5ad file."
        )
    from decima_fasta.source import FastaSource

    return FastaSource(options)


@hookimpl
def decima_data_sources() -> Iterator[DataSourceSpec]:
    """Announce the source."""
    yield DataSourceSpec(
        name="fasta",
        summary="Genes straight from a genome's FASTA file and a gene table.",
        options=FastaOptions,
        create=create,
        suffixes=(".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz", ".fa.bgz", ".fasta.bgz", ".fna.bgz"),
    )
