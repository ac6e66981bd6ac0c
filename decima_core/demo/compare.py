"""What the run found beside what was planted."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd


@attrs.frozen(kw_only=True)
class Recovery:
    """How much of the truth was found.

    ``recall``: share of driver sites with a peak summit in them; ``precision``: share of peaks with their summit in a driver
    site; ``named``: share of the found sites whose own motif is among the hits placed on them, on the right strand.
    """

    sites: int
    found: int
    peaks: int
    true_peaks: int
    named: int

    @property
    def recall(self) -> float:
        return self.found / self.sites if self.sites else float("nan")

    @property
    def precision(self) -> float:
        return self.true_peaks / self.peaks if self.peaks else float("nan")

    @property
    def named_share(self) -> float:
        return self.named / self.found if self.found else float("nan")


def compare(planted: pd.DataFrame, peaks: pd.DataFrame, hits: pd.DataFrame) -> tuple[pd.DataFrame, Recovery]:
    """Match driver sites and peaks by their places on the genome.

    Takes the table of planted driver sites and the run's tables; returns the planted table with ``found``, ``best_hit`` (the
    hit with the lowest p-value that overlaps the site) and ``named``, and the counts.
    """
    table = planted.copy()
    found, best, named = [], [], []
    for site in table.itertuples():
        here = peaks[peaks.gene == site.gene]
        found.append(bool(((here.peak >= site.start) & (here.peak < site.end)).any()))
        over = hits[
            (hits.chrom == site.chrom) & (hits.genome_start < site.genome_end) & (hits.genome_end > site.genome_start)
        ]
        own = over[
            (over.motif_id == site.motif_id)
            & (over.genome_start == site.genome_start)
            & (over.genome_strand == site.genome_strand)
        ]
        named.append(found[-1] and len(own) > 0)
        best.append(over.sort_values("p_value").motif_name.iloc[0] if len(over) else "")
    table["found"], table["best_hit"], table["named"] = found, best, named
    true_peaks = sum(
        bool(((planted.gene == p.gene) & (planted.start <= p.peak) & (planted.end > p.peak)).any())
        for p in peaks.itertuples()
    )
    return table, Recovery(
        sites=len(table),
        found=int(np.sum(found)),
        peaks=len(peaks),
        true_peaks=true_peaks,
        named=int(np.sum(named)),
    )
