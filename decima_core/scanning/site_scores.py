"""What the attribution says about sites."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decima_core.records import Attribution
from decima_core.scanning.sites import Sites
from decima_core.scanning.strands import StrandSet

Floats = npt.NDArray[np.float64]


def attribution_scores(sites: Sites, strands: StrandSet, attribution: Attribution) -> tuple[Floats, Floats]:
    """``site_attr_score`` and ``motif_attr_score`` ``(H,)`` of sites, as :class:`MotifHits` defines them."""
    site_attr, motif_attr = np.empty(len(sites)), np.empty(len(sites))
    values = np.ascontiguousarray(attribution.values.T, dtype=np.float32)  # (L, 4): a site's values lie together
    for group, rows, columns in strands.chunks(sites.strand, cells=4):
        at_site = values[sites.start[rows, None] + columns].astype(np.float64)  # (h, W, 4)
        site_attr[rows] = at_site.sum(axis=(1, 2)) / group.width
        ppm = group.ppm[sites.strand[rows] - group.first]
        motif_attr[rows] = np.einsum("hwb,hbw->h", at_site, ppm) / group.width
    return site_attr, motif_attr
