"""What the attribution says about sites."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decima_core.records import Attribution
from decima_core.scanning.kernels import kernels
from decima_core.scanning.sites import Sites
from decima_core.scanning.strands import StrandSet

Floats = npt.NDArray[np.float64]


def attribution_scores(sites: Sites, strands: StrandSet, attribution: Attribution) -> tuple[Floats, Floats]:
    """``site_attr_score`` and ``motif_attr_score`` ``(H,)`` of sites, as :class:`MotifHits` defines them."""
    strand, start = strands.places(sites.strand, sites.start, len(attribution))
    values = np.ascontiguousarray(attribution.values, dtype=np.float32)
    site_attr: Floats = np.empty(len(start))
    motif_attr: Floats = np.empty(len(start))
    run = kernels()["attribution"]
    run(
        len(start),
        strand,
        start,
        strands.row,
        strands.width,
        len(attribution),
        values,
        strands.ppm,
        site_attr,
        motif_attr,
    )
    return site_attr, motif_attr
