"""What each base contributes."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.arrays import (
    to_float32,
)
from decima_core.errors import AttributionError
from decima_core.records.gene import GeneRecord


@attrs.frozen(kw_only=True, eq=False)
class Attribution:
    """What each base contributes to the target.

    Parameters
    ----------
    gene
        The gene's name.
    values
        ``(4, L)`` float32, one value a base and position, in transcript orientation.
    tss
        Window position of the TSS; None where it is not known.
    method
        Name of the attribution method.
    target
        The explained quantity in words, e.g. ``"mean of CD14 - mean of all 99 other tasks"``.
    prediction
        The target's value on the gene itself, if known.
    convergence_delta
        Sum of the attributions minus (target at the sequence - target at the baseline), for methods that promise
        completeness; None for the others.
    hypothetical
        ``(4, L)`` float32, what each of the four bases would contribute, also those that the sequence does not have; None
        where the method was not asked for them.

    Raises
    ------
    AttributionError
        If ``values`` or ``hypothetical`` has another shape or holds NaN or infinity.
    """

    gene: str
    values: npt.NDArray[np.float32] = attrs.field(converter=to_float32)
    tss: int | None = None
    method: str = ""
    target: str = ""
    prediction: float | None = None
    convergence_delta: float | None = None
    hypothetical: npt.NDArray[np.float32] | None = attrs.field(
        default=None, converter=attrs.converters.optional(to_float32)
    )

    def __attrs_post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[0] != 4:
            raise AttributionError(
                f"Attributions of gene '{self.gene}' have shape {self.values.shape}; they must be (4, length)."
            )
        if self.hypothetical is not None and self.hypothetical.shape != self.values.shape:
            raise AttributionError(
                f"Hypothetical scores of gene '{self.gene}' have shape {self.hypothetical.shape} beside attributions of shape "
                f"{self.values.shape}; there is one for each."
            )
        for what, scores in (("Attributions", self.values), ("Hypothetical scores", self.hypothetical)):
            if scores is not None and not np.isfinite(scores).all():
                at = int(np.flatnonzero(~np.isfinite(scores).all(0))[0])
                raise AttributionError(
                    f"{what} of gene '{self.gene}' by '{self.method}' hold NaN or infinity, first at position {at:,}; "
                    "check the model's weights and whether the target divides by zero."
                )

    def __len__(self) -> int:
        return int(self.values.shape[1])

    def projected(self, record: GeneRecord) -> Attribution:
        """The same with zero for every base that the sequence does not have: attribution x one-hot.

        Hypothetical scores, which have a value for all four bases, must be projected before their peaks are called.
        """
        return attrs.evolve(self, values=self.values * record.one_hot())

    def track(self) -> npt.NDArray[np.float32]:
        """One value a position, ``(L,)``: the sum over the four bases.

        Raises
        ------
        AttributionError
            If the sum overflows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            track = np.asarray(self.values.sum(axis=0), dtype=np.float32)
        if not np.isfinite(track).all():
            raise AttributionError(
                f"The attributions of gene '{self.gene}' are too large to be summed over the bases; scale them down."
            )
        return track
