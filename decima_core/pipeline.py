"""The stages in order: gene, attribution, peaks, motifs. The file to read first.

    gene in a file - data source -> GeneRecord - model + target -> attribution method -> Attribution
                                                                                            |
                          outputs <- Interpretation <- motif scanner <- Peaks <- peak caller

:func:`interpret` yields one gene at a time, so memory is that of a gene or two however long the list. :func:`annotate` begins in
the middle, with attributions that were made elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import zip_longest

import attrs
import torch

from decima_core.attribute import explain_each
from decima_core.compute import Computation, computed
from decima_core.deviation import Deviation, measure_deviation
from decima_core.device import resolve_device
from decima_core.errors import ConfigError, DataError, MotifError, PeakError, UnknownNameError, guarded
from decima_core.guard import left_as_found
from decima_core.joint_method import JointMethod
from decima_core.joint_target import JointTarget
from decima_core.providers import AttributionMethod, DataSource, MotifScanner, PeakCaller, SequenceModel
from decima_core.read_ahead import ReadAhead
from decima_core.records import Attribution, GeneRecord, Interpretation, MotifHits, Peaks
from decima_core.scores.reader import ScoreReader
from decima_core.sections import ComputeOptions, TargetOptions
from decima_core.targets import make_target


def interpret(
    source: DataSource,
    model: SequenceModel,
    method: AttributionMethod,
    caller: PeakCaller,
    scanner: MotifScanner,
    *,
    target: TargetOptions | Sequence[TargetOptions] | None = None,
    genes: str | Iterable[str] | None = None,
    seq_len: int | None = None,
    device: str | torch.device | None = None,
    method_name: str = "",
    compute: ComputeOptions | None = None,
) -> Iterator[Interpretation]:
    """Explain genes one by one.

    Parameters
    ----------
    source, model, method, caller, scanner
        One provider of each kind; the model is left exactly as found when the iterator ends.
    target
        What to explain; by default the mean of all tasks. Of several, each gene's results come in their order; the gene is read once,
        and methods that can compute all from one forward pass.
    genes
        A gene name or several; by default all of the source's, in its order. The next is read while one is computed.
    seq_len
        Window length; by default the model's, else the source's own.
    device
        ``"cpu"``, ``"cuda"``, ``"mps"``; by default the best there is.
    compute
        In which precision, with how much memory, compiled or not.

    Raises
    ------
    DecimaError
        One of its subclasses, naming the gene and the stage, at the first gene that fails.
    """
    names = [genes] if isinstance(genes, str) else list(source.genes() if genes is None else genes)
    with explainer(
        source,
        model,
        method,
        caller,
        scanner,
        target=target,
        seq_len=seq_len,
        device=device,
        method_name=method_name,
        compute=compute,
    ) as explained:
        for name, following in with_following(names):
            yield from explained(name, Clock(), following)


@contextmanager
def explainer(
    source: DataSource,
    model: SequenceModel,
    method: AttributionMethod,
    caller: PeakCaller,
    scanner: MotifScanner,
    *,
    target: TargetOptions | Sequence[TargetOptions] | None = None,
    seq_len: int | None = None,
    device: str | torch.device | None = None,
    method_name: str = "",
    compute: ComputeOptions | None = None,
) -> Iterator[Explainer]:
    """What explains one gene by its name, for each target in turn; as :func:`interpret`.

    The model is on its device as long as the context lasts. A gene that fails leaves nothing behind in it, so others may follow.
    """
    length = window_length(model, seq_len)
    where = resolve_device(device)
    wanted = target or TargetOptions(transform="aggregate")
    each = [wanted] if isinstance(wanted, TargetOptions) else list(wanted)
    with ExitStack() as stack:
        passes = len(each) if isinstance(method, JointMethod) else 1
        computation = stack.enter_context(computed(model, compute or ComputeOptions(), where, passes))
        targets = JointTarget([make_target(model, options, source.tasks, computation.module) for options in each])
        stack.enter_context(left_as_found(targets, where))
        reading = stack.enter_context(ReadAhead(lambda name: read_gene(source, name, length)))
        yield Explainer(reading, model, targets, method, caller, scanner, where, method_name, computation)


class Explainer:
    """``explained(name, clock)`` yields the results of one gene, one for each target; :func:`explainer` makes it ready.

    ``following`` is the gene that is asked for next, if that is known: it is read meanwhile. The clock is told the stages.
    """

    def __init__(
        self,
        reading: ReadAhead[GeneRecord],
        model: SequenceModel,
        targets: JointTarget,
        method: AttributionMethod,
        caller: PeakCaller,
        scanner: MotifScanner,
        device: torch.device,
        method_name: str,
        computation: Computation,
    ) -> None:
        self._reading, self._model, self._targets, self._device = reading, model, targets, device
        self._method, self._method_name, self._computation = method, method_name, computation
        self._caller, self._scanner = caller, scanner

    def __call__(self, name: str, clock: Clock, following: str | None = None) -> Iterator[Interpretation]:
        before = dict(clock.seconds)
        with clock("read"):
            record = self._reading.get(name, following)
        stream = explain_each(record, self._model, self._targets, self._method, self._device, self._method_name)
        with left_as_found(self._targets), closing(stream):
            while True:
                with clock("attribute"):
                    attribution = next(stream, None)
                if attribution is None:
                    return
                result = name_peaks(record, attribution, self._caller, self._scanner, clock)
                yield attrs.evolve(result, seconds=clock.since(before))
                before = dict(clock.seconds)

    def deviation(self, name: str) -> Deviation:
        """How far a gene's results lie from those in float32; the first target's stand for all."""
        first, *_ = self._targets.each()
        return measure_deviation(
            self._reading.get(name),
            self._model,
            first,
            self._method,
            self._device,
            self._computation,
            self._method_name,
        )


def with_following(names: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each name and the one after it; None after the last."""
    return zip_longest(names, names[1:])


