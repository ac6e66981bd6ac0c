"""Peaks and hits as columns, and as pandas tables: window-relative columns, then genome-forward ones.

Intervals are 0-based and half-open. Genome columns are empty where the window's place on the genome is not known.
``docs/formats.md`` lists every column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decima_core.naming import best_hits
from decima_core.outputs.text_rows import Columns
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
    return as_table(peaks_columns(result))


def hits_table(result: Interpretation) -> pd.DataFrame:
    """One row a hit, ordered by peak and p-value.

    ``peak`` is the position of the summit the site lies under (empty where there is none); ``from_tss`` is that of the
    site's first base in transcript orientation; ``matched_seq`` is read along the motif, so reverse-complemented on ``-``.
    """
    return as_table(hits_columns(result))


def as_table(columns: Columns) -> pd.DataFrame:
    """Columns as a table; masked whole numbers are missing."""
    return pd.DataFrame({name: _as_pandas(column) for name, column in columns.items()})


def _as_pandas(column: npt.NDArray[Any]) -> Any:
    if isinstance(column, np.ma.MaskedArray):
        return pd.arrays.IntegerArray(np.array(column.data), np.array(np.ma.getmaskarray(column)))
    return column


def peaks_columns(result: Interpretation) -> dict[str, npt.NDArray[Any]]:
    """The columns of :func:`peaks_table`."""
    peaks, record, hits = result.peaks, result.record, result.hits
    best = best_hits(hits, peaks)
    extra = {name: np.asarray(values) for name, values in peaks.extra.items()}
    return {
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


def hits_columns(result: Interpretation) -> dict[str, npt.NDArray[Any]]:
    """The columns of :func:`hits_table`."""
    hits, record, peaks = result.hits, result.record, result.peaks
    under = hits.peak >= 0
    summit = np.zeros(len(hits), dtype=np.int64)
    if len(peaks):
        summit = peaks.position[np.where(under, hits.peak, 0)]
    strands = np.full(len(hits), None, dtype=object)
    if record.locus is not None:
        strands = record.locus.to_genome_strand(hits.strand == "+").astype(object)
    return {
        "gene": np.full(len(hits), record.gene, dtype=object),
        "motif_id": hits.motif_id,
        "motif_name": hits.motif_name,
        "start": hits.start,
        "end": hits.end,
        "strand": hits.strand.astype(object),
        "score": hits.score,
        "p_value": hits.p_value,
        "q_value": hits.q_value,
        "matched_seq": _matched(result),
        "site_attr_score": hits.site_attr_score,
        "motif_attr_score": hits.motif_attr_score,
        "peak": np.ma.masked_array(summit, ~under),
        "from_tss": _from_tss(hits.start, record),
        **genome_columns(record, hits.start, hits.end),
        "genome_strand": strands,
    }


def _matched(result: Interpretation) -> npt.NDArray[Any]:
    """The sequence of each hit, read along the motif."""
    hits, record, length = result.hits, result.record, len(result.record)
    sequences: npt.NDArray[Any] = np.empty(len(hits), dtype=object)
    if not len(hits):
        return sequences
    forward, backward = decode(record.codes), decode(reverse_complement(record.codes))
    sequences[:] = [
        forward[start:end] if strand == "+" else backward[length - end : length - start]
        for start, end, strand in zip(hits.start.tolist(), hits.end.tolist(), hits.strand.tolist(), strict=True)
    ]
    return sequences


def _from_tss(position: npt.NDArray[np.int64], record: GeneRecord) -> npt.NDArray[Any]:
    return _unknown(len(position)) if record.tss is None else position - record.tss


def _unknown(n: int) -> npt.NDArray[Any]:
    """Whole numbers that are all missing."""
    return np.ma.masked_array(np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool))


def _at(values: npt.NDArray[Any], index: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """``values[index]``, None where the index is -1."""
    out = np.full(len(index), None, dtype=object)
    out[index >= 0] = values[index[index >= 0]]
    return out


def genome_columns(record: GeneRecord, start: npt.NDArray[Any], end: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """``chrom, genome_start, genome_end`` of window intervals; empty where the window's place is not known."""
    n = len(start)
    if record.locus is None:
        return {"chrom": np.full(n, None, dtype=object), "genome_start": _unknown(n), "genome_end": _unknown(n)}
    genome_start, genome_end = record.locus.to_genome(start, end)
    return {
        "chrom": np.full(n, record.locus.chrom, dtype=object),
        "genome_start": np.ma.masked_array(genome_start, np.zeros(n, dtype=bool)),
        "genome_end": np.ma.masked_array(genome_end, np.zeros(n, dtype=bool)),
    }
