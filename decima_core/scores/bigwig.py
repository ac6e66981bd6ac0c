"""Scores in a BigWig: projected attribution on the genome's forward strand, one value a base.

A window on the minus strand is turned into its own orientation, as its sequence is. The value of a base is given to the base
that the sequence has there; at an N there is none to give it to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, first_line, shorten
from decima_core.providers import DataSource, PlacedSource
from decima_core.records import Attribution, GeneRecord, Locus
from decima_core.records.contigs import contig_key
from decima_core.scores.bigwig_library import open_bigwig, quiet
from decima_core.scores.reader import ScoreFacts
from decima_core.scores.windows import values_of

logger = logging.getLogger(__name__)


class BigWigScores:
    """Scores in a BigWig at the windows of a data source; a reader of scores.

    Parameters
    ----------
    path
        The BigWig.
    source
        Gives the windows: their sequences, and their places on the genome. It is closed with the reader.
    names
        The windows; by default all of the source's.
    length
        Bases of a window; by default the source's own.
    uncovered
        What bases without a value are: ``"zero"``, or ``"refuse"``.
    adapt
        Changes each record that the source gives.
    beside
        Paths of further files that the windows come from.

    Raises
    ------
    PluginError
        If pyBigWig is not installed.
    DataError
        If the BigWig is damaged, or of another genome than the source.
    """

    def __init__(
        self,
        path: Path,
        source: DataSource,
        *,
        names: Sequence[str] | None = None,
        length: int | None = None,
        uncovered: Literal["zero", "refuse"] = "zero",
        adapt: Callable[[GeneRecord], GeneRecord] = lambda record: record,
        beside: Sequence[str] = (),
    ) -> None:
        self._path, self._source, self._length, self._uncovered = path, source, length, uncovered
        self._adapt = adapt
        self._file = open_bigwig(path)
        try:
            self._lengths: dict[str, int] = self._file.chroms()
            self._spelled = {contig_key(name): name for name in self._lengths}
            contigs = self._shared_contigs()
            self.names = tuple(source.genes() if names is None else names)
        except BaseException:
            self._file.close()
            raise
        self.files = tuple(dict.fromkeys([str(path), *source.files, *beside]))
        genome = str(getattr(source, "genome", None) or "unknown")
        self.facts = ScoreFacts(format="BigWig", genome=genome, contigs=contigs)

    def _shared_contigs(self) -> dict[str, int | None]:
        """Lengths of the contigs that the source knows too, by its names; none may be longer there, and there must be one."""
        contigs = self._source.contigs() if isinstance(self._source, PlacedSource) else {}
        shared: dict[str, int | None] = {}
        for name, length in contigs.items():
            own = self._contig(name)
            if own is None:
                continue
            shared[name] = self._lengths[own]
            if length is not None and self._lengths[own] > length:
                raise DataError(
                    f"Contig '{own}' has {self._lengths[own]:,} bases in the BigWig '{self._path}' and {length:,} in the genome; "
                    "give one of the same genome."
                )
        short = [name for name, length in shared.items() if length is not None and length < (contigs[name] or 0)]
        if short:  # so are they in files that were written without knowing the genome
            logger.warning(
                "The BigWig '%s' has fewer bases than the genome in %s; if it is of another genome, its scores are misplaced.",
                self._path,
                shorten(short, 4),
            )
        if contigs and not shared:
            raise DataError(
                f"The BigWig '{self._path}' has none of the contigs that the sequences have ({shorten(contigs, 4)}); it has "
                f"{shorten(self._lengths, 4) or 'no contigs'}. Give one of the same genome."
            )
        return shared

    def _contig(self, name: str) -> str | None:
        """The file's spelling of a contig's name: ``chr1`` may be ``1``."""
        return name if name in self._lengths else self._spelled.get(contig_key(name))

    def read(self, name: str) -> tuple[GeneRecord, Attribution]:
        """As :class:`~decima_core.scores.reader.ScoreReader`."""
        record = self._adapt(self._source.read(name, self._length))
        if record.locus is None:
            raise DataError(
                f"The place of '{name}' on the genome is not known, so the BigWig '{self._path}' has no scores for it; give a "
                "source that knows where its windows lie."
            )
        track = values_of(self._track(record.locus, name)[None], name, f"The BigWig '{self._path}'")
        return record, Attribution(gene=name, values=track * record.one_hot(), tss=record.tss)

    def _track(self, locus: Locus, name: str) -> npt.NDArray[np.float32]:
        """One value a base, ``(L,)``, in the window's own orientation."""
        track = np.full(len(locus), np.nan, dtype=np.float32)
        chrom = self._contig(locus.chrom)
        first, last = max(locus.start, 0), min(locus.end, 0 if chrom is None else self._lengths[chrom])
        if first < last:
            try:
                with quiet():
                    track[first - locus.start : last - locus.start] = self._file.values(chrom, first, last, numpy=True)
            except (RuntimeError, OSError) as error:
                raise DataError(
                    f"The BigWig '{self._path}' cannot be read at {chrom}:{first}-{last} ({first_line(error)}); it is damaged: "
                    "copy, download or write it again."
                ) from error
        bare = np.isnan(track)
        if bare.any() and self._uncovered == "refuse":
            at = int(np.flatnonzero(bare)[0]) + locus.start
            raise DataError(
                f"The BigWig '{self._path}' has no value for {int(bare.sum()):,} of the {len(locus):,} bases of '{name}', first "
                f"at {locus.chrom}:{at} (0-based); leave the window out, or count such bases as zero with "
                "-O scores.uncovered=zero."
            )
        track[bare] = 0
        return track if locus.strand == "+" else np.ascontiguousarray(track[::-1])

    def close(self) -> None:
        """Close both files."""
        self._file.close()
        self._source.close()

    def __enter__(self) -> BigWigScores:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