def annotate(
    scores: ScoreReader, caller: PeakCaller, scanner: MotifScanner, *, genes: str | Iterable[str] | None = None
) -> Iterator[Interpretation]:
    """Call peaks and name motifs on scores that were made elsewhere, window by window.

    They take the place of source, model and method in :func:`interpret`; all that follows is the same.

    Parameters
    ----------
    scores
        The windows and their scores; :func:`~decima_core.open_scores` opens a file of them.
    caller, scanner
        One provider of each kind.
    genes
        A window's name or several; by default all, in their order.

    Raises
    ------
    DecimaError
        One of its subclasses, naming the window and the stage, at the first window that fails.
    """
    names = [genes] if isinstance(genes, str) else list(scores.names if genes is None else genes)
    for name in names:
        yield annotate_one(scores, caller, scanner, name, Clock())


def annotate_one(
    scores: ScoreReader, caller: PeakCaller, scanner: MotifScanner, name: str, clock: Clock
) -> Interpretation:
    """One window of :func:`annotate`."""
    with clock("read"):
        record, attribution = read_scores(scores, name)
    return name_peaks(record, attribution, caller, scanner, clock)


def name_peaks(
    record: GeneRecord, attribution: Attribution, caller: PeakCaller, scanner: MotifScanner, clock: Clock
) -> Interpretation:
    """The stages after the attribution: its peaks, and the motifs under them."""
    with clock("peaks"):
        peaks = call_peaks(caller, attribution)
    with clock("motifs"):
        hits = scan_motifs(scanner, record, attribution, peaks)
    return Interpretation(record=record, attribution=attribution, peaks=peaks, hits=hits, seconds=clock.seconds)


def read_scores(scores: ScoreReader, name: str) -> tuple[GeneRecord, Attribution]:
    """One window of a reader, checked to be the one that was asked for.

    Raises
    ------
    DataError
        If the reader raises anything else, or returns something else.
    """
    found = guarded(lambda: scores.read(name), DataError, f"Reading the scores of '{name}'")
    record, attribution = found if isinstance(found, tuple) and len(found) == 2 else (None, None)
    if not (isinstance(record, GeneRecord) and isinstance(attribution, Attribution)):
        raise DataError(
            f"The reader of scores returned {type(found).__name__} for '{name}', not a record and its scores."
        )
    if not record.gene == attribution.gene == name or len(record) != len(attribution):
        raise DataError(
            f"The reader of scores returned {len(record):,} bases of '{record.gene}' and scores of {len(attribution):,} of "
            f"'{attribution.gene}' when '{name}' was read; both must be of that window."
        )
    return record, attribution


