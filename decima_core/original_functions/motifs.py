"""``find_attr_peaks`` and ``scan_attributions``: peaks of attributions, and the motifs around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from decima_core.errors import DataError
from decima_core.original_functions.kept import registry
from decima_core.outputs.tables import hits_table
from decima_core.pipeline import call_peaks, scan_motifs
from decima_core.records import Attribution, GeneRecord, Interpretation, Peaks
from decima_core.sequence import encode, from_one_hot


def find_attr_peaks(
    attr: Any,
    tss_pos: int | None = None,
    n: int | None = 5,
    min_dist: int = 6,
    height: float | None = 0.1,
    sign: Literal["positive", "negative", "both"] = "positive",
    prominence: float | None = None,
) -> pd.DataFrame:
    """The ``n`` highest peaks of attributions ``(4, L)`` summed over bases, at least ``min_dist`` bases apart.

    ``height`` is the least height; None takes the scale-free threshold of the peak caller ``scipy``. Returns ``peak``
    (position), ``height`` and, if ``tss_pos`` is given, ``from_tss``, highest first.

    Raises
    ------
    AttributionError
        If ``attr`` has another shape or holds NaN.
    """
    attribution = Attribution(gene="attr", values=_numpy(attr))
    options = {"number": n, "distance": min_dist, "height": height, "sign": sign, "prominence": prominence}
    peaks = call_peaks(registry().create("peaks", "scipy", **options), attribution)
    table = pd.DataFrame({"peak": peaks.position, "height": peaks.height})
    if tss_pos is not None:
        table["from_tss"] = table["peak"] - int(tss_pos)
    return table


def scan_attributions(
    seq: Any,
    attr: Any,
    motifs: Any,
    peaks: pd.DataFrame,
    names: str | Iterable[str] | None = None,
    pthresh: float = 1e-3,
    rc: bool = True,
    window: int = 18,
) -> pd.DataFrame:
    """Motif sites in windows around peaks, with their attribution scores.

    Parameters
    ----------
    seq
        The gene's window: one-hot ``(4, L)`` or ``(5, L)``, or a DNA string.
    attr
        Its attributions ``(4, L)``.
    motifs
        ``{id: (4, W) PPM}``, a JASPAR release such as ``"JASPAR2026"``, or the path of a MEME file.
    peaks
        A table with the column ``peak`` (positions in ``seq``), as :func:`find_attr_peaks` returns.
    names
        Keep only motifs of these names or ids.
    pthresh
        Report sites with at most this p-value.
    rc
        Scan both strands.
    window
        Bases around each peak that must hold the site; wider motifs get a window of their own width.

    Returns
    -------
    The columns of the hits table in ``docs/formats.md``; ``start`` and ``end`` count in ``seq``, and
    the gene and genome columns are empty.

    Raises
    ------
    MotifError, UnknownNameError
        If motifs cannot be read or do not exist.
    """
    codes = encode(seq) if isinstance(seq, str) else from_one_hot(_numpy(seq))
    values = _numpy(attr)
    if values.shape[-1:] != codes.shape:
        raise DataError(f"The sequence has {codes.shape[0]:,} bases, but the attributions have {values.shape[-1]:,}.")
    if "peak" not in getattr(peaks, "columns", ()):
        raise DataError("peaks must be a table with the column 'peak', such as find_attr_peaks returns.")
    options = {"motifs": motifs, "p_threshold": pthresh, "both_strands": rc, "window": window, "region": "peaks"}
    scanner = registry().create(
        "motifs", "jaspar", names=(names,) if isinstance(names, str) else tuple(names or ()), **options
    )
    called = _peaks_from_table(peaks, len(codes))
    distances = peaks["from_tss"].dropna() if "from_tss" in peaks else peaks["peak"].iloc[:0]
    tss = int(peaks.loc[distances.index[0], "peak"] - distances.iloc[0]) if len(distances) else None
    record = GeneRecord(gene="seq", codes=codes, tss=tss)
    attribution = Attribution(gene="seq", values=values, tss=tss)
    hits = scan_motifs(scanner, record, attribution, called)
    table = hits_table(Interpretation(record=record, attribution=attribution, peaks=called, hits=hits))
    table["gene"] = None  # a bare sequence has no gene and no place on the genome: those columns are empty
    return table


def _peaks_from_table(table: pd.DataFrame, length: int) -> Peaks:
    position = table["peak"].to_numpy(dtype=float)
    if not (np.isfinite(position) & (position == np.round(position))).all():
        raise DataError("The column 'peak' must hold whole numbers: positions in the sequence.")
    position = position.astype(np.int64)
    outside = (position < 0) | (position >= length)
    if outside.any():
        raise DataError(f"Peak {int(position[outside][0])} lies outside the sequence of {length:,} bases.")
    height = table["height"].to_numpy(dtype=float) if "height" in table else np.zeros(len(table))
    order = np.argsort(-np.abs(height), kind="stable")
    position, height = position[order], height[order]
    return Peaks(position=position, start=position, end=position + 1, height=height, length=length)


def _numpy(array: Any) -> npt.NDArray[Any]:
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
