"""Where a gene's window lies, and where the gene lies in it. Plain arithmetic on coordinates.

Genome intervals are 0-based half-open on the forward strand. The transcription start site (TSS) is the gene's first base
in transcript orientation: ``start`` on the plus strand, ``end - 1`` on the minus strand.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.records import Locus


@attrs.frozen
class Gene:
    """One gene on the genome: its own bounds ``[start, end)``, its window, and its split, if known."""

    name: str
    start: int
    end: int
    window: Locus
    split: str | None = None


def cut_window(chrom: str, start: int, end: int, strand: str, *, upstream: int, seq_len: int) -> Locus:
    """The window of ``seq_len`` bases of which ``upstream`` lie before the TSS of the gene ``[start, end)``."""
    if strand == "+":
        left = start - upstream
        return Locus(chrom=chrom, start=left, end=left + seq_len, strand=strand)
    right = end + upstream
    return Locus(chrom=chrom, start=right - seq_len, end=right, strand=strand)


def at_edges(window: Locus, chrom_length: int, edges: Literal["pad", "shift"]) -> Locus:
    """The window as it is (``pad``), or moved by as little as brings it inside its chromosome (``shift``).

    A chromosome shorter than the window cannot hold it; ``shift`` then moves it so that it holds the chromosome.
    """
    if edges == "pad":
        return window
    room = chrom_length - len(window)
    start = min(max(window.start, min(room, 0)), max(room, 0))
    return attrs.evolve(window, start=start, end=start + len(window))


def central(window: Locus, length: int) -> Locus:
    """The central ``length`` bases; they start at window position ``(W - length) // 2``, left of it where that is below 0."""
    return window.crop((len(window) - length) // 2, length)


def mask_and_tss(gene: Gene, locus: Locus) -> tuple[npt.NDArray[np.float32], int]:
    """1.0 over the gene's bases in a window ``(L,)``, and the TSS as a window position, which may lie outside it."""
    if locus.strand == "+":
        first, last = gene.start - locus.start, gene.end - locus.start
    else:
        first, last = locus.end - gene.end, locus.end - gene.start
    mask = np.zeros(len(locus), dtype=np.float32)
    mask[max(first, 0) : max(last, 0)] = 1
    return mask, first
