"""What the run found beside what was planted."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd


@attrs.frozen(kw_only=True)
class Recovery:
    """How much of the truth was found.

    ``recall``: share of driver sites with a peak summit in them; ``precision``: share of peaks with their summit in a driver
    site; ``placed``: found sites whose own motif is among the hits, exactly at their place and on their strand; ``named``:
    found sites whose peak is called by their own motif's name, out of all motifs scanned with.
    """

    sites: int
    found: int
    peaks: int
    true_peaks: int
    placed: int
    named: int

    @property
    def recall(self) -> float:
        return self.found / self.sites if self.sites else float("nan")

    @property
    def precision(self) -> float:
        return self.true_peaks / self.peaks if self.peaks else float("nan")


def compare(planted: pd.DataFrame, peaks: pd.DataFrame, hits: pd.DataFrame) -> tuple[pd.DataFrame, Recovery]:
    """Match driver sites and peaks by their places on the genome.

    Takes the table of planted driver sites and the run's tables; returns the planted table with ``found``, ``best_motif`` (what
    the highest peak in the site is called) and ``placed`` (its own motif is among the hits, at its place and on its strand), and
    the counts.
    """
    table = planted.copy()
    found, best, placed = [], [], []
    for site in table.itertuples():
        inside = peaks[(peaks.gene == site.gene) & (peaks.peak >= site.start) & (peaks.peak < site.end)]
        own = hits[
            (hits.chrom == site.chrom)
            & (hits.motif_id == site.motif_id)
            & (hits.genome_start == site.genome_start)
            & (hits.genome_strand == site.genome_strand)
        ]
        found.append(len(inside) > 0)
        best.append(inside.best_motif_name.iloc[0] if len(inside) else "")
        placed.append(len(inside) > 0 and len(own) > 0)
    table["found"], table["best_motif"], table["placed"] = found, best, placed
    true_peaks = sum(
        bool(((planted.gene == p.gene) & (planted.start <= p.peak) & (planted.end > p.peak)).any())
        for p in peaks.itertuples()
    )
    return table, Recovery(
        sites=len(table),
        found=int(np.sum(found)),
        peaks=len(peaks),
        true_peaks=true_peaks,
        placed=int(np.sum(placed)),
        named=int((table.best_motif == table.motif_name).sum()),
    )
