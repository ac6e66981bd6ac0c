"""What came of one gene, its results or why there are none, and the bytes that a journal keeps of it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from decima_core import errors
from decima_core.errors import DecimaError, first_line
from decima_core.outputs.encoding import EncodedResult, GeneSummary, Rows

_LENGTH = struct.Struct("<I")


@attrs.frozen(kw_only=True)
class GeneResults:
    """A gene that was explained: its results, one for each target, in the order of the targets.

    ``seconds`` maps each stage to its wall time; ``tally`` counts what a run sums up over its genes, such as windows whose scores
    were hypothetical. ``deviation`` says how far the results lie from those in float32, where that was measured on this gene.
    """

    gene: str
    results: tuple[EncodedResult, ...]
    seconds: Mapping[str, float] = attrs.field(factory=dict)
    tally: Mapping[str, int] = attrs.field(factory=dict)
    deviation: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class GeneFailure:
    """A gene that could not be explained: the stage that failed, the kind of error, and the reason in a sentence."""

    gene: str
    stage: str
    error: str
    reason: str

    @classmethod
    def of(cls, gene: str, stage: str, error: Exception) -> GeneFailure:
        """The failure that an exception is."""
        reason = str(error) if isinstance(error, DecimaError) else first_line(error)
        return cls(gene=gene, stage=stage, error=type(error).__name__, reason=" ".join(reason.split()))

    def exception(self) -> DecimaError:
        """The failure as an exception of its kind, where that is one of this program's."""
        kind = getattr(errors, self.error, DecimaError)
        plain = isinstance(kind, type) and issubclass(kind, DecimaError) and kind is not errors.UnknownNameError
        return kind(self.reason) if plain else DecimaError(self.reason)


GeneOutcome = GeneResults | GeneFailure


@attrs.frozen(kw_only=True)
class GeneCounts:
    """What a run sums up of a gene that was explained; peaks and hits are those of all its targets."""

    gene: str
    peaks: int
    hits: int
    seconds: Mapping[str, float]
    tally: Mapping[str, int]
    deviation: Mapping[str, Any]


def to_bytes(outcome: GeneOutcome) -> bytes:
    """A line of JSON, its length before it, and the chunks and texts that it counts, end to end."""
    blobs: list[bytes] = []
    if isinstance(outcome, GeneFailure):
        head: dict[str, Any] = {"failure": attrs.asdict(outcome)}
    else:
        results = [_described(result, blobs) for result in outcome.results]
        head = {
            "gene": outcome.gene,
            "seconds": dict(outcome.seconds),
            "tally": dict(outcome.tally),
            "deviation": dict(outcome.deviation),
            "results": results,
        }
    text = json.dumps(head).encode()
    return b"".join([_LENGTH.pack(len(text)), text, *blobs])


def _described(result: EncodedResult, blobs: list[bytes]) -> dict[str, Any]:
    """What JSON holds of a result; the rest is added to ``blobs``, and their sizes stand in its place."""
    for chunks in result.arrays.values():
        blobs.extend(chunks)
    # Text packs to a fifth, in a hundredth of the time that it took to make.
    packed = {name: zlib.compress(rows.text, 1) for name, rows in result.tables.items()}
    blobs.extend(packed.values())
    return {
        "gene": result.gene,
        "length": result.length,
        "arrays": {name: [len(chunk) for chunk in chunks] for name, chunks in result.arrays.items()},
        "facts": dict(result.facts),
        "tables": {name: [list(rows.columns), len(packed[name])] for name, rows in result.tables.items()},
        "summary": attrs.asdict(result.summary),
    }


def from_bytes(record: bytes) -> GeneOutcome:
    """What :func:`to_bytes` wrote."""
    head, start = _head(record)
    if "failure" in head:
        return GeneFailure(**head["failure"])
    blobs = _Blobs(record, start)
    results = tuple(_restored(described, blobs) for described in head["results"])
    return GeneResults(
        gene=head["gene"], results=results, seconds=head["seconds"], tally=head["tally"], deviation=head["deviation"]
    )


def glance(record: bytes) -> GeneFailure | GeneCounts:
    """The failure, or the counts of the results, without unpacking them."""
    head, _ = _head(record)
    if "failure" in head:
        return GeneFailure(**head["failure"])
    summaries = [described["summary"] for described in head["results"]]
    return GeneCounts(
        gene=head["gene"],
        peaks=sum(summary["peaks"] for summary in summaries),
        hits=sum(summary["hits"] for summary in summaries),
        seconds=head["seconds"],
        tally=head["tally"],
        deviation=head["deviation"],
    )


def _head(record: bytes) -> tuple[dict[str, Any], int]:
    (length,) = _LENGTH.unpack_from(record)
    end = _LENGTH.size + length
    head: dict[str, Any] = json.loads(record[_LENGTH.size : end])
    return head, end


class _Blobs:
    """Takes pieces of a record one after the other."""

    def __init__(self, record: bytes, start: int) -> None:
        self._record, self._at = record, start

    def take(self, size: int) -> bytes:
        self._at += size
        return self._record[self._at - size : self._at]

    def take_all(self, sizes: list[int]) -> Iterator[bytes]:
        return (self.take(size) for size in sizes)


def _restored(described: dict[str, Any], blobs: _Blobs) -> EncodedResult:
    arrays = {name: tuple(blobs.take_all(sizes)) for name, sizes in described["arrays"].items()}
    tables = {
        name: Rows(tuple(columns), zlib.decompress(blobs.take(size)))
        for name, (columns, size) in described["tables"].items()
    }
    return EncodedResult(
        gene=described["gene"],
        length=described["length"],
        arrays=arrays,
        facts=described["facts"],
        tables=tables,
        summary=_summary(described["summary"]),
    )


def _summary(described: dict[str, Any]) -> GeneSummary:
    motif = described["motif"]
    return GeneSummary(**{**described, "motif": None if motif is None else tuple(motif)})
