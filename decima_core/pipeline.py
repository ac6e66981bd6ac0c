"""The stages in order: gene, attribution, peaks, motifs. The file to read first.

    gene in a file - data source -> GeneRecord - model + target -> attribution method -> Attribution
                                                                                            |
                          outputs <- Interpretation <- motif scanner <- Peaks <- peak caller

:func:`interpret` yields one gene at a time, so memory is that of one gene however long the list. :func:`annotate` begins in
the middle, with attributions that were made elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch

from decima_core.attribute import explain
from decima_core.device import resolve_device
from decima_core.errors import ConfigError, DataError, MotifError, PeakError, UnknownNameError, guarded
from decima_core.guard import left_as_found
from decima_core.providers import AttributionMethod, DataSource, MotifScanner, PeakCaller, SequenceModel
from decima_core.records import Attribution, GeneRecord, Interpretation, MotifHits, Peaks
from decima_core.scores.reader import ScoreReader
from decima_core.sections import TargetOptions
from decima_core.targets import make_target


def interpret(
    source: DataSource,
    model: SequenceModel,
    method: AttributionMethod,
    caller: PeakCaller,
    scanner: MotifScanner,
    *,
    target: TargetOptions | None = None,
    genes: str | Iterable[str] | None = None,
    seq_len: int | None = None,
    device: str | torch.device | None = None,
    method_name: str = "",
) -> Iterator[Interpretation]:
    """Explain genes one by one.

    Parameters
    ----------
    source, model, method, caller, scanner
        One provider of each kind; the model is left exactly as found when the iterator ends.
    target
        What to explain; by default the mean of all tasks.
    genes
        A gene name or several; by default all of the source's, in its order.
    seq_len
        Window length; by default the model's, else the source's own.
    device
        ``"cpu"``, ``"cuda"``, ``"mps"``; by default the best there is.

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
    ) as explained:
        for name in names:
            yield explained(name, Clock())


@contextmanager
def explainer(
    source: DataSource,
    model: SequenceModel,
    method: AttributionMethod,
    caller: PeakCaller,
    scanner: MotifScanner,
    *,
    target: TargetOptions | None = None,
    seq_len: int | None = None,
    device: str | torch.device | None = None,
    method_name: str = "",
) -> Iterator[Callable[[str, Clock], Interpretation]]:
    """A function that explains one gene by its name and tells a clock the stages; as :func:`interpret`.

    The model is on its device as long as the context lasts. A gene that fails leaves nothing behind in it, so others may follow.
    """
    length = window_length(model, seq_len)
    where = resolve_device(device)
    function = make_target(model, target or TargetOptions(transform="aggregate"), source.tasks)

    def explained(name: str, clock: Clock) -> Interpretation:
        with clock("read"):
            record = read_gene(source, name, length)
        with clock("attribute"), left_as_found(function):
            attribution = explain(record, model, function, method, where, method_name)
        return name_peaks(record, attribution, caller, scanner, clock)

    with left_as_found(function, where):
        yield explained


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
