"""All that was found for one gene."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from decima_core.records.attribution import Attribution
from decima_core.records.gene import GeneRecord
from decima_core.records.motifs import MotifHits
from decima_core.records.peaks import Peaks


@attrs.frozen(kw_only=True, eq=False)
class Interpretation:
    """All that was found for one gene; ``seconds`` maps each stage to its wall time."""

    record: GeneRecord
    attribution: Attribution
    peaks: Peaks
    hits: MotifHits
    seconds: Mapping[str, float] = attrs.field(factory=dict)
