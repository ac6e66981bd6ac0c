"""The options that motif scanners share: which motifs, where to look, and what counts as a hit."""

from __future__ import annotations

from typing import Any, Literal

from decima_core.options import option, options_class


@options_class
class ScanOptions:
    """Options of a motif scanner; each field's help says what it does. A scanner's own class adds to them.

    Raises
    ------
    OptionError
        If a value has the wrong type or lies outside its bounds.
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
    pseudocount: float = option(
        default=1e-4,
        help="Added to each probability of a motif, whose columns are then made to sum to 1 again.",
        above=0,
        at_most=1,
    )
    fdr_over: Literal["all", "motif"] = option(
        default="all", help="Tests among which q-values are corrected: all motifs' together, or each motif's own."
    )