def read_gene(source: DataSource, gene: str, length: int | None) -> GeneRecord:
    """One gene of a source, checked to be the one that was asked for.

    Raises
    ------
    DataError
        If the source raises anything else, or returns another gene or length.
    """
    record = guarded(lambda: source.read(gene, length), DataError, f"Reading gene '{gene}'")
    if not isinstance(record, GeneRecord) or record.gene != gene:
        what = f"gene '{record.gene}'" if isinstance(record, GeneRecord) else type(record).__name__
        raise DataError(
            f"The data source returned {what} when gene '{gene}' was read; it must return that gene's GeneRecord."
        )
    if length is not None and len(record) != length:
        raise DataError(
            f"The data source returned {len(record):,} bases of gene '{gene}' when {length:,} were asked for."
        )
    return record


def window_length(model: SequenceModel, seq_len: int | None) -> int | None:
    """The window length of a run: what the user asked for, else what the model needs, else None (the source's own).

    Raises
    ------
    ConfigError
        If the user asked for another length than the model needs.
    """
    if seq_len is not None and model.seq_len is not None and seq_len != model.seq_len:
        raise ConfigError(
            f"seq_len is {seq_len:,}, but model '{model.name}' needs windows of {model.seq_len:,} bases; leave seq_len out."
        )
    return seq_len if seq_len is not None else model.seq_len


def call_peaks(caller: PeakCaller, attribution: Attribution) -> Peaks:
    """The peaks of one attribution, checked to be of its window.

    Raises
    ------
    PeakError
        If the caller raises or returns something else.
    """
    peaks = guarded(lambda: caller.call(attribution), PeakError, f"Peak calling on gene '{attribution.gene}'")
    if not isinstance(peaks, Peaks) or peaks.length != len(attribution):
        raise PeakError(
            f"The peak caller returned {type(peaks).__name__} for gene '{attribution.gene}', not Peaks of its window."
        )
    return peaks


def scan_motifs(scanner: MotifScanner, record: GeneRecord, attribution: Attribution, peaks: Peaks) -> MotifHits:
    """The motif hits of one gene, checked to be of its window.

    Raises
    ------
    MotifError
        If the scanner raises or returns something else.
    """
    hits = guarded(
        lambda: scanner.scan(record, attribution, peaks), MotifError, f"Motif scanning of gene '{record.gene}'"
    )
    if not isinstance(hits, MotifHits) or hits.length != len(record):
        raise MotifError(
            f"The motif scanner returned {type(hits).__name__} for gene '{record.gene}', not MotifHits of its window."
        )
    if len(hits) and hits.peak.max() >= len(peaks):
        raise MotifError(
            f"The motif scanner put a hit of gene '{record.gene}' under peak {hits.peak.max()}, but there are {len(peaks)} peaks, "
            "numbered from 0."
        )
    return hits


def select_genes(source: DataSource, genes: Sequence[str], split: str | None) -> list[str]:
    """The genes a run is about: those named, else those of a split, else all; each once.

    Raises
    ------
    UnknownNameError
        For a gene or split that does not exist, before anything is computed.
    ConfigError
        If none is left.
    """
    listed = guarded(lambda: list(source.genes(None if genes else split)), DataError, "Listing the genes of the source")
    names = chosen_names("gene", genes, listed, source.files)
    if not names:
        where = f"split '{split}'" if split else "the source"
        raise ConfigError(f"There are no genes to explain in {where}; see what there is with: decima-core genes FILE")
    return names


def chosen_names(what: str, asked: Sequence[str], listed: Sequence[str], files: Sequence[str]) -> list[str]:
    """The names asked for, each once, or all that ``files`` list. Raises UnknownNameError for one that is not listed."""
    names = list(dict.fromkeys(asked)) if asked else list(listed)
    known = set(listed)
    for name in names:
        if name not in known:
            raise UnknownNameError(what, name, listed, where=", ".join(f"'{f}'" for f in files))
    return names


class Clock:
    """Wall time by stage, in seconds; ``with clock("read"): ...`` adds to what the stage has. ``stage`` is the last that began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.stage = ""

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started, self.stage = time.perf_counter(), stage
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started

    def since(self, before: Mapping[str, float]) -> dict[str, float]:
        """What each stage took since it had ``before``; stages that did not run are left out."""
        return {
            stage: spent - before.get(stage, 0.0) for stage, spent in self.seconds.items() if spent != before.get(stage)
        }
