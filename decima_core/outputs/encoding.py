"""One gene's results as the bytes that are stored: made once, and then only put in their places.

The chunks of ``attributions.h5`` are compressed here, the tables are text here. So whatever makes them, in whatever process, pays for
that; whoever puts the files of a run together copies bytes.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.attribution_layout import FULL, PROJECTED, SCALE, Layout, project, to_half
from decima_core.naming import best_hits
from decima_core.outputs.bed import hits_bed, peaks_bed
from decima_core.outputs.tables import hits_columns, peaks_columns
from decima_core.outputs.text_rows import Columns, text_rows
from decima_core.records import Interpretation

# Positions in a chunk, about 256 KiB: small enough that one region reads fast, large enough to compress well.
CHUNK = 16_384
_LEVEL = 1


@attrs.frozen
class Rows:
    """Rows of a table: the names of its columns and the text of its lines, UTF-8."""

    columns: tuple[str, ...]
    text: bytes

    @classmethod
    def of(cls, columns: Columns) -> Rows:
        return cls(tuple(columns), text_rows(columns).encode())


@attrs.frozen(kw_only=True)
class GeneSummary:
    """What there is to tell of one gene and target: counts, its highest peak, and the motif that explains that best.

    ``top`` is the highest peak's summit in the window and ``from_tss`` its distance to the TSS; None where there is none.
    ``motif`` is the motif's id, name and p-value.
    """

    gene: str
    peaks: int
    hits: int
    top: int | None = None
    from_tss: int | None = None
    motif: tuple[str, str, float] | None = None

    @classmethod
    def of(cls, result: Interpretation) -> GeneSummary:
        """The summary of a gene's results."""
        peaks, hits, top, distance, motif = result.peaks, result.hits, None, None, None
        if len(peaks):
            top, tss = int(peaks.position[0]), result.record.tss
            distance = None if tss is None else top - tss
            best = int(best_hits(hits, peaks)[0])
            if best >= 0:
                motif = (str(hits.motif_id[best]), str(hits.motif_name[best]), float(hits.p_value[best]))
        return cls(
            gene=result.record.gene,
            peaks=len(peaks),
            hits=len(hits),
            top=top,
            from_tss=distance,
            motif=motif,
        )


@attrs.frozen(kw_only=True)
class EncodedResult:
    """The results of one gene and one target, ready to be stored.

    Parameters
    ----------
    gene, length
        The gene's name, and the bases of its window.
    arrays
        ``attribution`` or ``projected``, ``sequence`` and perhaps ``hypothetical``: the compressed chunks of each, from left to
        right.
    facts
        What ``attributions.h5`` says of the gene in one number or word each; what is not known is None.
    tables
        The rows of each table by the name of its file.
    summary
        What there is to tell of it.
    """

    gene: str
    length: int
    arrays: Mapping[str, tuple[bytes, ...]]
    facts: Mapping[str, Any]
    tables: Mapping[str, Rows]
    summary: GeneSummary


def encode(result: Interpretation, layout: Layout = "full") -> EncodedResult:
    """One gene's results as the bytes that are stored.

    Raises
    ------
    OutputError
        If the layout holds the base that is there alone, and the method scores others too.
    """
    record, attribution, locus = result.record, result.attribution, result.record.locus
    start, end = record.mask_bounds
    scale: float | None = None
    arrays: dict[str, npt.NDArray[Any]] = {"sequence": record.codes}
    if layout == "full":
        arrays[FULL] = attribution.values
    else:
        arrays[PROJECTED] = project(attribution.values, record.codes, record.gene)
    if layout == "float16":
        arrays[PROJECTED], scale = to_half(arrays[PROJECTED])
    if attribution.hypothetical is not None:
        arrays["hypothetical"] = attribution.hypothetical
    peaks, hits = peaks_columns(result), hits_columns(result)
    return EncodedResult(
        gene=record.gene,
        length=len(record),
        arrays=_compressed(arrays),
        facts={
            "gene_mask_start": start,
            "gene_mask_end": end,
            "tss": record.tss,
            "prediction": attribution.prediction,
            "convergence_delta": attribution.convergence_delta,
            SCALE: scale,
            **{name: getattr(locus, name, None) for name in ("chrom", "start", "end", "strand")},
        },
        tables={
            "peaks.tsv": Rows.of(peaks),
            "peaks.bed": Rows.of(peaks_bed(peaks)),
            "hits.tsv": Rows.of(hits),
            "hits.bed": Rows.of(hits_bed(hits)),
        },
        summary=GeneSummary.of(result),
    )


def _compressed(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, tuple[bytes, ...]]:
    """The last axis of each in chunks, as HDF5's filters shuffle and gzip store them; the last chunk is filled up with zeros.

    On a GPU, attribution takes about as long as one thread needs to compress what comes of it; so all threads do that.
    """
    parts = [
        (name, array[..., at : at + size], size)
        for name, array in arrays.items()
        for size in [min(array.shape[-1], CHUNK)]
        for at in range(0, array.shape[-1], size)
    ]
    threads = min(_threads(), len(parts) // 2)
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        packed = list((pool.map if pool else map)(lambda part: _packed(*part[1:]), parts))
    return {name: tuple(data for part, data in zip(parts, packed, strict=True) if part[0] == name) for name in arrays}


def _threads() -> int:
    """As many as one operation of torch may use: what ``--threads`` and the environment say. One where torch is not loaded."""
    torch = sys.modules.get("torch")
    return 1 if torch is None else int(torch.get_num_threads())


def _packed(part: npt.NDArray[Any], size: int) -> bytes:
    whole = np.zeros((*part.shape[:-1], size), dtype=part.dtype)
    whole[..., : part.shape[-1]] = part
    width = whole.dtype.itemsize
    # Shuffled: the first bytes of all numbers, then the second bytes, and so on.
    return zlib.compress(whole.reshape(-1).view(np.uint8).reshape(-1, width).T.tobytes(), _LEVEL)
