"""Genes of one HDF5 file as records."""

from __future__ import annotations

import logging
import operator
import os

from decima_core.errors import DataError, shorten
from decima_core.records import GeneRecord, Locus
from decima_hdf5.files import existing_file
from decima_hdf5.handle import Handle
from decima_hdf5.index import GeneIndex, read_index
from decima_hdf5.layout import Layout, read_layout
from decima_hdf5.loci import read_loci
from decima_hdf5.rows import read_codes, read_mask

logger = logging.getLogger(__name__)


class HDF5Source:
    """Genes in an HDF5 file; a data source of decima_core.

    The file holds ``genes`` ``(N, 2)`` text (name, split), ``sequences`` ``(N, W)`` int8 codes 0-4 and ``masks``
    ``(N, W)`` float32, and may hold ``labels`` ``(N, T, 1)``, ``tasks`` ``(T,)`` text and the scalars ``pad``,
    ``seq_len`` and ``padded_seq_len`` (= W). All of it is in transcript orientation.

    The file is opened and checked when first used, its gene table read once. An object may be pickled and used after a
    fork: each process opens a handle of its own. After :meth:`close` the next use opens the file again.

    Parameters
    ----------
    path
        The HDF5 file.
    loci
        A BED6 or TSV file with each gene's window on the genome (0-based half-open). Its length is the file's
        ``padded_seq_len``, or its ``seq_len`` for the central bases. A gene that it leaves out has no locus.

    Raises
    ------
    DataError
        If a file does not exist; on first use, if one is damaged or inconsistent.
    """

    def __init__(self, path: str | os.PathLike[str], loci: str | os.PathLike[str] | None = None) -> None:
        self._path = existing_file(path, "gene file")
        self._loci_path = None if loci is None else existing_file(loci, "loci file")
        self._handle = Handle(self._path)
        self._checked: tuple[Layout, GeneIndex, dict[str, Locus]] | None = None

    def __repr__(self) -> str:
        return f"HDF5Source({str(self._path)!r})"

    def _contents(self) -> tuple[Layout, GeneIndex, dict[str, Locus]]:
        if self._checked is None:
            layout = read_layout(self._handle.file(), self._path)
            index = read_index(self._handle.dataset("genes"), self._path)
            self._checked = layout, index, self._read_loci(layout, index)
        return self._checked

    def _read_loci(self, layout: Layout, index: GeneIndex) -> dict[str, Locus]:
        if self._loci_path is None:
            return {}
        given = read_loci(self._loci_path)
        loci = {gene: locus for gene, locus in given.items() if gene in index.rows}
        if given and not loci:
            raise DataError(
                f"None of the names in the loci file '{self._loci_path}', such as '{next(iter(given))}', is a gene of "
                f"'{self._path}', whose first is '{next(iter(index.rows))}'; use the same kind of gene name in both."
            )
        if len(loci) < len(index.rows):
            lacking = [gene for gene in index.rows if gene not in loci]
            logger.warning(
                "The loci file '%s' lacks %s; their places on the genome stay empty.",
                self._loci_path,
                shorten(lacking, 4),
            )
        for gene, locus in loci.items():
            if len(locus) not in (layout.width, layout.seq_len):
                lengths = " or ".join(f"{n:,}" for n in dict.fromkeys((layout.width, layout.seq_len)))
                raise DataError(
                    f"The loci file '{self._loci_path}' gives gene '{gene}' a window of {len(locus):,} bases, but the "
                    f"gene file '{self._path}' stores {lengths}; give the windows that the gene file was made from."
                )
        return loci

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names in label order; empty where the file has none."""
        return self._contents()[0].tasks

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of the gene file and, if given, of the loci file."""
        return tuple(str(p) for p in (self._path, self._loci_path) if p is not None)

    @property
    def seq_len(self) -> int:
        """Bases of a window as the file means it: what :meth:`read` returns unless told otherwise."""
        return self._contents()[0].seq_len

    @property
    def padded_seq_len(self) -> int:
        """Bases stored for each gene: the most that :meth:`read` can return."""
        return self._contents()[0].width

    @property
    def pad(self) -> int:
        """Bases the file says were added on each side of the window."""
        return self._contents()[0].pad

    def genes(self, split: str | None = None) -> tuple[str, ...]:
        """Gene names in file order; of one split if asked.

        Raises
        ------
        UnknownNameError
            For a split that the file does not have.
        """
        return self._contents()[1].genes(split)

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order of first appearance."""
        return tuple(self._contents()[1].by_split)

    def count(self, split: str | None = None) -> int:
        """Number of genes; of one split if asked. Raises UnknownNameError for a split that the file does not have."""
        return len(self.genes(split))

    def row(self, gene: str) -> int:
        """The 0-based row of a gene. Raises UnknownNameError, with near matches, for one that does not exist."""
        return self._contents()[1].row(gene)

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        """One gene, whatever its split; the central ``seq_len`` bases of what is stored.

        Parameters
        ----------
        gene
            The gene's name.
        seq_len
            Bases to return, by default the file's :attr:`seq_len`. They start at stored base
            ``(padded_seq_len - seq_len) // 2``; only they, and the mask before them, are read.

        Returns
        -------
        GeneRecord
            Its ``tss`` is the first masked base of the whole stored window, and so may lie outside the record.

        Raises
        ------
        UnknownNameError
            For a gene that the file does not have.
        DataError
            If ``seq_len`` is less than 1 or more than is stored, or the gene's mask is all zero, or its data damaged.
        """
        layout, index, loci = self._contents()
        row = index.row(gene)
        length = layout.seq_len if seq_len is None else operator.index(seq_len)
        if length < 1:
            raise DataError(f"A window of {length:,} bases was asked for; seq_len must be at least 1.")
        if length > layout.width:
            raise DataError(
                f"A window of {length:,} bases was asked for, but the gene file '{self._path}' stores {layout.width:,} "
                f"bases a gene; set seq_len to {layout.width:,} or less."
            )
        start = (layout.width - length) // 2
        codes = read_codes(self._handle.dataset("sequences"), row, start, length, gene, self._path)
        mask, first = read_mask(self._handle.dataset("masks"), row, start, length, gene, self._path)
        locus = loci.get(gene)
        if locus is not None:
            locus = locus.crop(start - (layout.width - len(locus)) // 2, length)
        try:
            return GeneRecord(
                gene=gene, codes=codes, mask=mask, tss=first - start, locus=locus, split=index.split_of[row]
            )
        except DataError as error:
            raise DataError(f"{error} It is row {row} of the gene file '{self._path}'; write it again.") from None

    def close(self) -> None:
        """Close the file in this process. Closing twice does nothing; a later use opens the file again."""
        self._handle.close()

    def __enter__(self) -> HDF5Source:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
