"""Providers that break one promise each, and one of each kind that breaks none; the kit must tell them apart."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch

from decima_core import (
    AttributionMethodSpec,
    DataError,
    DataSourceSpec,
    GeneRecord,
    Locus,
    ModelSpec,
    Motif,
    MotifHits,
    MotifScannerSpec,
    PeakCallerSpec,
    Peaks,
    Registry,
    Scores,
    UnknownNameError,
    hookimpl,
    options_class,
    wrap_module,
)
from decima_core.sequence import N_CODE, reverse_complement
from decima_core.testing.samples import Convolution, random_codes


@options_class
class NoOptions:
    """Nothing to set."""


def registry_of(kind: str, create: Any, **claims: Any) -> Registry:
    """A registry that holds one provider, called ``subject``."""
    spec, hook = {
        "source": (DataSourceSpec, "decima_data_sources"),
        "model": (ModelSpec, "decima_models"),
        "method": (AttributionMethodSpec, "decima_attribution_methods"),
        "peaks": (PeakCallerSpec, "decima_peak_callers"),
        "motifs": (MotifScannerSpec, "decima_motif_scanners"),
    }[kind]
    fields = {"name": "subject", "summary": "A provider to check.", "options": NoOptions, "create": create, **claims}

    def announce(self: object) -> list[Any]:
        return [spec(**fields)]

    plugin = type("Plugin", (), {hook: hookimpl(announce, specname=hook)})()
    registry = Registry()
    registry.register(plugin, "subject")
    assert registry.failures == ()
    return registry


# --- data sources -----------------------------------------------------------------------------------------------------


class Source:
    """Three genes in memory."""

    tasks: Sequence[str] = ("a", "b")
    files: Sequence[str] = ()

    def __init__(self, options: Any = None) -> None:
        self.records = {}
        for i, (name, split) in enumerate((("ALPHA", "train"), ("BETA", "test"), ("GAMMA", "train"))):
            mask = np.zeros(41, np.float32)
            mask[10 + i : 30] = 1
            locus = Locus(chrom="chr1", start=100 * i, end=100 * i + 41, strand="+-"[i % 2])
            self.records[name] = GeneRecord(
                gene=name, codes=random_codes(41, i), mask=mask, tss=10 + i, locus=locus, split=split
            )

    def genes(self, split: str | None = None) -> Sequence[str]:
        if split is not None and split not in self.splits():
            raise UnknownNameError("split", split, self.splits())
        return [name for name, record in self.records.items() if split in (None, record.split)]

    def splits(self) -> Sequence[str]:
        return ["train", "test"]

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        if gene not in self.records:
            raise UnknownNameError("gene", gene, list(self.records))
        record = self.records[gene]
        length = len(record) if seq_len is None else seq_len
        if not 1 <= length <= len(record):
            raise DataError(f"Gene '{gene}' has {len(record)} bases; ask for that many or fewer.")
        return self.cut(record, (len(record) - length) // 2, length)

    def cut(self, record: GeneRecord, offset: int, length: int) -> GeneRecord:
        window = slice(offset, offset + length)
        assert record.tss is not None
        assert record.locus is not None
        return GeneRecord(
            gene=record.gene,
            codes=record.codes[window],
            mask=record.mask[window],
            tss=record.tss - offset,
            locus=record.locus.crop(offset, length),
            split=record.split,
        )

    def locus(self, gene: str, seq_len: int | None = None) -> Locus | None:
        return self.read(gene, seq_len).locus

    def contigs(self) -> dict[str, int | None]:
        return {"chr1": 1_000}

    def labels(self, gene: str) -> np.ndarray:
        self.read(gene)
        return np.zeros((2, 1), np.float32)

    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        inner, whole = self.read(gene, seq_len), self.records[gene]
        spare = (len(whole) - len(inner)) // 2
        more = min(flank, spare)
        return self.cut(whole, spare - more, len(inner) + 2 * more), more

    def close(self) -> None: ...

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exc: object) -> None: ...


class RepeatsAGene(Source):
    def genes(self, split: str | None = None) -> Sequence[str]:
        return [*super().genes(split), *([] if split else ["ALPHA"])]


class ShufflesGenes(Source):
    def genes(self, split: str | None = None) -> Sequence[str]:
        found = list(super().genes(split))
        self.turn = not getattr(self, "turn", False)
        return found if self.turn or split else found[::-1]


class CropsFromTheLeft(Source):
    def cut(self, record: GeneRecord, offset: int, length: int) -> GeneRecord:
        return super().cut(record, 0, length)

    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        return self.read(gene, seq_len), 0


class ForgetsToMoveTheTss(Source):
    def cut(self, record: GeneRecord, offset: int, length: int) -> GeneRecord:
        return attrs.evolve(super().cut(record, offset, length), tss=record.tss)


class CropsTheMinusStrandTheWrongWay(Source):
    def cut(self, record: GeneRecord, offset: int, length: int) -> GeneRecord:
        assert record.locus is not None
        place = attrs.evolve(record.locus, start=record.locus.start + offset, end=record.locus.start + offset + length)
        return attrs.evolve(super().cut(record, offset, length), locus=place)

    def locus(self, gene: str, seq_len: int | None = None) -> Locus | None:
        return self.read(gene, seq_len).locus


class PutsTheTssAtTheGenesEnd(Source):
    def __init__(self, options: Any = None) -> None:
        super().__init__()
        self.records = {n: attrs.evolve(r, tss=r.mask_bounds[1] - 1) for n, r in self.records.items()}


class ReturnsShorterWindows(Source):
    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        return super().read(gene, seq_len if seq_len is None else max(1, min(seq_len, 41)))


class EmptyUnknownSplit(Source):
    def genes(self, split: str | None = None) -> Sequence[str]:
        return [name for name, record in self.records.items() if split in (None, record.split)]


class BareKeyError(Source):
    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        self.records[gene]
        return super().read(gene, seq_len)


class ReusesABuffer(Source):
    def __init__(self, options: Any = None) -> None:
        super().__init__()
        self.buffer = np.zeros(41, np.int8)

    def cut(self, record: GeneRecord, offset: int, length: int) -> GeneRecord:
        self.buffer[:length] = record.codes[offset : offset + length]
        return attrs.evolve(super().cut(record, offset, length), codes=self.buffer[:length])


class CannotBePickled(Source):
    def __init__(self, options: Any = None) -> None:
        super().__init__()
        self.handle = lambda: None


class FlatLabels(Source):
    def labels(self, gene: str) -> np.ndarray:
        return super().labels(gene)[:, 0]


class WrongFlankOffset(Source):
    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        wide, _ = super().read_flanked(gene, seq_len, flank)
        return wide, 0


# --- models -----------------------------------------------------------------------------------------------------------


def model(module: torch.nn.Module | None = None, **known: Any) -> Any:
    """A model of one task around a module."""
    return wrap_module(module or Convolution(5), channels=5, tasks=known.pop("tasks", ("a",)), **known)


class Stochastic(Convolution):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs) + torch.randn(1)


class BatchNormalised(Convolution):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out = super().forward(inputs)
        return out + out.mean()


class Detached(Convolution):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs.detach())


class Blind(Convolution):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs * 0)


class DividesByBases(Convolution):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs / inputs[:, :4].sum(dim=1, keepdim=True))


class WritesToItsInput(Convolution):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out = super().forward(inputs)
        with torch.no_grad():
            inputs.data[:, 0, 0] = 7
        return out


class Counts(Convolution):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(inputs)


class TwoOutputs(Convolution):
    def forward(self, inputs: torch.Tensor) -> Any:
        return super().forward(inputs), None


# --- attribution methods ----------------------------------------------------------------------------------------------


class Gradient:
    """Input x gradient."""

    def __init__(self, options: Any = None) -> None: ...

    def attribute(self, target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> Scores:
        x = sequence.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(target(x, mask).sum(), x)
        return Scores(values=(gradient * sequence).detach())


class WrongShape(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        return Scores(values=super().attribute(target, sequence, mask).values.sum(dim=1))


class KeepsTheGraph(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        return Scores(values=super().attribute(target, sequence, mask).values.requires_grad_())


class NormalisesTheBatch(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        values = super().attribute(target, sequence, mask).values
        return Scores(values=values / values.abs().max())


class DrawsUnseeded(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        return Scores(values=super().attribute(target, sequence, mask).values * (1 + random.random()))


class NotWhatItClaims(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        values = super().attribute(target, sequence, mask).values
        return Scores(values=values * 1.1, convergence_delta=torch.zeros(len(values)))


class CreditsEverything(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        return Scores(values=super().attribute(target, sequence, mask).values + 0.1)


class BlanksTheMask(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        if mask is not None:
            target(sequence * 0, mask * 0)
        return super().attribute(target, sequence, mask)


class DividesByTheColumn(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        return Scores(values=super().attribute(target, sequence, mask).values / sequence.sum(dim=1, keepdim=True))


class PrefersTheLeft(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        values = super().attribute(target, sequence, mask).values
        return Scores(values=values * torch.linspace(1, 0.5, values.shape[2]))


class LeavesAHook(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        next(iter(target.modules())).register_forward_hook(lambda *_: None)
        return super().attribute(target, sequence, mask)


class LeavesAHookAfterAnError(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        handle = next(iter(target.modules())).register_forward_hook(lambda *_: None)
        found = super().attribute(target, sequence, mask)
        handle.remove()
        return found


class SwallowsErrors(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        try:
            return super().attribute(target, sequence, mask)
        except Exception:
            return Scores(values=torch.zeros_like(sequence))


class MarksItsInput(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        sequence.requires_grad_()
        return super().attribute(target, sequence, mask)


class TellsAnotherPrediction(Gradient):
    def attribute(self, target: Any, sequence: Any, mask: Any = None) -> Scores:
        found = super().attribute(target, sequence, mask)
        return Scores(values=found.values, prediction=target(sequence, mask).detach() + 1)


class ForgetsTheWeights(Gradient):
    """Several targets as if each column were one."""

    def attribute_many(self, targets: Any, sequence: Any, mask: Any = None) -> Any:
        x = sequence.detach().clone().requires_grad_()
        columns = targets(x, mask)
        for number in range(len(targets)):
            value = columns[:, targets.columns_of(number)[0]].sum()
            (slope,) = torch.autograd.grad(value, x, retain_graph=True)
            yield Scores(values=(slope * sequence).detach())


class ExplainsTheFirstTargets(ForgetsTheWeights):
    def attribute_many(self, targets: Any, sequence: Any, mask: Any = None) -> Any:
        for target in targets.each()[:3]:
            yield self.attribute(target, sequence, mask)


# --- peak callers -----------------------------------------------------------------------------------------------------


class Tallest:
    """Local maxima of the absolute track above five robust standard deviations, one for each stretch of 20 bases."""

    def __init__(self, options: Any = None) -> None: ...

    def limit(self, track: np.ndarray) -> float:
        spread = np.median(np.abs(track - np.median(track))) * 1.4826
        return max(float(8 * spread), 1e-6)

    def call(self, attribution: Any) -> Peaks:
        track = attribution.track().astype(np.float64)
        if not np.isfinite(track).all() or np.ptp(track) == 0:
            return Peaks.empty(len(track))
        size, limit, found = np.abs(track), self.limit(track), []
        left = size.copy()
        while left.max() > limit and len(found) < 20:
            at = int(left.argmax())
            found.append(at)
            left[max(0, at - 20) : at + 21] = 0
        return self.peaks(np.array(found, dtype=int), track)

    def peaks(self, position: np.ndarray, track: np.ndarray) -> Peaks:
        return Peaks(
            position=position,
            start=np.maximum(position - 9, 0),
            end=np.minimum(position + 10, len(track)),
            height=track[position],
            length=len(track),
        )


class FindsNothing(Tallest):
    def call(self, attribution: Any) -> Peaks:
        return Peaks.empty(len(attribution))


class LosesTheSign(Tallest):
    def peaks(self, position: np.ndarray, track: np.ndarray) -> Peaks:
        return super().peaks(position, np.abs(track))


class PeaksOnFlat(Tallest):
    def call(self, attribution: Any) -> Peaks:
        track = attribution.track().astype(np.float64)
        return self.peaks(np.array([0]), track) if np.ptp(track) == 0 else super().call(attribution)


class AvoidsTheEdges(Tallest):
    def peaks(self, position: np.ndarray, track: np.ndarray) -> Peaks:
        return super().peaks(position[(position > 30) & (position < len(track) - 30)], track)


class CountsInBins(Tallest):
    def peaks(self, position: np.ndarray, track: np.ndarray) -> Peaks:
        found = super().peaks(position, track)
        return Peaks(
            position=found.position,
            start=found.position // 50 * 50,
            end=np.minimum(found.position // 50 * 50 + 50, len(track)),
            height=found.height,
            length=len(track),
        )


class ScaledByTheMaximum(Tallest):
    def limit(self, track: np.ndarray) -> float:
        return float(np.abs(track).max()) / 5


class OverflowsWithATraceback(Tallest):
    def call(self, attribution: Any) -> Peaks:
        with np.errstate(over="ignore"):
            if not np.isfinite(attribution.values.sum(axis=0)).all():
                raise ZeroDivisionError
        return super().call(attribution)


class RemembersTheLast(Tallest):
    turn = 0

    def call(self, attribution: Any) -> Peaks:
        type(self).turn += 1
        found = super().call(attribution)
        return found if self.turn % 2 or not len(found) else Peaks.empty(len(attribution))


# --- motif scanners ---------------------------------------------------------------------------------------------------


WORDS = {"W1": "TGACGTCACCTA", "W2": "CCACTAGGGGGC", "W3": "AAGAGGAAGTGA"}


class Words:
    """Exact matches of three words on both strands, anywhere in the window; p = 4 ** -width."""

    both = True
    offset = 0
    tolerant = False

    def __init__(self, options: Any = None) -> None:
        self._words = {k: np.array(["ACGT".index(c) for c in w], np.int8) for k, w in WORDS.items()}

    @property
    def motifs(self) -> list[Motif]:
        return [Motif(id=k, name=k, ppm=np.eye(4)[w].T) for k, w in self._words.items()]

    def p_value(self, width: int) -> float:
        return 4.0**-width

    def matches(self, codes: np.ndarray, word: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(codes, len(word))
        same = windows == word
        if self.tolerant:
            same |= windows == N_CODE
        return np.flatnonzero(same.all(axis=1))

    def scan(self, record: Any, attribution: Any, peaks: Any) -> MotifHits:
        rows = []
        for name, word in self._words.items():
            for strand, sites in (("+", word), ("-", reverse_complement(word))):
                if strand == "-" and not self.both:
                    continue
                for start in self.matches(record.codes, sites):
                    end = start + len(word)
                    values = attribution.values[:, start:end]
                    ppm = np.eye(4)[word].T if strand == "+" else np.eye(4)[word].T[::-1, ::-1]
                    under = [i for i, p in enumerate(peaks.position) if start <= p < end]
                    at = self.place(int(start), end, strand, len(record))
                    score = (name, name, at, at + len(word), strand, 2.0 * len(word), self.p_value(len(word)))
                    means = values.sum() / len(word), (values * ppm).sum() / len(word)
                    rows += [(*score, 1.0, i, *means) for i in under]
        rows.sort(key=lambda row: (row[8], row[6], row[2]))
        if not rows:
            return MotifHits.empty(len(record))
        names = ("motif_id", "motif_name", "start", "end", "strand", "score", "p_value", "q_value", "peak")
        names += ("site_attr_score", "motif_attr_score")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        return MotifHits(**columns, length=len(record))

    def place(self, start: int, end: int, strand: str, length: int) -> int:
        return start


class OneStrand(Words):
    both = False


class CountsFromOne(Words):
    def place(self, start: int, end: int, strand: str, length: int) -> int:
        return min(start + 1, length - (end - start))


class MinusFromTheOtherEnd(Words):
    def place(self, start: int, end: int, strand: str, length: int) -> int:
        return start if strand == "+" else length - end


class MatchesN(Words):
    tolerant = True


class NeedsPeaks(Words):
    def scan(self, record: Any, attribution: Any, peaks: Any) -> MotifHits:
        peaks.position[0]
        return super().scan(record, attribution, peaks)


class CountsPeaksFromOne(Words):
    def scan(self, record: Any, attribution: Any, peaks: Any) -> MotifHits:
        hits = super().scan(record, attribution, peaks)
        return attrs.evolve(hits, peak=hits.peak + 1)


class TwiceTheId(Words):
    @property
    def motifs(self) -> list[Motif]:
        return [*super().motifs, super().motifs[0]]


class ShortWords(Words):
    """Words of four bases, which random DNA is full of, with p-values a hundred times too small."""

    def __init__(self, options: Any = None) -> None:
        super().__init__()
        self._words = {k: w[:4] for k, w in self._words.items()}

    def p_value(self, width: int) -> float:
        return super().p_value(width) / 100


class WrongMeans(ShortWords):
    def p_value(self, width: int) -> float:
        return 4.0**-width

    def scan(self, record: Any, attribution: Any, peaks: Any) -> MotifHits:
        hits = super().scan(record, attribution, peaks)
        return attrs.evolve(hits, motif_attr_score=hits.motif_attr_score * 2)
