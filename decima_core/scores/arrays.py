"""Windows in arrays: one-hot sequences and scores side by side, names and places from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import attrs

from decima_core.errors import ConfigError, DataError, UnknownNameError
from decima_core.records import Attribution, GeneRecord, Locus
from decima_core.scores.reader import ScoreFacts
from decima_core.scores.regions import Regions
from decima_core.scores.rows import Rows
from decima_core.scores.windows import Sequences, values_of, window

Orientation = Literal["auto", "forward", "region"]


class ArrayScores:
    """Scores in an array ``(N, 4, L)``; a reader of scores.

    Parameters
    ----------
    scores
        The scores.
    sequences
        The sequences of the same windows.
    files
        Paths of all files.
    facts
        What is known of the scores.
    names
        Names of the windows where no region names them; ``window0``, ``window1``, ... by default.
    places
        The window of each name on the genome, in the order of the arrays.
    close
        Closes what holds the arrays.

    Raises
    ------
    DataError
        If the arrays disagree in windows or bases, or with the regions.
    """

    def __init__(
        self,
        scores: Rows,
        sequences: Sequences,
        *,
        files: Sequence[str],
        facts: ScoreFacts,
        names: Sequence[str] | None = None,
        places: Mapping[str, Locus] | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        if (scores.count, scores.length) != (sequences.count, sequences.length):
            raise DataError(
                f"{scores.what} holds {scores.count:,} windows of {scores.length:,} bases, but {sequences.what} "
                f"{sequences.count:,} of {sequences.length:,}; give the sequences that were scored, in the same order."
            )
        self._scores, self._sequences, self._places = scores, sequences, places or {}
        if names is None:
            names = [f"window{i}" for i in range(scores.count)]
        self.names: Sequence[str] = list(places) if places else list(names)
        self.files, self.facts, self._close = tuple(files), facts, close
        self._number = {name: i for i, name in enumerate(self.names)}

    def read(self, name: str) -> tuple[GeneRecord, Attribution]:
        """As :class:`~decima_core.scores.reader.ScoreReader`."""
        number = self._number.get(name)
        if number is None:
            raise UnknownNameError("window", name, self.names, where=", ".join(f"'{f}'" for f in self.files))
        codes = self._sequences.codes(number, name)
        values = values_of(self._scores.row(number), name, self._scores.what)
        return window(name, codes, values, locus=self._places.get(name))

    def close(self) -> None:
        """Close the files."""
        self._scores.close()
        self._sequences.close()
        self._close()

    def __enter__(self) -> ArrayScores:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def places_of(
    regions: Regions | None, rows: Rows, orientation: Orientation, *, forward: bool
) -> dict[str, Locus] | None:
    """Where the windows of an array lie, by name.

    ``forward`` says that ``auto`` means the forward strand: the program that wrote the array reads no strands.

    Raises
    ------
    DataError
        If there is not one region for each window.
    ConfigError
        If a region lies on the minus strand and nothing says how its window was stored.
    """
    if regions is None:
        return None
    if len(regions) != rows.count:
        raise DataError(
            f"The regions '{regions.path}' have {len(regions):,} lines, but {rows.what} holds {rows.count:,} windows; give the "
            "regions that were scored, in the same order."
        )
    minus = regions.minus()
    if minus is not None and orientation == "auto" and not forward:
        raise ConfigError(
            f"Line {minus.line:,} of the regions '{regions.path}' lies on the minus strand; say how such windows are stored: "
            "-O scores.orientation=region if they are reverse-complemented, forward if they are not."
        )
    loci = regions.windows(rows.length)
    if orientation == "region":
        return loci
    return {name: attrs.evolve(locus, strand="+") for name, locus in loci.items()}
