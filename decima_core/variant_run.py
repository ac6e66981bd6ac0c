"""A whole run over variants: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy.typing as npt
import pandas as pd
import torch

import decima_core
from decima_core.compute import check_computable
from decima_core.config import Plan, RunConfig, refuse_targets
from decima_core.datasets.variants import VariantDataset
from decima_core.deviation import measured_or_told
from decima_core.device import resolve_device
from decima_core.effects.deviation import VariantDeviation, measure_variants
from decima_core.effects.explain import VariantExplanation, attributions_of, explain_one
from decima_core.effects.motif_changes import CHANGE_COLUMNS
from decima_core.effects.predict import effects_of, named_tasks, without_gradients
from decima_core.effects.replicates import Replicates
from decima_core.effects.stream import Stream
from decima_core.errors import ConfigError
from decima_core.outputs.manifest import InputHashes
from decima_core.outputs.partial_folder import check_free
from decima_core.outputs.variant_folder import VariantFolder
from decima_core.pipeline import Clock
from decima_core.providers import SequenceModel
from decima_core.records import Attribution
from decima_core.registry import Registry
from decima_core.run_record import RunClock, manifest, model_facts, option_files, seeded
from decima_core.sections import ComputeOptions
from decima_core.variants.read import files_of

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class VariantSummary:
    """What a run did: the folder, rows by status, motif changes by kind, wall time in seconds by stage; and how far the precision that it
    was computed in lies from float32, if it is another."""

    output: Path
    device: str
    statuses: Mapping[str, int]
    motifs: Mapping[str, int]
    seconds: Mapping[str, float]
    deviation: VariantDeviation | None = None


@attrs.frozen(kw_only=True)
class VariantObserver:
    """Called as a run goes on: ``started(device, output)``, ``part_done(table)``, ``explained(explanation)``."""

    started: Callable[[str, Path], None] = lambda device, output: None
    part_done: Callable[[pd.DataFrame], None] = lambda table: None
    explained: Callable[[VariantExplanation], None] = lambda explanation: None


def run_variants(
    config: RunConfig | Plan,
    *,
    registry: Registry | None = None,
    observer: VariantObserver | None = None,
) -> VariantSummary:
    """Tell what every variant does to the prediction, and with ``variants.attribute`` to the motifs; write the results.

    Writes ``effects`` as TSV and Parquet; with ``variants.attribute`` also ``motif_changes`` and ``alleles.h5``; ``run.json``
    last.

    Raises
    ------
    DecimaError
        One of its subclasses; the output folder then holds no ``run.json`` and no file that looks finished.
    """
    settings = config.config if isinstance(config, Plan) else config
    options = settings.variants
    refuse_targets(settings, "variants")
    plan = config if isinstance(config, Plan) else config.plan(registry or Registry.discover())
    watch = observer or VariantObserver()
    if not options.path:
        raise ConfigError("No variants were given; use --variants in.vcf, or path under [variants] in the TOML file.")
    if not options.formats:
        raise ConfigError("variants.formats is empty; give tsv, parquet or both.")
    clock = RunClock()
    check_free(Path(settings.output), settings.overwrite)
    device = resolve_device(settings.device)
    compute = _compute(plan)
    check_computable(compute, device)
    files = files_of(options.path)
    with ExitStack() as stack:
        stack.enter_context(seeded(settings.seed))
        source = stack.enter_context(plan.stages["source"].create())
        models = _models(plan)
        replicates = stack.enter_context(Replicates.ready(models, settings.target, source.tasks, device, compute))
        stream = Stream.open(
            source,
            replicates.first,
            options.path,
            seq_len=settings.seq_len,
            shifts=options.shifts,
            normalise=options.normalise,
            strict=options.strict,
            pad_with_n=options.pad_with_n,
            genes=settings.genes or (source.genes(settings.split) if settings.split else None),
        )
        explainer = _Explainer(plan, replicates, device) if options.attribute else None
        header = _header(plan, replicates)
        counts: dict[str, dict[str, int]] = {"statuses": {}, "motifs": {}}
        stopwatch = Clock()
        stopwatch.seconds["setup"] = clock.elapsed()
        deviation: VariantDeviation | None = None
        measured = compute.precision == "float32"
        model_files = [file for model in models for file in model.files]
        hashes = InputHashes([*source.files, *model_files, *files, *option_files(plan)])
        try:
            with VariantFolder(
                settings.output,
                formats=options.formats,
                attribute=options.attribute,
                metadata=header,
                overwrite=settings.overwrite,
            ) as folder:
                watch.started(str(device), folder.path)
                names = named_tasks(replicates, stream, device)
                for dataset in stream.datasets():
                    if not measured and dataset.n_seqs:
                        measured = True
                        with stopwatch("compare"):
                            deviation = _deviation(dataset, replicates, device, options.batch_size, explainer)
                    with stopwatch("predict"):
                        table = effects_of(dataset, replicates, names, device, options.batch_size)
                    with stopwatch("write"):
                        folder.write_effects(table)
                    _count(counts["statuses"], table["status"])
                    watch.part_done(table)
                    for number in range(dataset.n_seqs if explainer else 0):
                        assert explainer is not None
                        with stopwatch("attribute"):
                            explanation = explainer(dataset, number)
                        with stopwatch("write"):
                            folder.write_explanation(
                                _attributes(explanation.row), _columns(explanation), _motif_rows(explanation)
                            )
                        _count(counts["motifs"], explanation.motifs["change"])
                        watch.explained(explanation)
                if explainer and not counts["motifs"]:
                    with stopwatch("write"):
                        folder.write_no_motifs(pd.DataFrame(columns=[*MOTIF_LEAD, "rank", *CHANGE_COLUMNS]))
                stopwatch.seconds["total"] = clock.elapsed()
                told: dict[str, Any] = {"inputs": hashes.collect(), "counts": counts, "seconds": stopwatch.seconds}
                if deviation is not None:
                    told["deviation"] = deviation.facts()
                target = replicates.description
                folder.finish(manifest(plan, clock, model=model_facts(models[0]), target=target, device=device, **told))
        finally:
            hashes.close()
    return VariantSummary(
        output=folder.path, device=str(device), seconds=stopwatch.seconds, deviation=deviation, **counts
    )


class _Explainer:
    """The providers that an explanation needs beside the model, made once."""

    def __init__(self, plan: Plan, replicates: Replicates, device: torch.device) -> None:
        self._method, self._scanner = (plan.stages[stage].create() for stage in ("method", "motifs"))
        self._name = plan.stages["method"].provider.spec.name
        self._replicates, self._device = replicates, device

    def __call__(self, dataset: VariantDataset, number: int) -> VariantExplanation:
        return explain_one(dataset, number, self._replicates, self._method, self._scanner, self._device, self._name)

    def attributions(self, dataset: VariantDataset, number: int) -> tuple[Attribution, Attribution]:
        """Those of both alleles of a variant."""
        return attributions_of(dataset, number, self._replicates, self._method, self._device, self._name)


def _compute(plan: Plan) -> ComputeOptions:
    """How the models are computed; what makes no difference is told."""
    compute = plan.config.compute
    if plan.config.variants.attribute:
        return compute
    if compute.low_memory:
        logger.warning(
            "low_memory is without effect: predictions alone take no more memory than one layer; it is of use with --attribute."
        )
    return without_gradients(compute)


def _deviation(
    dataset: VariantDataset,
    replicates: Replicates,
    device: torch.device,
    batch_size: int | None,
    explainer: _Explainer | None,
) -> VariantDeviation | None:
    """How far the first variants lie from float32, which is told; None where that cannot be measured, which is told too."""
    attribute = None if explainer is None else partial(explainer.attributions, dataset, 0)
    found = measured_or_told(partial(measure_variants, dataset, replicates, device, batch_size, attribute))
    if found is not None:
        logger.warning("%s", found)
    return found


def _models(plan: Plan) -> list[SequenceModel]:
    """The model, and one more for each further file of weights."""
    planned = plan.stages["model"]
    models = [planned.create()]
    for weights in plan.config.variants.replicates:
        if not any(field.name == "weights" for field in attrs.fields(type(planned.options))):
            raise ConfigError(
                f"The model '{planned.provider.spec.name}' takes no weights, so it has no replicates; leave out "
                "variants.replicates."
            )
        models.append(attrs.evolve(planned, options=attrs.evolve(planned.options, weights=weights)).create())
    return models


def _header(plan: Plan, replicates: Replicates) -> dict[str, str]:
    """The header lines of every table."""
    options = plan.config.variants
    explained = {"method": plan.stages["method"].provider.spec.name} if options.attribute else {}
    return {
        "decima_core": decima_core.__version__,
        "model": replicates.first.name,
        "target": replicates.description,
        **explained,
        "variants": options.path,
        "shifts": ",".join(str(shift) for shift in options.shifts),
        "positions": "pos 1-based with alleles on the forward strand, as in VCF; all others 0-based and half-open; window columns "
        "in transcript orientation",
        "difference": "alternative minus reference, in the unit of the model's prediction",
        "log2_ratio": "log2 of alternative to reference; with off-tasks, that of the tasks minus that of the off-tasks",
    }


def _count(counts: dict[str, int], values: pd.Series[Any]) -> None:
    for value, n in values.value_counts().items():
        counts[str(value)] = counts.get(str(value), 0) + int(n)


# The variant's own columns before those of motif_changes; "chrom" there is the site's.
MOTIF_LEAD = ("variant_chrom", "pos", "ref", "alt", "gene", "ref_tx", "alt_tx", "rel_pos")
_ROW = ("chrom", "pos", "ref", "alt", "gene", "strand", "rel_pos", "ref_tx", "alt_tx", "tss_dist")


def _attributes(row: pd.Series[Any]) -> dict[str, Any]:
    """A row as attributes of an HDF5 group; what is not known is left out."""
    return {name: row[name] for name in _ROW if not pd.isna(row[name])}


def _columns(explanation: VariantExplanation) -> dict[str, npt.NDArray[Any]]:
    axis = explanation.alignment
    return {
        "ref_position": axis.ref.astype("int32"),
        "alt_position": axis.alt.astype("int32"),
        "event": axis.event,
        "ref_attribution": explanation.values("ref"),
        "alt_attribution": explanation.values("alt"),
        "difference": explanation.difference(),
    }


def _motif_rows(explanation: VariantExplanation) -> pd.DataFrame:
    """The motif changes under the variant that made them, ranked from 1."""
    row, motifs = explanation.row, explanation.motifs
    lead = {name: row[name.removeprefix("variant_")] for name in MOTIF_LEAD}
    table = motifs.copy()
    for place, (name, value) in enumerate(lead.items()):
        kind = "Int64" if name in ("pos", "rel_pos") else object
        table.insert(place, name, pd.Series([value] * len(motifs), dtype=kind))
    table.insert(len(lead), "rank", range(1, len(motifs) + 1))
    return table
