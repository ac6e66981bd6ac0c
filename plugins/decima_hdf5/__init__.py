"""The data source ``hdf5``: genes in the HDF5 layout that Decima writes.

This module only announces the source and imports nothing heavy; :mod:`decima_hdf5.source` does the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from decima_core import DataSourceSpec, OptionError, hookimpl, option, options_class

if TYPE_CHECKING:
    from decima_hdf5.source import HDF5Source

__all__ = ["HDF5Options", "create", "decima_data_sources"]


@options_class
class HDF5Options:
    """Options of the data source ``hdf5``."""

    path: str = option(default="", help="The HDF5 file of genes to read.")
    loci: str | None = option(
        default=None,
        help="A BED6 or TSV file with the place of each gene's window on the genome; without it results have no "
        "genome coordinates.",
    )


def create(options: HDF5Options) -> HDF5Source:
    """The source that ``options`` describe.

    Raises
    ------
    OptionError
        If no path is given.
    DataError
        If the path, or that of the loci, is not a file.
    """
    if not options.path.strip():
        raise OptionError("Option 'path' of data source 'hdf5' is empty; set source.path to the HDF5 file of genes.")
    from decima_hdf5.source import HDF5Source

    return HDF5Source(options.path, loci=options.loci or None)


@hookimpl
def decima_data_sources() -> Iterator[DataSourceSpec]:
    """Announce the source."""
    yield DataSourceSpec(
        name="hdf5",
        summary="Genes in an HDF5 file in the layout that Decima writes.",
        options=HDF5Options,
        create=create,
        suffixes=(".h5", ".hdf5", ".hdf"),
    )
