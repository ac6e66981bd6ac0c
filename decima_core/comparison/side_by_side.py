"""The stages of several contenders, gene by gene; what they share is done once."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

import attrs
import torch

from decima_core.attribute import explain
from decima_core.comparison import measures
from decima_core.comparison.measures import Agreement
from decima_core.compute import Computation, computed
from decima_core.deviation import Deviation, measure_deviation, measured_or_told
from decima_core.device import resolve_device
from decima_core.errors import ConfigError, DecimaError
from decima_core.guard import left_as_found
from decima_core.pipeline import Clock, call_peaks, read_gene, scan_motifs, window_length
from decima_core.providers import AttributionMethod, DataSource, MotifScanner, PeakCaller, SequenceModel
from decima_core.records import Attribution, GeneRecord, Interpretation, Peaks
from decima_core.sections import CompareOptions, ComputeOptions, TargetOptions
from decima_core.targets import Target, make_target

T = TypeVar("T")
Path = tuple[str, ...]  # labels of a method, a caller and a scanner, or the first ones of these
logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class GeneComparison:
    """One gene by every contender.

    Parameters
    ----------
    gene
        Its name.
    contenders
        Labels of all of them, also of those that failed; the reference is the first.
    results
        What each contender found, by label, the reference first; one that failed is left out from then on. ``seconds`` of a
        result are those of its own stages, shared or not; reading the gene is not among them.
    agreements
        By ordered pair of labels: the second held against the first.
    failures
        Why contenders failed, of this gene or an earlier one, by label.
    deviations
        How far each method's results lie from those in float32, by the method's label; of the first gene alone, and only where they
        are computed in another precision.
    """

    gene: str
    contenders: tuple[str, ...]
    results: Mapping[str, Interpretation]
    agreements: Mapping[tuple[str, str], Agreement]
    failures: Mapping[str, str]
    deviations: Mapping[str, Deviation] = attrs.field(factory=dict)


def compare(
    source: DataSource,
    model: SequenceModel,
    methods: Mapping[str, AttributionMethod],
    callers: Mapping[str, PeakCaller],
    scanners: Mapping[str, MotifScanner],
    *,
    target: TargetOptions | None = None,
    genes: str | Iterable[str] | None = None,
    seq_len: int | None = None,
    device: str | torch.device | None = None,
    options: CompareOptions | None = None,
    compute: ComputeOptions | None = None,
) -> Iterator[GeneComparison]:
    """Hold every combination of methods, peak callers and motif scanners against the first one, gene by gene.

    A gene is read once, attributed once by each method, and its peaks are called once by each caller for each method. Memory is
    that of one gene by all contenders.

    Parameters
    ----------
    source, model
        As for :func:`decima_core.interpret`; the model is left exactly as found when the iterator ends.
    methods, callers, scanners
        Providers by a label of your choice; the first of each makes the reference. A contender is labelled by the stages that
        have several, such as ``"deep-lift + scipy"``.
    target, genes, seq_len, device, compute
        As for :func:`decima_core.interpret`.
    options
        ``top``, ``distance`` and ``p_value`` of the measures; which providers are compared is not looked up here.

    Raises
    ------
    ConfigError
        If there are fewer than two contenders.
    DecimaError
        One of its subclasses, if a gene cannot be read; DecimaError itself if the reference fails. Any other contender that
        fails is left out of the genes that follow, and once all others have failed the iterator ends.
    """
    labels = labels_of(methods, callers, scanners)
    names = [genes] if isinstance(genes, str) else list(source.genes() if genes is None else genes)
    length = window_length(model, seq_len)
    where = resolve_device(device)
    failures: dict[Path, str] = {}
    with ExitStack() as stack:
        computation = stack.enter_context(computed(model, compute or ComputeOptions(), where))
        wanted = target or TargetOptions(transform="aggregate")
        function = make_target(model, wanted, source.tasks, computation.module)
        stack.enter_context(left_as_found(function, where))
        stages = _Stages(model, function, methods, callers, scanners, where, failures)
        for name in names:
            work = _OneGene(read_gene(source, name, length), stages)
            results = {}
            for path, label in labels.items():
                try:
                    results[label] = work.result(path)
                except DecimaError as error:
                    if not results:
                        raise DecimaError(
                            f"{error} This was the reference, '{label}', with which all others are compared."
                        ) from error
            measured = work.deviations(computation) if name == names[0] else {}
            told = {label: failures[p] for path, label in labels.items() for p in failures if path[: len(p)] == p}
            yield GeneComparison(
                gene=name,
                contenders=tuple(labels.values()),
                results=results,
                agreements=work.agreements(results, options),
                failures=told,
                deviations=measured,
            )
            if len(results) == 1:
                return


def labels_of(methods: Iterable[str], callers: Iterable[str], scanners: Iterable[str]) -> dict[Path, str]:
    """Each combination, the reference first, and its label: the stages in which there is a choice.

    Raises
    ------
    ConfigError
        If there are fewer than two.
    """
    stages = [tuple(methods), tuple(callers), tuple(scanners)]
    paths = list(itertools.product(*stages))
    if len(paths) < 2:
        one = f"only one contender, '{' + '.join(paths[0])}'" if paths else "no contender"
        raise ConfigError(
            f"There is {one}; name several for a stage, as in --method input-x-gradient,deep-lift or "
            "--method 'integrated-gradients[n_steps=20],integrated-gradients[n_steps=200]'."
        )
    contested = [number for number, stage in enumerate(stages) if len(stage) > 1]
    return {path: " + ".join(path[number] for number in contested) for path in paths}


@attrs.frozen
class _Stages:
    """What the genes have in common; ``failures`` says why combinations of one to three stages failed: in words,
    for an exception would keep all that its plugin held alive, the memory that it ran out of too."""

    model: SequenceModel
    target: Target
    methods: Mapping[str, AttributionMethod]
    callers: Mapping[str, PeakCaller]
    scanners: Mapping[str, MotifScanner]
    device: torch.device
    failures: dict[Path, str]


class _OneGene:
    """One gene's stages, each combination done once."""

    def __init__(self, record: GeneRecord, stages: _Stages) -> None:
        self._record, self._stages = record, stages
        self._done: dict[tuple[str, Path], tuple[Any, float]] = {}

    def result(self, path: Path) -> Interpretation:
        """All that one contender finds; a DecimaError where a stage fails, or failed for an earlier gene."""
        method, caller, scanner = path
        s, record = self._stages, self._record
        attribution, attributing = self._once("attribute", (method,), lambda: self._explain(method))
        peaks, calling = self._once("peaks", (method, caller), lambda: call_peaks(s.callers[caller], attribution))
        hits, scanning = self._once(
            "motifs", path, lambda: scan_motifs(s.scanners[scanner], record, attribution, peaks)
        )
        seconds = {"attribute": attributing, "peaks": calling, "motifs": scanning}
        return Interpretation(record=record, attribution=attribution, peaks=peaks, hits=hits, seconds=seconds)

    def _explain(self, method: str) -> Attribution:
        s = self._stages
        # A method that fails may leave hooks on the model; the next one must not run with them.
        with left_as_found(s.target):
            return explain(self._record, s.model, s.target, s.methods[method], s.device, method)

    def deviations(self, computation: Computation) -> dict[str, Deviation]:
        """How far each method that did not fail lies from float32, told in words too; nothing where all is in float32."""
        s, found = self._stages, dict[str, Deviation]()
        for label, method in s.methods.items() if computation.options.precision != "float32" else ():
            if (label,) in s.failures:
                continue
            measure = partial(measure_deviation, self._record, s.model, s.target, method, s.device, computation, label)
            if (deviation := measured_or_told(measure, f"'{label}'")) is not None:
                found[label] = deviation
                logger.warning("%s: %s", label, deviation)
        return found

    def _once(self, stage: str, path: Path, work: Callable[[], T]) -> tuple[T, float]:
        if path in self._stages.failures:
            raise DecimaError(self._stages.failures[path])
        if (stage, path) not in self._done:
            clock = Clock()
            try:
                with clock(stage):
                    value = work()
            except DecimaError as error:
                self._stages.failures[path] = str(error)
                logger.warning("A contender is left out: %s", str(error))
                raise
            self._done[stage, path] = value, clock.seconds[stage]
        return self._done[stage, path]

    def agreements(
        self, results: Mapping[str, Interpretation], options: CompareOptions | None
    ) -> dict[tuple[str, str], Agreement]:
        """Every ordered pair of contenders that stand."""
        held = options or CompareOptions()
        # One attribution serves several contenders, so it is ranked once.
        ranks = {id(r.attribution): measures.ranks(r.attribution) for r in _distinct(results)}
        names = {label: measures.names(r.peaks, r.hits) for label, r in results.items()}
        found = {}
        for (a, first), (b, second) in itertools.combinations(results.items(), 2):
            pairs = measures.pair_peaks(first.peaks, second.peaks, held.top, held.distance)

            def share_found(reference: Peaks, other: Peaks) -> float:
                return measures.peaks_found(reference, other, held.top, held.distance)

            found[a, b] = Agreement(
                spearman=measures.rank_correlation(ranks[id(first.attribution)], ranks[id(second.attribution)]),
                peaks_found=share_found(first.peaks, second.peaks),
                peaks_jaccard=measures.peaks_jaccard(first.peaks, second.peaks, held.top, pairs),
                hits_jaccard=measures.hits_jaccard(first.hits, second.hits, held.p_value),
                same_name=measures.same_name(names[a], names[b], pairs),
            )
            found[b, a] = attrs.evolve(found[a, b], peaks_found=share_found(second.peaks, first.peaks))
        return found


def _distinct(results: Mapping[str, Interpretation]) -> Iterable[Interpretation]:
    """One result for each attribution."""
    return {id(r.attribution): r for r in results.values()}.values()
