"""The motif scanner ``jaspar``: the shared parts of a motif scanner, and its own search."""

from __future__ import annotations

from decima_core import GridScanner, Sites
from decima_core.sequence import Codes
from decima_jaspar import JasparOptions
from decima_jaspar.engine import SiteFinder


class JasparScanner(GridScanner):
    """Places motifs on a gene's sequence, as FIMO does (Grant, Bailey & Noble 2011), with exact p-values. Picklable.

    Parameters
    ----------
    options
        See :class:`decima_jaspar.JasparOptions`.

    Raises
    ------
    MotifError
        If the motifs cannot be read, there are none, or none of them can reach ``p_threshold``.
    UnknownNameError
        If a release, collection, taxonomic group or motif does not exist.
    """

    def __init__(self, options: JasparOptions) -> None:
        super().__init__(options, bin_size=options.bin_size, background=options.background)
        self._finder = SiteFinder(self.strands)

    def find(self, codes: Codes) -> Sites:
        """Every hit in a sequence ``(L,)``; none is missed."""
        return self._finder.find(codes)
