"""p-values of sites that are no hits: from the whole distribution of a motif's score, made when it is first asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from decima_core.scanning.p_values import tail
from decima_core.scanning.sites import Sites
from decima_core.scanning.strands import N_LOSS, StrandSet

Floats = npt.NDArray[np.float64]

# A table takes some 100 KiB and 10 ms to make.
_KEPT = 512


class WholeDistributions:
    """The p-values of one strand set over all losses. The least recently used tables are forgotten; none is pickled."""

    def __init__(self, strands: StrandSet) -> None:
        self._strands = strands
        self._tables: OrderedDict[int, Floats] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"_strands": self._strands, "_tables": OrderedDict()}

    def p_values(self, sites: Sites) -> Floats:
        """p-values ``(H,)``; 1 where a site holds an N. Those of hits are the very numbers that a scan gives."""
        p = np.ones(len(sites))
        hit = sites.loss <= self._strands.threshold[sites.strand]
        p[hit] = self._strands.p_value(sites.strand[hit], sites.loss[hit])
        weak = ~hit & (sites.loss < N_LOSS)
        for strand in np.unique(sites.strand[weak]).tolist():
            rows = weak & (sites.strand == strand)
            p[rows] = self._table(strand)[sites.loss[rows]]
        return p

    def _table(self, strand: int) -> Floats:
        if strand not in self._tables:
            found = self._strands.strands[strand]
            self._tables[strand] = tail(found.losses, found.background, 1.0)
            if len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        self._tables.move_to_end(strand)
        return self._tables[strand]
