"""Motif sites found by their exact p-values, with JASPAR or any other motifs: the scanner ``jaspar``.

Nothing heavy is imported here. The working modules are

* :mod:`decima_jaspar.motif_sets` - which motifs to scan with: JASPAR, a MEME file, or matrices from Python;
* :mod:`decima_jaspar.p_values` - the exact null distribution of a motif's score;
* :mod:`decima_jaspar.strands` - the motifs of both strands as whole-number losses, ready to scan;
* :mod:`decima_jaspar.engine` - every site at or below the p-value threshold;
* :mod:`decima_jaspar.regions` - where to look: at the summits, in windows around them, or in the whole gene window;
* :mod:`decima_jaspar.scanner` - all of it put together for one gene.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from decima_core import hookimpl
from decima_core.errors import OptionError
from decima_core.options import option, options_class
from decima_core.providers import MotifScanner, MotifScannerSpec

if TYPE_CHECKING:
    from decima_core.records import Motif

__all__ = ["JasparOptions", "create", "decima_motif_scanners", "load_motifs"]


@options_class
class JasparOptions:
    """Options of the motif scanner ``jaspar``; each field's help says what it does.

    Raises
    ------
    OptionError
        If a value has the wrong type or lies outside its bounds, or ``background`` is not four frequencies with sum 1.
    """

    motifs: Any = option(
        default=None,
        help="From Python only: matrices {id: (4, width)}, decima_core Motifs, the name of a JASPAR release, or the "
        "path of a MEME file; goes before every other choice of motifs.",
    )
    path: str | None = option(default=None, help="A MEME file of motifs to scan with instead of JASPAR.")
    release: str = option(default="JASPAR2026", help="The JASPAR release.")
    collection: str | None = option(default="CORE", help="The JASPAR collection; none for all of them.")
    tax_group: tuple[str, ...] = option(
        default=("vertebrates",), help="JASPAR taxonomic groups; an empty list for all of them."
    )
    names: tuple[str, ...] = option(
        default=(),
        help="Motifs to keep: names of transcription factors (any case), or matrix ids such as MA0139.2 or MA0139.",
    )
    p_threshold: float = option(default=1e-4, help="Report sites with at most this p-value.", above=0, at_most=1)
    region: Literal["summits", "peaks", "window"] = option(
        default="summits",
        help="summits: sites that cover a peak's summit; peaks: sites within the option window around one; window: sites "
        "anywhere in the gene's window.",
    )
    window: int = option(
        default=36, help="With region=peaks: bases around each summit; a wider motif gets its own width.", at_least=1
    )
    both_strands: bool = option(default=True, help="Scan the minus strand too.")
    background: tuple[float, ...] = option(
        default=(0.25, 0.25, 0.25, 0.25),
        help="Frequencies of A, C, G and T that scores and p-values are relative to.",
        above=0,
    )
    pseudocount: float = option(
        default=1e-4,
        help="Added to each probability of a motif, whose columns are then made to sum to 1 again.",
        above=0,
        at_most=1,
    )
    bin_size: float = option(
        default=0.01,
        help="Step, in bits, of the grid on which scores are compared and p-values are exact.",
        at_least=1e-3,
        at_most=1,
    )
    fdr_over: Literal["all", "motif"] = option(
        default="all", help="Tests among which q-values are corrected: all motifs' together, or each motif's own."
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


def load_motifs(options: JasparOptions) -> tuple[Motif, ...]:
    """The motifs these options choose, in a fixed order; see :func:`decima_jaspar.motif_sets.load_motifs`."""
    from decima_jaspar import motif_sets

    return motif_sets.load_motifs(options)
