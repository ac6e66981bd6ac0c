"""How far another precision lies from float32: measured on one gene, in numbers and in words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import torch

from decima_core.attribute import explain, model_inputs
from decima_core.compute import Computation
from decima_core.errors import DecimaError
from decima_core.guard import left_as_found
from decima_core.providers import AttributionMethod, SequenceModel
from decima_core.records import GeneRecord
from decima_core.targets import Target

logger = logging.getLogger(__name__)
T = TypeVar("T")


def measured_or_told(measure: Callable[[], T], what: str = "this precision") -> T | None:
    """What ``measure()`` finds; None, and a warning with its reason, where that fails, such as for memory, of which float32 needs more."""
    try:
        return measure()
    except DecimaError as error:
        logger.warning("How far %s lies from float32 could not be measured: %s", what, error)
        return None


@attrs.frozen(kw_only=True)
class Difference:
    """How two arrays of the same numbers differ.

    ``correlation`` is Pearson's, None where one of them does not vary; ``largest`` is the largest difference over the largest
    absolute value of the exact one, None where that is zero.
    """

    correlation: float | None
    largest: float | None

    @classmethod
    def of(cls, exact: npt.ArrayLike, other: npt.ArrayLike) -> Difference:
        """How ``other`` differs from ``exact``."""
        one, two = (np.asarray(values, dtype=np.float64).ravel() for values in (exact, other))
        varies = one.size > 1 and np.ptp(one) > 0 and np.ptp(two) > 0
        scale = float(np.abs(one).max(initial=0))
        return cls(
            correlation=float(np.corrcoef(one, two)[0, 1]) if varies else None,
            largest=float(np.abs(one - two).max()) / scale if scale else None,
        )

    def __str__(self) -> str:
        alike = "constant" if self.correlation is None else f"correlation {self.correlation:.6f}"
        return alike if self.largest is None else f"{alike}, largest difference {self.largest:.2g} of the largest value"


@attrs.frozen(kw_only=True)
class Deviation:
    """How the results of one gene in another precision differ from those in float32: of all tasks' predictions, and of one
    target's attribution."""

    precision: str
    gene: str
    prediction: Difference
    attribution: Difference

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Deviation:
        """The one that :meth:`facts` tells of."""
        differences = {name: Difference(**facts[name]) for name in ("prediction", "attribution")}
        return cls(precision=facts["precision"], gene=facts["gene"], **differences)

    def facts(self) -> dict[str, Any]:
        """It in plain values, for ``run.json``."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        return (
            f"In {self.precision} instead of float32, on gene '{self.gene}': attribution with {self.attribution}; predictions of the "
            f"tasks with {self.prediction}."
        )


def measure_deviation(
    record: GeneRecord,
    model: SequenceModel,
    target: Target,
    method: AttributionMethod,
    device: torch.device,
    computation: Computation,
    method_name: str = "",
) -> Deviation:
    """Explain a gene in float32 and in the precision of ``computation``, which the target is on, and compare.

    The target is ready on its device. Raises as :func:`~decima_core.attribute.explain`.
    """

    def both() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        with left_as_found(target), torch.no_grad():
            predictions = target.predictions(*model_inputs(record, model, device))[0].float().cpu().numpy()
        with left_as_found(target):
            return predictions, explain(record, model, target, method, device, method_name).values

    with computation.in_float32():
        exact = both()
    other = both()
    return Deviation(
        precision=computation.options.precision,
        gene=record.gene,
        prediction=Difference.of(exact[0], other[0]),
        attribution=Difference.of(exact[1], other[1]),
    )
