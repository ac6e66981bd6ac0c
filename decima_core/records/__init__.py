"""What travels between the stages: immutable, checked on creation, free of I/O.

Coordinates, stated here once and enforced here:

* Positions count from 0 in the window, in **transcript orientation**: the transcription start site (TSS) lies left of
  the gene body, whatever the gene's strand. Intervals are half-open, ``[start, end)``.
* ``from_tss = position - tss``; the TSS is the first base of the gene mask, so upstream positions are negative.
* The genome enters through :class:`Locus` alone: 0-based, half-open, forward-strand. On the minus strand
  ``genome_start = locus.end - end``.
* Arrays are channel-first: ``(4, L)`` in base order A, C, G, T; the gene mask is a fifth channel.
"""

from decima_core.records.attribution import Attribution
from decima_core.records.gene import GeneRecord, Locus
from decima_core.records.interpretation import Interpretation
from decima_core.records.motifs import Motif, MotifHits
from decima_core.records.peaks import Peaks

__all__ = ["Attribution", "GeneRecord", "Interpretation", "Locus", "Motif", "MotifHits", "Peaks"]
