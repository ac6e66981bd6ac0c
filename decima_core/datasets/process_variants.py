"""``process_variants``: where variants lie in genes' windows, before any sequence is read."""

from __future__ import annotations

from typing import Any

import pandas as pd

from decima_core.anndata_tables import annotation
from decima_core.datasets.numbers import whole
from decima_core.datasets.settled import Windows, window_index
from decima_core.datasets.variant_table import loci_of, variants_frame
from decima_core.providers import DataSource
from decima_core.variants.place import Placed, WindowIndex, place
from decima_core.variants.read import read_variants


def process_variants(variants: Any, ad: Any, min_from_end: int = 0, *, keep_all: bool = False) -> pd.DataFrame:
    """Match variants to genes, and turn them into transcript orientation.

    Parameters
    ----------
    variants
        As for :class:`~decima_core.datasets.VariantDataset`: a VCF, a table, or a DataFrame with ``chrom, pos, ref, alt`` and
        perhaps ``gene``. Without ``gene`` a variant has a row for each gene whose window it lies in.
    ad
        The genes: an AnnData object, a ``.h5ad`` file or its ``.var`` (index gene; ``chrom, start, end, strand`` of the window,
        0-based half-open, and ``gene_mask_start`` for ``tss_dist``), or a data source that knows its genes' places.
    min_from_end
        Least distance of a variant from both ends of the window, in bases.
    keep_all
        Keep the rows whose status is not ``ok``.

    Returns
    -------
    DataFrame
        ``chrom, pos, ref, alt, gene, strand, rel_pos, ref_tx, alt_tx, tss_dist, status``; ``rel_pos`` is the 0-based window
        position of the first base of ``ref_tx``. ``.attrs["dropped"]`` counts by status what is not ``ok``. REF is not held
        against the genome here: VariantDataset does that.

    Raises
    ------
    DataError
        If a table lacks a column or cannot be read.
    ConfigError
        If ``min_from_end`` is negative or not whole.
    """
    margin = whole("min_from_end", min_from_end)
    if isinstance(ad, DataSource):
        index, tss = window_index(ad, Windows(ad, None)), {}
    else:
        var = annotation(ad, "var")
        index = WindowIndex(loci_of(var), {})
        known = var["gene_mask_start"].dropna() if "gene_mask_start" in var else pd.Series(dtype=float)
        tss = dict(zip(known.index.astype(str), known, strict=True))
    rows = list(place(read_variants(variants), index))
    for row in rows:
        if row.rel_pos is None:
            continue
        if row.gene in tss:
            row.tss_dist = row.rel_pos - int(tss[row.gene])
        if row.status == "ok" and not _inside(row, index, margin):
            row.status = "out_of_window"
    table = variants_frame(rows)
    counts = table["status"].value_counts()
    result = table if keep_all else table[table["status"] == "ok"].reset_index(drop=True)
    result.attrs["dropped"] = {str(status): int(n) for status, n in counts.items() if status != "ok"}
    return result


def _inside(row: Placed, index: WindowIndex, margin: int) -> bool:
    assert row.rel_pos is not None
    return margin <= row.rel_pos and row.rel_pos + len(row.ref_tx) <= len(index.loci[row.gene]) - margin
