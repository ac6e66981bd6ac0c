"""Peaks and hits as pandas tables: window-relative columns, then genome-forward ones.

Intervals are 0-based and half-open. Genome columns are empty where the window's place on the genome is not known.
``docs/formats.md`` lists every column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decima_core.naming import best_hits
from decima_core.records import GeneRecord, Interpretation
from decima_core.records.peaks import PEAK_COLUMNS as PEAK_COLUMNS
from decima_core.sequence import decode, reverse_complement

HIT_COLUMNS = (
    "gene",
    "motif_id",
    "motif_name",
    "start",
    "end",
    "strand",
    "score",
    "p_value",
    "q_value",
    "matched_seq",
    "site_attr_score",
    "motif_attr_score",
    "peak",
    "from_tss",
    "chrom",
    "genome_start",
    "genome_end",
    "genome_strand",
)


def peaks_table(result: Interpretation) -> pd.DataFrame:
    """One row a peak, highest first; ``peak`` is the summit's position in the window, extra columns of the caller follow
    ``sign``; ``best_motif_id`` and ``best_motif_name`` name the hit that explains the peak best (empty without hits)."""
    peaks, record, hits = result.peaks, result.record, result.hits
    best = best_hits(hits, peaks)
    extra = {name: np.asarray(values) for name, values in peaks.extra.items()}
    columns: dict[str, Any] = {
        "gene": np.full(len(peaks), record.gene, dtype=object),
        "peak": peaks.position,
        "start": peaks.start,
        "end": peaks.end,
        "height": peaks.height,
        "from_tss": _from_tss(peaks.position, record),
        "sign": np.where(peaks.sign > 0, "+", "-").astype(object),
        **extra,
        **genome_columns(record, peaks.start, peaks.end),
        "best_motif_id": _at(hits.motif_id, best),
        "best_motif_name": _at(hits.motif_name, best),
    }
    return pd.DataFrame(columns)


def hits_table(result: Interpretation) -> pd.DataFrame:
    """One row a hit, ordered by peak and p-value.

    ``peak`` is the position of the summit the site lies under (empty where there is none); ``from_tss`` is that of the
    site's first base in transcript orientation; ``matched_seq`` is read along the motif, so reverse-complemented on ``-``.
    """
    hits, record, peaks = result.hits, result.record, result.peaks
    forward, backward, length = decode(record.codes), decode(reverse_complement(record.codes)), len(record)
    sequences = [
        forward[start:end] if strand == "+" else backward[length - end : length - start]
        for start, end, strand in zip(hits.start.tolist(), hits.end.tolist(), hits.strand.tolist(), strict=True)
    ]
    under = hits.peak >= 0
    summit = pd.array(np.zeros(len(hits), dtype=np.int64), dtype="Int64")
    if len(peaks):
        summit = pd.array(peaks.position[np.where(under, hits.peak, 0)], dtype="Int64")
    summit[~under] = pd.NA
    columns: dict[str, Any] = {
        "gene": np.full(len(hits), record.gene, dtype=object),
        "motif_id": hits.motif_id,
        "motif_name": hits.motif_name,
        "start": hits.start,
        "end": hits.end,
        "strand": hits.strand.astype(object),
        "score": hits.score,
        "p_value": hits.p_value,
        "q_value": hits.q_value,
        "matched_seq": np.array(sequences, dtype=object),
        "site_attr_score": hits.site_attr_score,
        "motif_attr_score": hits.motif_attr_score,
        "peak": summit,
        "from_tss": _from_tss(hits.start, record),
        **genome_columns(record, hits.start, hits.end),
    }
    strands = np.full(len(hits), None, dtype=object)
    if record.locus is not None:
        strands = record.locus.to_genome_strand(hits.strand == "+").astype(object)
    columns["genome_strand"] = strands
    return pd.DataFrame(columns)


def _from_tss(position: npt.NDArray[np.int64], record: GeneRecord) -> Any:
    if record.tss is None:
        return pd.array([pd.NA] * len(position), dtype="Int64")
    return position - record.tss


def _at(values: npt.NDArray[Any], index: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """``values[index]``, None where the index is -1."""
    out = np.full(len(index), None, dtype=object)
    out[index >= 0] = values[index[index >= 0]]
    return out


def genome_columns(record: GeneRecord, start: Any, end: Any) -> dict[str, Any]:
    """``chrom, genome_start, genome_end`` of window intervals; empty where the window's place is not known."""
    n = len(start)
    if record.locus is None:
        missing = pd.array([pd.NA] * n, dtype="Int64")
        return {"chrom": np.full(n, None, dtype=object), "genome_start": missing, "genome_end": missing}
    genome_start, genome_end = record.locus.to_genome(np.asarray(start), np.asarray(end))
    return {
        "chrom": np.full(n, record.locus.chrom, dtype=object),
        "genome_start": pd.array(genome_start, dtype="Int64"),
        "genome_end": pd.array(genome_end, dtype="Int64"),
    }
