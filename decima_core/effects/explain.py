"""Attributions of both alleles on one axis, and what the variant did to the motifs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from decima_core.attribute import explain
from decima_core.datasets.variants import VariantDataset
from decima_core.device import resolve_device
from decima_core.effects.motif_changes import motif_changes
from decima_core.effects.replicates import Replicates
from decima_core.effects.stream import Stream
from decima_core.providers import AttributionMethod, DataSource, MotifScanner, SequenceModel
from decima_core.records import Attribution, GeneRecord
from decima_core.sections import ComputeOptions, TargetOptions
from decima_core.sequence import BASES
from decima_core.variants.alignment import Alignment, align


@attrs.frozen(kw_only=True, eq=False)
class VariantExplanation:
    """One variant in one gene, explained.

    Parameters
    ----------
    row
        Its row of the table of variants.
    alignment
        The axis on which both alleles lie; A columns.
    ref_record, alt_record
        The windows, L bases each.
    ref, alt
        Their attributions.
    motifs
        Motifs gained, lost and changed; see :func:`decima_core.effects.motif_changes.motif_changes`.
    """

    row: pd.Series[Any]
    alignment: Alignment
    ref_record: GeneRecord
    alt_record: GeneRecord
    ref: Attribution
    alt: Attribution
    motifs: pd.DataFrame

    def values(self, allele: str) -> npt.NDArray[np.float32]:
        """The attribution of ``"ref"`` or ``"alt"`` on the axis, ``(4, A)``; NaN at its gaps."""
        return self.alignment.on_axis((self.ref if allele == "ref" else self.alt).values, allele)

    def difference(self) -> npt.NDArray[np.float32]:
        """Alternative minus reference on the axis, summed over the four bases, ``(A,)``.

        A base that one allele lacks counts as zero there. NaN at the edges, which only one window reaches.
        """
        ref, alt = (self.values(allele).sum(axis=0) for allele in ("ref", "alt"))
        difference = np.nan_to_num(alt) - np.nan_to_num(ref)
        return np.asarray(np.where(self.alignment.event == "edge", np.nan, difference), dtype=np.float32)

    def table(self, flank: int | None = None) -> pd.DataFrame:
        """A row for each column of the axis, or for those within ``flank`` columns of the variant.

        ``ref_position``, ``alt_position`` (in the windows), ``from_tss`` (of the reference base), ``ref_base``, ``alt_base``,
        ``event`` (``match``, ``substitution``, ``insertion``, ``deletion``, ``edge``), ``ref_attribution``,
        ``alt_attribution`` (summed over bases) and ``difference``. What does not exist is empty.
        """
        axis = self.alignment
        columns = np.arange(len(axis))
        if flank is not None:
            first, last = self._site()
            columns = columns[max(0, first - flank) : last + flank]
        tss = self.ref_record.tss
        ref_position, alt_position = (_whole(index[columns]) for index in (axis.ref, axis.alt))
        return pd.DataFrame(
            {
                "ref_position": ref_position,
                "alt_position": alt_position,
                "from_tss": ref_position - tss if tss is not None else _whole(np.full(len(columns), -1)),
                "ref_base": _letters(self.ref_record, axis.ref[columns]),
                "alt_base": _letters(self.alt_record, axis.alt[columns]),
                "event": axis.event[columns].astype(object),
                "ref_attribution": self.values("ref").sum(axis=0)[columns],
                "alt_attribution": self.values("alt").sum(axis=0)[columns],
                "difference": self.difference()[columns],
            }
        )

    def _site(self) -> tuple[int, int]:
        """Half-open bounds of the variant on the axis."""
        changed = np.flatnonzero(~np.isin(self.alignment.event, ("match", "edge")))
        return int(changed[0]), int(changed[-1]) + 1


def _whole(index: npt.NDArray[np.int64]) -> Any:
    values = pd.array(index, dtype="Int64")
    values[index < 0] = pd.NA
    return values


def _letters(record: GeneRecord, index: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    letters = np.array([*BASES, "N", None], dtype=object)
    return letters[np.where(index < 0, 5, record.codes[index])]


def explain_variants(
    source: DataSource,
    model: SequenceModel | Sequence[SequenceModel],
    method: AttributionMethod,
    scanner: MotifScanner,
    variants: Any,
    *,
    target: TargetOptions | None = None,
    seq_len: int | None = None,
    normalise: bool = False,
    strict: bool = False,
    pad_with_n: bool = False,
    genes: Sequence[str] | None = None,
    device: str | torch.device | None = None,
    method_name: str = "",
    compute: ComputeOptions | None = None,
) -> Iterator[VariantExplanation]:
    """Explain variants one by one: those whose status is ``ok``, each in each gene.

    The arguments are those of :func:`decima_core.effects.variant_effects`, with an attribution method and a motif scanner; here
    low memory is of use.
    Attributions are of the window where it is, without shifts; those of replicates are averaged, as predictions are.

    Raises
    ------
    DecimaError
        One of its subclasses, at the first variant that fails.
    """
    where = resolve_device(device)
    wanted = target or TargetOptions(transform="aggregate")
    with Replicates.ready(model, wanted, source.tasks, where, compute) as replicates:
        stream = Stream.open(
            source, replicates.first, variants, seq_len=seq_len, normalise=normalise, strict=strict, pad_with_n=pad_with_n,
            genes=genes,
        )  # fmt: skip
        for dataset in stream.datasets():
            for number in range(dataset.n_seqs):
                yield explain_one(dataset, number, replicates, method, scanner, where, method_name)


def explain_one(
    dataset: VariantDataset,
    number: int,
    replicates: Replicates,
    method: AttributionMethod,
    scanner: MotifScanner,
    device: torch.device,
    method_name: str = "",
) -> VariantExplanation:
    """The explanation of the ``number``-th variant of a dataset that has items; the models are ready on ``device``."""
    before, after = attributions_of(dataset, number, replicates, method, device, method_name)
    ref, alt = dataset.alleles(number)
    records = ref.record(), alt.record()
    alignment = align(ref, alt)
    row = dataset.variants.iloc[dataset.rows[number]]
    motifs = motif_changes(scanner, records, (before, after), (ref.bases(), alt.bases()), alignment)
    return VariantExplanation(
        row=row,
        alignment=alignment,
        ref_record=records[0],
        alt_record=records[1],
        ref=before,
        alt=after,
        motifs=motifs,
    )


def attributions_of(
    dataset: VariantDataset,
    number: int,
    replicates: Replicates,
    method: AttributionMethod,
    device: torch.device,
    method_name: str = "",
) -> tuple[Attribution, Attribution]:
    """The attributions of the reference and of the alternative of the ``number``-th variant that has items, without shifts."""
    ref, alt = (
        _attribution(allele.record(), replicates, method, device, method_name) for allele in dataset.alleles(number)
    )
    return ref, alt


def _attribution(
    record: GeneRecord, replicates: Replicates, method: AttributionMethod, device: torch.device, method_name: str
) -> Attribution:
    each = [
        explain(record, model, target, method, device, method_name)
        for model, target in zip(replicates.models, replicates.targets, strict=True)
    ]
    if len(each) == 1:
        return each[0]
    deltas = [a.convergence_delta for a in each if a.convergence_delta is not None]
    return attrs.evolve(
        each[0],
        values=np.mean([a.values for a in each], axis=0),
        target=replicates.description,
        prediction=float(np.mean([a.prediction for a in each if a.prediction is not None])),
        convergence_delta=float(np.mean(deltas)) if deltas else None,
    )
