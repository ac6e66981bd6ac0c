"""Peaks and hits as BED6 with extra columns.

Where the window's place on the genome is known, rows are on the genome; elsewhere the gene's name stands for the
chromosome and positions count in the window, which a header line says. BED has one row a site, so a hit that lies under
two peaks is written once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from decima_core.outputs.text_rows import Columns


def peaks_bed(peaks: Columns) -> dict[str, npt.NDArray[Any]]:
    """BED6 + ``height, from_tss`` of one gene's peaks; the score is the share of the gene's highest peak, 0-1000."""
    height = peaks["height"]
    top = float(np.abs(height).max()) if len(height) else 0.0
    score = np.rint(1000 * np.abs(height) / top) if top > 0 else np.zeros(len(height))
    distance = peaks["from_tss"]
    if isinstance(distance, np.ma.MaskedArray):  # the TSS is not known
        places = [f"{position:d}" for position in peaks["peak"].tolist()]
    else:
        places = [f"{position:+d}" for position in distance.tolist()]
    return {
        **_places(peaks),
        "name": _objects([f"{gene}@{at}" for gene, at in zip(peaks["gene"].tolist(), places, strict=True)]),
        "score": score.astype(int),
        "strand": np.full(len(height), ".", dtype=object),
        "height": height,
        "from_tss": distance,
    }


def hits_bed(hits: Columns) -> dict[str, npt.NDArray[Any]]:
    """BED6 + ``motif_id, p_value, q_value, gene`` of one gene's hits; the score is -100 log10 p, at most 1000."""
    once = _first_of_each(hits)
    hits = {name: column[once] for name, column in hits.items()}
    p_value = hits["p_value"]
    return {
        **_places(hits),
        "name": hits["motif_name"],
        "score": np.minimum(1000, np.rint(-100 * np.log10(p_value))).astype(int),
        "strand": hits["genome_strand"] if _placed(hits) else hits["strand"],
        **{name: hits[name] for name in ("motif_id", "p_value", "q_value", "gene")},
    }


def _first_of_each(hits: Columns) -> npt.NDArray[np.int64]:
    """The first row of each site."""
    seen: dict[tuple[Any, ...], int] = {}
    sites = zip(*(hits[name].tolist() for name in ("motif_id", "start", "end", "strand")), strict=True)
    for row, site in enumerate(sites):
        seen.setdefault(site, row)
    return np.fromiter(seen.values(), dtype=np.int64, count=len(seen))


def _placed(table: Columns) -> bool:
    """Whether the window's place on the genome is known; all rows are of one window."""
    return len(table["chrom"]) > 0 and table["chrom"][0] is not None


def _places(table: Columns) -> dict[str, npt.NDArray[Any]]:
    names = ("chrom", "genome_start", "genome_end") if _placed(table) else ("gene", "start", "end")
    return dict(zip(("chrom", "start", "end"), (table[name] for name in names), strict=True))


def _objects(values: list[str]) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.empty(len(values), dtype=object)
    array[:] = values
    return array
