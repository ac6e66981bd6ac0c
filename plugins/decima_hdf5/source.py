"""Genes of one HDF5 file as records."""

from __future__ import annotations

import logging
import operator
import os

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, shorten
from decima_core.files import existing_file
from decima_core.records import GeneRecord, Locus
from decima_hdf5.handle import Handle
from decima_hdf5.index import GeneIndex, read_index
from decima_hdf5.layout import Layout, read_layout
from decima_hdf5.loci import read_loci
from decima_hdf5.masks import Mask, mask_of_bounds, read_mask
from decima_hdf5.places import stored_bounds, stored_loci
from decima_hdf5.rows import read_codes, read_labels

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class Contents:
    """What a file says about all its genes, read once.

    ``bounds`` is ``(N, 2)``, half-open bounds of each gene's mask in the window of ``seq_len`` bases, -1 where a mask is not one
    run of ones; None where the file has none.
    """

    layout: Layout
    index: GeneIndex
    loci: dict[str, Locus]
    bounds: npt.NDArray[np.int64] | None


class HDF5Source:
    """Genes in an HDF5 file; a data source of decima_core.

    The file holds ``genes`` ``(N, 2)`` text (name, split), ``sequences`` ``(N, W)`` int8 codes 0-4 and ``masks``
    ``(N, W)`` float32, and may hold ``labels`` ``(N, T, 1)``, ``tasks`` ``(T,)`` text and the scalars ``pad``,
    ``seq_len`` and ``padded_seq_len`` (= W). All of it is in transcript orientation. It may also say where each gene's window
    of ``seq_len`` bases lies (``chrom``, ``start``, ``end``, ``strand``) and where its mask does (``gene_mask_start``,
    ``gene_mask_end``).

    The file is opened and checked when first used, its gene table read once. An object may be pickled and used after a
    fork: each process opens a handle of its own. After :meth:`close` the next use opens the file again.

    Parameters
    ----------
    path
        The HDF5 file.
    loci
        A BED6 or TSV file with each gene's window on the genome (0-based half-open). Its length is the file's
        ``padded_seq_len``, or its ``seq_len`` for the central bases. A gene that it leaves out has no locus. Without it the file's own
        places are used, if it has them.

    Raises
    ------
    DataError
        If a file does not exist; on first use, if one is damaged or inconsistent.
    """

    def __init__(self, path: str | os.PathLike[str], loci: str | os.PathLike[str] | None = None) -> None:
        self._path = existing_file(path, "gene file")
        self._loci_path = None if loci is None else existing_file(loci, "loci file")
        self._handle = Handle(self._path)
        self._checked: Contents | None = None
        self._masks: dict[int, Mask] = {}

    def __repr__(self) -> str:
        return f"HDF5Source({str(self._path)!r})"

    def _contents(self) -> Contents:
        if self._checked is None:
            file = self._handle.file()
            layout = read_layout(file, self._path)
            index = read_index(self._handle.dataset("genes"), self._path)
            loci = stored_loci(file, index, self._path) if self._loci_path is None else self._read_loci(layout, index)
            self._checked = Contents(layout=layout, index=index, loci=loci, bounds=stored_bounds(file, self._path))
        return self._checked

    def _read_loci(self, layout: Layout, index: GeneIndex) -> dict[str, Locus]:
        assert self._loci_path is not None
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
        return self._contents().layout.tasks

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of the gene file and, if given, of the loci file."""
        return tuple(str(p) for p in (self._path, self._loci_path) if p is not None)

    @property
    def seq_len(self) -> int:
        """Bases of a window as the file means it: what :meth:`read` returns unless told otherwise."""
        return self._contents().layout.seq_len

    @property
    def padded_seq_len(self) -> int:
        """Bases stored for each gene: the most that :meth:`read` can return."""
        return self._contents().layout.width

    @property
    def pad(self) -> int:
        """Bases the file says were added on each side of the window."""
        return self._contents().layout.pad

    def genes(self, split: str | None = None) -> tuple[str, ...]:
        """Gene names in file order; of one split if asked.

        Raises
        ------
        UnknownNameError
            For a split that the file does not have.
        """
        return self._contents().index.genes(split)

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order of first appearance."""
        return tuple(self._contents().index.by_split)

    def count(self, split: str | None = None) -> int:
        """Number of genes; of one split if asked. Raises UnknownNameError for a split that the file does not have."""
        return len(self.genes(split))

    def row(self, gene: str) -> int:
        """The 0-based row of a gene. Raises UnknownNameError, with near matches, for one that does not exist."""
        return self._contents().index.row(gene)

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
        length, start = self._span(seq_len)
        return self._record(gene, start, length)

    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        """The window of :meth:`read` with ``flank`` more bases on each side, or as many as are stored there.

        Returns
        -------
        (GeneRecord, int)
            The wider record, and the position in it at which the window starts.

        Raises
        ------
        UnknownNameError, DataError
            As :meth:`read`; also for a negative ``flank``.
        """
        if flank < 0:
            raise DataError(f"A flank of {flank:,} bases was asked for; it must be 0 or more.")
        length, start = self._span(seq_len)
        left = min(flank, start)
        right = min(flank, self._contents().layout.width - start - length)
        return self._record(gene, start - left, left + length + right), left

    def labels(self, gene: str) -> npt.NDArray[np.float32]:
        """The gene's labels, ``(T, 1)`` float32, in the order of :attr:`tasks`.

        Raises
        ------
        UnknownNameError
            For a gene that the file does not have.
        DataError
            If the file has no labels, or they cannot be read.
        """
        contents = self._contents()
        row = contents.index.row(gene)
        if not contents.layout.has_labels:
            raise DataError(
                f"The gene file '{self._path}' has no labels; write them with decima-core build --labels, or ask for sequences "
                "alone."
            )
        return read_labels(self._handle.dataset("labels"), row, gene, self._path)

    def locus(self, gene: str, seq_len: int | None = None) -> Locus | None:
        """The place of the window that ``read(gene, seq_len)`` returns; None where the file does not say it.

        Raises
        ------
        UnknownNameError, DataError
            As :meth:`read`.
        """
        length, start = self._span(seq_len)
        contents = self._contents()
        contents.index.row(gene)
        locus = contents.loci.get(gene)
        if locus is None:
            return None
        return locus.crop(start - (contents.layout.width - len(locus)) // 2, length)

    def contigs(self) -> dict[str, int | None]:
        """Names of the contigs on which genes lie; the file does not hold their lengths."""
        return dict.fromkeys(locus.chrom for locus in self._contents().loci.values())

    def _span(self, seq_len: int | None) -> tuple[int, int]:
        """Length of a window, and the stored base at which it starts."""
        layout = self._contents().layout
        length = layout.seq_len if seq_len is None else operator.index(seq_len)
        if length < 1:
            raise DataError(f"A window of {length:,} bases was asked for; seq_len must be at least 1.")
        if length > layout.width:
            raise DataError(
                f"A window of {length:,} bases was asked for, but the gene file '{self._path}' stores {layout.width:,} "
                f"bases a gene; set seq_len to {layout.width:,} or less."
            )
        return length, (layout.width - length) // 2

    def _record(self, gene: str, start: int, length: int) -> GeneRecord:
        contents = self._contents()
        row = contents.index.row(gene)
        codes = read_codes(self._handle.dataset("sequences"), row, start, length, gene, self._path)
        mask = self._mask(row, gene)
        locus = contents.loci.get(gene)
        if locus is not None:
            locus = locus.crop(start - (contents.layout.width - len(locus)) // 2, length)
        try:
            return GeneRecord(
                gene=gene,
                codes=codes,
                mask=mask.cut(start, length),
                tss=mask.first - start,
                locus=locus,
                split=contents.index.split_of[row],
            )
        except DataError as error:
            raise DataError(f"{error} It is row {row} of the gene file '{self._path}'; write it again.") from None

    def _mask(self, row: int, gene: str) -> Mask:
        """The gene's mask. One that is a single run is kept as its bounds, so that it is read once."""
        kept = self._masks.get(row)
        if kept is None:
            contents = self._contents()
            kept = mask_of_bounds(contents.bounds, row, contents.layout)
            if kept is None:
                kept = read_mask(self._handle.dataset("masks"), row, gene, self._path)
            if kept.values is None:
                self._masks[row] = kept
        return kept

    def close(self) -> None:
        """Close the file in this process. Closing twice does nothing; a later use opens the file again."""
        self._handle.close()

    def __enter__(self) -> HDF5Source:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
