"""Which gene lies in which row: read once, then looked up in a dictionary."""

from __future__ import annotations

from pathlib import Path

import attrs
import h5py

from decima_core.errors import DataError, UnknownNameError
from decima_hdf5.text import texts


@attrs.frozen(kw_only=True, eq=False)
class GeneIndex:
    """The genes of one file, in file order.

    Parameters
    ----------
    rows
        Row of each gene.
    split_of
        Split of each row.
    by_split
        Genes of each split; the splits in order of first appearance.
    where
        The file, in the words of error messages.
    """

    rows: dict[str, int]
    split_of: tuple[str, ...]
    by_split: dict[str, tuple[str, ...]]
    where: str

    def genes(self, split: str | None = None) -> tuple[str, ...]:
        """Gene names in file order; of one split if asked.

        Raises
        ------
        UnknownNameError
            For a split that the file does not have.
        """
        if split is None:
            return tuple(self.rows)
        if split not in self.by_split:
            raise UnknownNameError("split", split, self.by_split, where=self.where)
        return self.by_split[split]

    def row(self, gene: str) -> int:
        """The 0-based row of a gene.

        Raises
        ------
        UnknownNameError
            For a gene that the file does not have; the message has near matches.
        """
        row = self.rows.get(gene)
        if row is None:
            raise UnknownNameError("gene", gene, self.rows, where=self.where)
        return row


def read_index(genes: h5py.Dataset, path: Path) -> GeneIndex:
    """The index of dataset ``genes`` ``(N, 2)``: name and split of each row. One read.

    Raises
    ------
    DataError
        If a gene is named twice or a name is empty, or the names cannot be read.
    """
    rows: dict[str, int] = {}
    by_split: dict[str, list[str]] = {}
    splits: list[str] = []
    for row, (gene, split) in enumerate(texts(genes, path).tolist()):
        if not gene:
            raise DataError(f"Row {row} of the gene file '{path}' has an empty gene name; give every gene a name.")
        if gene in rows:
            raise DataError(
                f"The gene file '{path}' names gene '{gene}' twice, in rows {rows[gene]} and {row}; "
                "give each row a name of its own."
            )
        rows[gene] = row
        splits.append(split)
        by_split.setdefault(split, []).append(gene)
    return GeneIndex(
        rows=rows,
        split_of=tuple(splits),
        by_split={split: tuple(names) for split, names in by_split.items()},
        where=f"'{path}'",
    )
