"""Recall and precision count what they say."""

from __future__ import annotations

import pandas as pd

from decima_core.demo.compare import compare


def test_counts_on_a_case_done_by_hand():
    place = {"chrom": "c", "genome_strand": "+"}
    planted = pd.DataFrame(
        [
            {
                "gene": "A",
                "motif_id": "M1",
                "motif_name": "one",
                "start": 10,
                "end": 20,
                "genome_start": 110,
                "genome_end": 120,
                **place,
            },
            {
                "gene": "A",
                "motif_id": "M2",
                "motif_name": "two",
                "start": 40,
                "end": 50,
                "genome_start": 140,
                "genome_end": 150,
                **place,
            },
            {
                "gene": "B",
                "motif_id": "M1",
                "motif_name": "one",
                "start": 10,
                "end": 20,
                "genome_start": 510,
                "genome_end": 520,
                **place,
            },
        ]
    )
    peaks = pd.DataFrame(
        {"gene": ["A", "A", "A", "B"], "peak": [10, 19, 30, 20], "best_motif_name": ["one", "two", "", "one"]}
    )
    hit = {"gene": "A", "chrom": "c", "genome_strand": "+", "p_value": 1e-5}
    hits = pd.DataFrame(
        [
            {**hit, "motif_id": "M9", "motif_name": "nine", "genome_start": 112, "genome_end": 121, "p_value": 1e-7},
            {**hit, "motif_id": "M1", "motif_name": "one", "genome_start": 110, "genome_end": 120},
            {**hit, "motif_id": "M2", "motif_name": "two", "genome_start": 141, "genome_end": 151},
        ]
    )
    table, recovery = compare(planted, peaks, hits)
    assert table.found.tolist() == [True, False, False]
    assert table.best_motif.tolist() == ["one", "", ""]
    assert table.placed.tolist() == [True, False, False]
    assert (recovery.found, recovery.sites, recovery.true_peaks, recovery.peaks) == (1, 3, 2, 4)
    assert (recovery.recall, recovery.precision, recovery.placed, recovery.named) == (1 / 3, 0.5, 1, 1)
