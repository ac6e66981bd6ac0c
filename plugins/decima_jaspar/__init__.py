"""Motif sites found by their exact p-values, with JASPAR or any other motifs: the scanner ``jaspar``.

Nothing heavy is imported here. The working modules are

* :mod:`decima_jaspar.engine` - every site at or below the p-value threshold;
* :mod:`decima_jaspar.scanner` - that search and the parts that scanners share (:mod:`decima_core.scanning`).
"""

from __future__ import annotations

from collections.abc import Iterable

from decima_core import ScanOptions, hookimpl
from decima_core.errors import OptionError
from decima_core.options import option, options_class
from decima_core.providers import MotifScanner, MotifScannerSpec

__all__ = ["JasparOptions", "create", "decima_motif_scanners"]


@options_class
class JasparOptions(ScanOptions):
    """Options of the motif scanner ``jaspar``: those of every scanner, and its own.

    Raises
    ------
    OptionError
        If a value has the wrong type or lies outside its bounds, or ``background`` is not four frequencies with sum 1.
    """

    background: tuple[float, ...] = option(
        default=(0.25, 0.25, 0.25, 0.25),
        help="Frequencies of A, C, G and T that scores and p-values are relative to.",
        above=0,
    )
    bin_size: float = option(
        default=0.01,
        help="Step, in bits, of the grid on which scores are compared and p-values are exact.",
        at_least=1e-3,
        at_most=1,
    )

    def __attrs_post_init__(self) -> None:
        if len(self.background) != 4:
            raise OptionError(f"must hold four frequencies (A, C, G, T), not {len(self.background)}")
        if abs(sum(self.background) - 1) > 1e-6:
            raise OptionError(f"must sum to 1, not {sum(self.background):g}; divide each frequency by the sum")


def create(options: JasparOptions) -> MotifScanner:
    """The scanner: reads the motifs and prepares their tables, which it keeps.

    Raises
    ------
    MotifError
        If the motifs cannot be read or there are none.
    UnknownNameError
        If a release, collection, taxonomic group or motif does not exist.
    """
    from decima_jaspar.scanner import JasparScanner

    return JasparScanner(options)


@hookimpl
def decima_motif_scanners() -> Iterable[MotifScannerSpec]:
    yield MotifScannerSpec(
        name="jaspar",
        summary="Sites of JASPAR motifs, or your own, on both strands with exact p-values and q-values.",
        options=JasparOptions,
        create=create,
    )
