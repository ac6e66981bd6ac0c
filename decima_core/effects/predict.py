"""Effects of variants on the prediction, as a stream of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from decima_core.attribute import check_fit
from decima_core.datasets.variants import VariantDataset
from decima_core.device import resolve_device
from decima_core.effects.replicates import Replicates
from decima_core.effects.stream import Stream
from decima_core.errors import ConfigError, ModelError
from decima_core.pipeline import read_gene
from decima_core.providers import DataSource, SequenceModel
from decima_core.sections import ComputeOptions, TargetOptions

# Columns of the target; those of single tasks follow, as "difference:TASK" and "log2_ratio:TASK".
EFFECT_COLUMNS = ("prediction_ref", "prediction_alt", "difference", "log2_ratio")


def variant_effects(
    source: DataSource,
    model: SequenceModel | Sequence[SequenceModel],
    variants: Any,
    *,
    target: TargetOptions | None = None,
    seq_len: int | None = None,
    shifts: Sequence[int] = (0,),
    normalise: bool = False,
    strict: bool = False,
    pad_with_n: bool = False,
    genes: Sequence[str] | None = None,
    batch_size: int | None = None,
    device: str | torch.device | None = None,
    compute: ComputeOptions | None = None,
) -> Iterator[pd.DataFrame]:
    """What variants do to the prediction, one row for each variant and gene, as tables of a few hundred rows.

    Parameters
    ----------
    source
        Where genes come from.
    model
        One model, or several replicates of it whose predictions are averaged.
    variants
        As for :class:`~decima_core.datasets.VariantDataset`; a file is read as it goes.
    target
        Tasks to look at, and tasks to contrast with; by default the mean of all tasks.
    seq_len
        Window length; by default the model's, else the source's own.
    shifts
        The window is moved by each of these numbers of bases, and predictions are averaged.
    normalise, strict, pad_with_n
        As for :class:`~decima_core.datasets.VariantDataset`.
    genes
        Look at these genes alone.
    batch_size
        Sequences in one forward pass, an even number: both alleles of a variant always go together. By default as many as
        make about a million bases, at most 64.
    device
        ``"cpu"``, ``"cuda"``, ``"mps"``; by default the best there is.
    compute
        In which precision, compiled or not. Low memory changes nothing here, for no gradient is taken.

    Yields
    ------
    DataFrame
        The columns of the table of variants, then those of the target: ``prediction_ref``, ``prediction_alt``, ``difference``
        (alternative minus reference) and ``log2_ratio`` (of alternative to reference; with off-tasks, that of the on-tasks
        minus that of the off-tasks). Then ``difference:TASK`` and ``log2_ratio:TASK`` of each task looked at. A ratio is empty where a
        prediction is not above zero, and all of them where the status is not ``ok``.

    Raises
    ------
    DecimaError
        One of its subclasses: a file that cannot be read, a model that fails or predicts NaN.
    """
    where = resolve_device(device)
    wanted = target or TargetOptions(transform="aggregate")
    with Replicates.ready(model, wanted, source.tasks, where, without_gradients(compute)) as replicates:
        stream = Stream.open(
            source, replicates.first, variants, seq_len=seq_len, shifts=shifts, normalise=normalise, strict=strict,
            pad_with_n=pad_with_n, genes=genes,
        )  # fmt: skip
        names = named_tasks(replicates, stream, where)
        for dataset in stream.datasets():
            yield effects_of(dataset, replicates, names, where, batch_size)


def without_gradients(compute: ComputeOptions | None) -> ComputeOptions:
    """How a model is computed that is asked for predictions alone: there is nothing to hold less of."""
    given = compute or ComputeOptions()
    return ComputeOptions(precision=given.precision, compile=given.compile)


def effects_of(
    dataset: VariantDataset,
    replicates: Replicates,
    names: Mapping[int, str],
    device: torch.device,
    batch_size: int | None = None,
) -> pd.DataFrame:
    """The effects of one dataset's variants, a row for each of its rows; the models are ready on ``device``.

    ``names`` gives the name of each task, by number, that has columns of its own.
    """
    predictions = predict(dataset, replicates, device, batch_size)
    columns: dict[str, Any] = {}
    for name, value in _effects(predictions, replicates, names).items():
        columns[name] = np.full(len(dataset.variants), np.nan)
        columns[name][dataset.rows] = value
    return pd.concat([dataset.variants, pd.DataFrame(columns, index=dataset.variants.index)], axis=1)


def default_batch_size(seq_len: int) -> int:
    """About a million bases, in pairs of alleles."""
    return 2 * max(1, min(32, 2**19 // seq_len))


def named_tasks(replicates: Replicates, stream: Stream, device: torch.device) -> dict[int, str]:
    """Name of each task that is looked at, by number. The models are ready.

    Names are the model's, else the source's if it has as many, else the numbers. One that several tasks have is told apart by
    the task's number, as in ``CD14 (3)``.
    """
    names = tuple(replicates.first.tasks)
    if not names:
        source = stream.windows.source
        record = read_gene(source, source.genes()[0], stream.windows.length)
        check_fit(record, replicates.first)
        count = replicates.predictions(torch.from_numpy(record.inputs())[None].to(device)).shape[1]
        names = tuple(source.tasks) if len(source.tasks) == count else tuple(str(n) for n in range(count))
    on = replicates.targets[0].on
    often = Counter(names)
    numbers = range(len(names)) if on is None else on
    return {n: names[n] if often[names[n]] == 1 else f"{names[n]} ({n})" for n in numbers}


def predict(
    dataset: VariantDataset,
    replicates: Replicates,
    device: torch.device,
    batch_size: int | None = None,
    variants: int | None = None,
) -> npt.NDArray[np.float64]:
    """Predictions ``(variants, 2, T)`` of the dataset's variants that have items, or of the first ``variants`` of them: of both
    alleles, averaged over the shifts.

    Raises
    ------
    ConfigError
        If ``batch_size`` is odd.
    ModelError
        If the model fails, or predicts NaN.
    """
    batch_size = batch_size or default_batch_size(dataset.seq_len)
    wanted = dataset.n_seqs if variants is None else min(variants, dataset.n_seqs)
    stop_at = wanted * dataset.n_augmented * dataset.n_alleles
    if batch_size < 2 or batch_size % 2:
        raise ConfigError(f"batch_size is {batch_size}; both alleles go in one batch, so it must be an even number.")
    parts = []
    for start in range(0, stop_at, batch_size):
        items = range(start, min(start + batch_size, stop_at))
        inputs = torch.stack([dataset[i] for i in items]).to(device)
        _check(dataset, replicates.first, items)
        predictions = replicates.predictions(inputs).cpu().numpy()
        if not np.isfinite(predictions).all():
            row = int(np.flatnonzero(~np.isfinite(predictions).all(axis=1))[0])
            raise ModelError(
                f"Model '{replicates.first.name}' predicts NaN or infinity for {_words(dataset, items[row])}; check its weights."
            )
        parts.append(predictions)
    if not parts:
        return np.empty((0, 2, 0))
    whole = np.concatenate(parts)
    averaged = whole.reshape(wanted, dataset.n_augmented, 2, -1).mean(axis=1)
    return np.asarray(averaged, dtype=np.float64)


def _check(dataset: VariantDataset, model: SequenceModel, items: range) -> None:
    per_variant = dataset.n_augmented * dataset.n_alleles
    for variant in range(items.start // per_variant, (items.stop - 1) // per_variant + 1):
        check_fit(dataset.alleles(variant)[0].record(), model)


def _words(dataset: VariantDataset, item: int) -> str:
    row = dataset.variants.iloc[dataset.rows[item // (dataset.n_augmented * dataset.n_alleles)]]
    return f"variant {row['ref_tx']}>{row['alt_tx']} at position {row['rel_pos']} of gene '{row['gene']}'"


def _effects(
    predictions: npt.NDArray[np.float64], replicates: Replicates, names: Mapping[int, str]
) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of effects, each ``(variants,)``, out of predictions ``(variants, 2, T)``."""
    if not len(predictions):
        columns = [f"{what}:{name}" for name in names.values() for what in ("difference", "log2_ratio")]
        return {name: np.empty(0) for name in (*EFFECT_COLUMNS, *columns)}
    target = replicates.targets[0]
    ref, alt = (torch.from_numpy(np.ascontiguousarray(predictions[:, allele])) for allele in (0, 1))
    (on_ref, off_ref), (on_alt, off_alt) = target.parts(ref), target.parts(alt)
    ratio = _log2_ratio(on_ref.numpy(), on_alt.numpy())
    if off_ref is not None and off_alt is not None:
        ratio = ratio - _log2_ratio(off_ref.numpy(), off_alt.numpy())
    values = (target.value(ref), target.value(alt))
    effects = {
        "prediction_ref": values[0].numpy(),
        "prediction_alt": values[1].numpy(),
        "difference": (values[1] - values[0]).numpy(),
        "log2_ratio": ratio,
    }
    for number, name in names.items():
        before, after = predictions[:, 0, number], predictions[:, 1, number]
        effects[f"difference:{name}"] = after - before
        effects[f"log2_ratio:{name}"] = _log2_ratio(before, after)
    return effects


def _log2_ratio(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log2(after / before), NaN where either is not above zero."""
    ratio = np.full(len(before), np.nan)
    fine = (before > 0) & (after > 0)
    ratio[fine] = np.log2(after[fine] / before[fine])
    return ratio
