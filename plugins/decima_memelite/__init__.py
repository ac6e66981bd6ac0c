"""Motif sites found by memelite's FIMO: the scanner ``memelite``, of the optional package of that name.

Nothing heavy is imported here; :mod:`decima_memelite.scanner` does the work.
"""

from __future__ import annotations

from collections.abc import Iterable

from decima_core import ScanOptions, hookimpl, option, options_class
from decima_core.providers import MotifScanner, MotifScannerSpec

__all__ = ["MemeliteOptions", "create", "decima_motif_scanners"]


@options_class
class MemeliteOptions(ScanOptions):
    """Options of the motif scanner ``memelite``: those of every scanner, and its own. The background is uniform.

    Raises
    ------
    OptionError
        If a value has the wrong type or lies outside its bounds.
    """

    bin_size: float = option(
        default=0.1,
        help="Step, in bits, to which memelite rounds each base's log odds for its p-values (background: 0.25 each).",
        at_least=1e-3,
        at_most=1,
    )


def create(options: MemeliteOptions) -> MotifScanner:
    """The scanner: reads the motifs and prepares their tables, which it keeps.

    Raises
    ------
    MotifError
        If the motifs cannot be read or there are none.
    UnknownNameError
        If a release, collection, taxonomic group or motif does not exist.
    """
    from decima_memelite.scanner import MemeliteScanner

    return MemeliteScanner(options)


@hookimpl
def decima_motif_scanners() -> Iterable[MotifScannerSpec]:
    yield MotifScannerSpec(
        name="memelite",
        summary="Sites of JASPAR motifs, or your own, found by memelite's FIMO against a uniform background.",
        options=MemeliteOptions,
        create=create,
        requires=("memelite",),
        install="decima-core[memelite]",
    )
