"""Peaks and hits as BED6 with extra columns.

Where the window's place on the genome is known, rows are on the genome; elsewhere the gene's name stands for the
chromosome and positions count in the window, which a header line says. BED has one row a site, so a hit that lies under
two peaks is written once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def peaks_bed(table: pd.DataFrame) -> pd.DataFrame:
    """BED6 + ``height, from_tss`` of a peaks table; the score is the share of the gene's highest peak, 0-1000."""
    height = table["height"].to_numpy(dtype=float)
    top = float(np.abs(height).max()) if len(height) else 0.0
    score = np.rint(1000 * np.abs(height) / top) if top > 0 else np.zeros(len(height))
    bed = _places(table)
    place = [f"{p:d}" if pd.isna(d) else f"{d:+d}" for p, d in zip(table["peak"], table["from_tss"], strict=True)]
    bed["name"] = [f"{gene}@{at}" for gene, at in zip(table["gene"], place, strict=True)]
    bed["score"] = score.astype(int)
    bed["strand"] = "."
    bed["height"] = table["height"]
    bed["from_tss"] = table["from_tss"]
    return bed


def hits_bed(table: pd.DataFrame) -> pd.DataFrame:
    """BED6 + ``motif_id, p_value, q_value, gene`` of a hits table; the score is -100 log10 p, at most 1000."""
    unique = table.drop_duplicates(["gene", "motif_id", "start", "end", "strand"])
    bed = _places(unique)
    bed["name"] = unique["motif_name"]
    bed["score"] = np.minimum(1000, np.rint(-100 * np.log10(unique["p_value"].to_numpy(dtype=float)))).astype(int)
    bed["strand"] = unique["genome_strand"].where(unique["chrom"].notna(), unique["strand"])
    for column in ("motif_id", "p_value", "q_value", "gene"):
        bed[column] = unique[column]
    return bed


def _places(table: pd.DataFrame) -> pd.DataFrame:
    known = table["chrom"].notna()
    return pd.DataFrame(
        {
            "chrom": table["chrom"].where(known, table["gene"]),
            "start": table["genome_start"].where(known, table["start"]).astype("int64"),
            "end": table["genome_end"].where(known, table["end"]).astype("int64"),
        }
    )
