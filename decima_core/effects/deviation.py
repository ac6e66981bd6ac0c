"""How far another precision lies from float32 in what variants do: measured on the first variants, in numbers and in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import torch

from decima_core.datasets.variants import VariantDataset
from decima_core.deviation import Difference
from decima_core.effects.predict import default_batch_size, predict
from decima_core.effects.replicates import Replicates
from decima_core.records import Attribution


@attrs.frozen(kw_only=True)
class VariantDeviation:
    """How the results of variants in another precision differ from those in float32.

    ``variants`` is on how many it was measured, ``gene`` that of the first. ``effect`` is of the differences between the alleles,
    ``prediction`` of the predictions for both, each for all tasks; ``attribution`` is of both alleles of the first variant, None where
    they are not attributed.
    """

    precision: str
    variants: int
    gene: str
    effect: Difference
    prediction: Difference
    attribution: Difference | None

    def facts(self) -> dict[str, Any]:
        """It in plain values, for ``run.json``."""
        return {name: value for name, value in attrs.asdict(self).items() if value is not None}

    def __str__(self) -> str:
        on = "the first variant" if self.variants == 1 else f"the first {self.variants} variants"
        attribution = "" if self.attribution is None else f"; attribution of the first with {self.attribution}"
        return (
            f"In {self.precision} instead of float32, on {on}: effects on the tasks with {self.effect}; predictions of the tasks with "
            f"{self.prediction}{attribution}."
        )


def measure_variants(
    dataset: VariantDataset,
    replicates: Replicates,
    device: torch.device,
    batch_size: int | None = None,
    attribute: Callable[[], Sequence[Attribution]] | None = None,
) -> VariantDeviation:
    """Compute the first variants of a dataset, as many as go in one batch, in float32 and in the precision of the replicates.

    ``attribute`` gives the attributions of both alleles of the first variant. The models are ready on ``device``, and a variant of the
    dataset has items. Raises as :func:`~decima_core.effects.predict.predict`, and what ``attribute`` does.
    """
    size = batch_size or default_batch_size(dataset.seq_len)
    variants = min(dataset.n_seqs, max(1, size // (dataset.n_alleles * dataset.n_augmented)))

    def both() -> tuple[Any, Any]:
        values = None if attribute is None else np.stack([attribution.values for attribution in attribute()])
        return predict(dataset, replicates, device, size, variants), values

    with replicates.in_float32():
        exact, exact_values = both()
    other, other_values = both()
    return VariantDeviation(
        precision=replicates.computations[0].options.precision,
        variants=variants,
        gene=str(dataset.variants.iloc[dataset.rows[0]]["gene"]),
        effect=Difference.of(exact[:, 1] - exact[:, 0], other[:, 1] - other[:, 0]),
        prediction=Difference.of(exact, other),
        attribution=None if exact_values is None else Difference.of(exact_values, other_values),
    )
