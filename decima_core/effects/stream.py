"""A long list of variants as a stream of small datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from decima_core.datasets.settled import Windows, window_index
from decima_core.datasets.variant_table import refuse, transcript_rows
from decima_core.datasets.variants import VariantDataset
from decima_core.errors import ConfigError, UnknownNameError
from decima_core.pipeline import window_length
from decima_core.providers import DataSource, SequenceModel
from decima_core.variants.place import Placed, place
from decima_core.variants.read import in_chunks, read_variants, transcript_table

# Rows settled together. Sorted variants share genes, and each gene is read once for all rows of a part.
PART = 256


@attrs.frozen(kw_only=True, eq=False)
class Stream:
    """Variants placed in their genes' windows, part by part.

    Memory is that of one part, and some 70 bytes for each variant seen, by which duplicates are known; a table in transcript
    orientation is read whole.
    """

    rows: Iterator[Placed]
    windows: Windows
    shifts: tuple[int, ...]
    normalise: bool
    seen: set[int] | None

    @classmethod
    def open(
        cls,
        source: DataSource,
        model: SequenceModel,
        variants: Any,
        *,
        seq_len: int | None = None,
        shifts: Sequence[int] = (0,),
        normalise: bool = False,
        strict: bool = False,
        pad_with_n: bool = False,
        genes: Sequence[str] | None = None,
    ) -> Stream:
        """Begin to read ``variants``; the arguments are those of :func:`decima_core.effects.variant_effects`.

        With ``strict`` all of them are read and settled once before, so that hours of predictions are not lost to the last line.

        Raises
        ------
        DataError
            If the file of variants cannot be read, the genes' places are needed and not known, or ``strict`` refuses a variant.
        UnknownNameError
            For a gene that the source does not have.
        """
        if not shifts:
            raise ConfigError("No shift was given; 0 stands for the window where it is.")
        windows = Windows(source, window_length(model, seq_len), pad_with_n=pad_with_n)
        known = frozenset(source.genes())
        for gene in genes or ():
            if gene not in known:
                raise UnknownNameError("gene", gene, source.genes(), where=", ".join(f"'{f}'" for f in source.files))
        if strict and isinstance(variants, Iterator):
            variants = list(variants)
        table = transcript_table(variants)
        index = window_index(source, windows) if table is None else None

        def begin() -> Stream:
            if index is None:
                assert table is not None
                rows: Iterable[Placed] = transcript_rows(table, known)
                seen: set[int] | None = None  # as often as the table has it
            else:
                rows, seen = place(read_variants(variants), index), set()
            if genes:
                chosen = frozenset(genes)
                rows = (row for row in rows if row.gene in chosen)
            return cls(rows=iter(rows), windows=windows, shifts=tuple(shifts), normalise=normalise, seen=seen)

        if strict:
            refuse((dataset.variants for dataset in begin().datasets()), "strict")
        return begin()

    def datasets(self, size: int = PART) -> Iterator[VariantDataset]:
        """One dataset for each ``size`` rows; an empty one if there is no row at all, so that tables get their columns."""
        any_rows = False
        for part in in_chunks(self.rows, size):
            any_rows = True
            yield VariantDataset.of_rows(part, self.windows, self.shifts, normalise=self.normalise, seen=self.seen)
        if not any_rows:
            yield VariantDataset.of_rows((), self.windows, self.shifts)
