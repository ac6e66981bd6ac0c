"""Reading what an item of a gene is made of: its window at some shift, and its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, guarded
from decima_core.pipeline import read_gene
from decima_core.providers import DataSource, FlankedSource, LabelledSource
from decima_core.records import GeneRecord
from decima_core.sequence import Codes


class GeneWindows:
    """The windows of a source's genes, moved by up to ``max_shift`` bases.

    Parameters
    ----------
    source
        Where genes come from.
    first
        The gene that is read at once, to learn the window's length and whether there is room for the shifts.
    seq_len
        Length of the windows; None for the source's own.
    max_shift
        The most bases by which windows are moved.
    keep
        Keep the gene read last; worth its memory where it is asked for again at once.

    Raises
    ------
    DataError
        If the gene cannot be read, or is stored with fewer bases than are needed.
    """

    def __init__(
        self, source: DataSource, first: str, seq_len: int | None, max_shift: int, *, keep: bool = False
    ) -> None:
        self._source = source
        self._max_shift = max_shift
        self._keep = keep
        self._last: tuple[str, GeneRecord, int] | None = None
        self.length = len(read_gene(source, first, None)) if seq_len is None else seq_len
        self._read(first)

    def crop(self, gene: str, shift: int) -> tuple[Codes, npt.NDArray[np.float32]]:
        """Views ``codes (L,)`` and ``mask (L,)`` of a gene's window; ``shift`` 0 is the furthest upstream."""
        record, start = self._kept(gene) if self._keep else self._read(gene)
        begin = start - self._max_shift + shift
        return record.codes[begin : begin + self.length], record.mask[begin : begin + self.length]

    def _kept(self, gene: str) -> tuple[GeneRecord, int]:
        last = self._last
        if last is None or last[0] != gene:
            last = self._last = gene, *self._read(gene)
        return last[1:]

    def _read(self, gene: str) -> tuple[GeneRecord, int]:
        """The window with room for the shifts, and where it starts in the record when it is not moved."""
        if not self._max_shift:
            return read_gene(self._source, gene, self.length), 0
        if not isinstance(self._source, FlankedSource):
            return read_gene(self._source, gene, self.length + 2 * self._max_shift), self._max_shift
        source = self._source
        record, start = guarded(
            lambda: source.read_flanked(gene, self.length, self._max_shift), DataError, f"Reading gene '{gene}'"
        )
        room = min(start, len(record) - start - self.length)
        if room < self._max_shift:
            raise DataError(
                f"Moving windows of {self.length:,} bases by up to {self._max_shift:,} needs "
                f"{self.length + 2 * self._max_shift:,} bases, but {described(source)} holds {self.length + 2 * room:,} about the "
                f"middle of gene '{gene}'; set max_seq_shift to {room:,} or less, or a smaller seq_len."
            )
        return record, start

    def forget(self) -> None:
        """Let go of the gene that was kept."""
        self._last = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}


def described(source: DataSource) -> str:
    """A source in the words of error messages: its files."""
    return " and ".join(f"'{path}'" for path in source.files) or "the source"


def gene_labels(source: DataSource, gene: str, n_tasks: int) -> npt.NDArray[np.float32]:
    """Labels ``(T, 1)`` of a gene, an array of the caller's own.

    ``n_tasks`` is what is expected; 0 where tasks have no names.

    Raises
    ------
    DataError
        If there are none, or not one for each task.
    """
    if not isinstance(source, LabelledSource):
        raise DataError(f"The data source {type(source).__name__} has no labels.")
    found = guarded(lambda: source.labels(gene), DataError, f"Reading the labels of gene '{gene}'")
    labels = np.array(found, dtype=np.float32)  # a copy: what a source keeps is not to be written to
    if labels.ndim != 2 or labels.shape[1] != 1 or (n_tasks and len(labels) != n_tasks):
        expected = f"({n_tasks}, 1)" if n_tasks else "(tasks, 1)"
        raise DataError(f"The labels of gene '{gene}' have shape {labels.shape}; they must have shape {expected}.")
    return labels
