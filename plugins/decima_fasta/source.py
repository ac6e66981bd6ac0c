"""Genes of a genome as records."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Literal

import attrs

from decima_core.errors import DataError, OptionError, UnknownNameError
from decima_core.records import GeneRecord, Locus
from decima_core.sequence import reverse_complement
from decima_fasta.gene_table import placed, read_table, table_path
from decima_fasta.genome import Genome
from decima_fasta.rows import Row, Rows
from decima_fasta.windows import Gene, at_edges, central, cut_window, mask_and_tss

if TYPE_CHECKING:
    from decima_fasta import FastaOptions

SEQ_LEN, UPSTREAM = 524_288, 163_840  # as Decima was trained
_LONGEST = 1 << 30


@attrs.frozen(kw_only=True, eq=False)
class _Contents:
    """The genes with their windows, by name in table order; the genes of each split; the window length."""

    genes: dict[str, Gene]
    by_split: dict[str, tuple[str, ...]]
    contigs: dict[str, int]
    seq_len: int


class FastaSource:
    """Genes cut from a genome's FASTA file at the places a gene table gives; a data source of decima_core.

    A window has ``upstream`` bases before the gene's first base and ``seq_len`` in all, in transcript orientation: that of
    a gene on the minus strand is reverse-complemented. The mask is 1.0 over the gene's bases in the window. A table that
    gives windows (the ``var`` of Decima's AnnData) is taken at its word unless ``upstream`` is set, or ``seq_len`` to
    another length; then windows are cut at the genes that its masks show.

    Genome and table are read when first used, the table once. An object may be pickled and used after a fork: each process
    opens the genome for itself. After :meth:`close` the next use opens it again.

    Parameters
    ----------
    options
        The options of the data source ``fasta``. A DataFrame or AnnData object is read at once and not kept.

    Raises
    ------
    OptionError
        If ``upstream`` is not less than ``seq_len``, or ``genes`` is no kind of table.
    DataError
        If a file does not exist; on first use, if one is damaged or they do not fit each other.
    """

    def __init__(self, options: FastaOptions) -> None:
        self._genome = Genome(options.path)
        self._table = table_path(options.genes)
        self._rows: Rows | None = None if self._table is not None else read_table(options.genes)
        self._seq_len = options.seq_len
        self._upstream = options.upstream
        self._edges: Literal["pad", "shift"] = options.edges
        if self._seq_len is not None and self._upstream is not None:
            _check_upstream(self._upstream, self._seq_len)
        self._read: _Contents | None = None

    def __repr__(self) -> str:
        return f"FastaSource({str(self._genome.path)!r})"

    def _contents(self) -> _Contents:
        if self._read is None:
            contigs = self._genome.contigs()
            rows = self._rows if self._rows is not None else read_table(self._table)
            kept = placed(rows, contigs, f"genome '{self._genome.path}'")
            windows, seq_len = self._windows(kept, rows)
            genes = {
                row.name: Gene(
                    row.name, row.start, row.end, at_edges(window, contigs[row.chrom], self._edges), row.split
                )
                for row, window in zip(kept, windows, strict=True)
            }
            by_split: dict[str, list[str]] = {}
            for gene in genes.values():
                if gene.split is not None:
                    by_split.setdefault(gene.split, []).append(gene.name)
            splits = {split: tuple(names) for split, names in by_split.items()}
            self._read = _Contents(genes=genes, by_split=splits, contigs=contigs, seq_len=seq_len)
            self._rows = None
        return self._read

    def _windows(self, kept: tuple[Row, ...], rows: Rows) -> tuple[list[Locus], int]:
        """The window of each row before edges are seen to, and their length."""
        given: dict[int, Row] = {}  # the first row of each length
        for row in kept:
            if row.window is not None:
                given.setdefault(row.window[1] - row.window[0], row)
        if given and self._upstream is None and (self._seq_len is None or set(given) == {self._seq_len}):
            if len(given) == 1:
                windows = [
                    Locus(chrom=row.chrom, start=row.window[0], end=row.window[1], strand=row.strand)
                    for row in kept
                    if row.window is not None
                ]
                return windows, next(iter(given))
            (a, first), (b, second) = list(given.items())[:2]
            raise DataError(
                f"The {rows.title} gives gene '{first.name}' a window of {a:,} bases and gene '{second.name}' one of {b:,}; all "
                "must be equally long. Set source.upstream and source.seq_len to cut windows anew."
            )
        seq_len = self._seq_len or (next(iter(given)) if len(given) == 1 else SEQ_LEN)
        upstream = UPSTREAM if self._upstream is None else self._upstream
        _check_upstream(upstream, seq_len)
        return [
            cut_window(row.chrom, row.start, row.end, row.strand, upstream=upstream, seq_len=seq_len) for row in kept
        ], seq_len

    @property
    def tasks(self) -> tuple[str, ...]:
        """Always empty: a genome and a gene table hold no measured values."""
        return ()

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of the genome and, if it is a file, of the gene table."""
        return tuple(str(path) for path in (self._genome.path, self._table) if path is not None)

    @property
    def seq_len(self) -> int:
        """Bases of a gene's window: what :meth:`read` returns unless told otherwise."""
        return self._contents().seq_len

    def genes(self, split: str | None = None) -> tuple[str, ...]:
        """Gene names in the table's order; of one split if asked.

        Raises
        ------
        UnknownNameError
            For a split that the table does not have.
        """
        contents = self._contents()
        if split is None:
            return tuple(contents.genes)
        if split not in contents.by_split:
            hint = "" if contents.by_split else "The gene table has no column 'split'."
            raise UnknownNameError("split", split, contents.by_split, where=self._where(), hint=hint)
        return contents.by_split[split]

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order of first appearance; empty where the table has none."""
        return tuple(self._contents().by_split)

    def contigs(self) -> dict[str, int]:
        """Length of each of the genome's contigs, by name."""
        return dict(self._contents().contigs)

    def locus(self, gene: str, seq_len: int | None = None) -> Locus:
        """The place of the window that :meth:`read` returns; raises what that raises. No sequence is read."""
        return self._placed(gene, seq_len)[1]

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        """One gene, whatever its split; the central ``seq_len`` bases of its window.

        Parameters
        ----------
        gene
            The gene's name.
        seq_len
            Bases to return, by default :attr:`seq_len`. They start at window position ``(W - seq_len) // 2``; where that
            is below 0 they reach beyond the window on both sides.

        Returns
        -------
        GeneRecord
            With N beyond the chromosome's ends. Its locus then begins below 0 or ends beyond the chromosome; its ``tss``
            lies outside the record where the crop misses it.

        Raises
        ------
        UnknownNameError
            For a gene that the table does not have.
        DataError
            If ``seq_len`` is less than 1, or the genome is damaged or holds a letter that is no nucleotide.
        """
        found, locus = self._placed(gene, seq_len)
        return self._record(found, locus)

    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        """The window of :meth:`read` with ``flank`` more bases on each side, N beyond the chromosome; and ``flank``.

        ``edges`` governs the window alone: flanks never move it. Raises what :meth:`read` raises, and DataError for a
        negative flank.
        """
        found, locus = self._placed(gene, seq_len)
        more = operator.index(flank)
        if not 0 <= more <= _LONGEST:
            raise DataError(f"A flank of {more:,} bases was asked for; it must be at least 0 and at most {_LONGEST:,}.")
        return self._record(found, locus.crop(-more, len(locus) + 2 * more)), more

    def _placed(self, gene: str, seq_len: int | None) -> tuple[Gene, Locus]:
        contents = self._contents()
        found = contents.genes.get(gene)
        if found is None:
            raise UnknownNameError("gene", gene, contents.genes, where=self._where())
        length = contents.seq_len if seq_len is None else operator.index(seq_len)
        if not 1 <= length <= _LONGEST:
            raise DataError(
                f"A window of {length:,} bases was asked for; seq_len must be at least 1 and at most {_LONGEST:,}."
            )
        return found, central(found.window, length)

    def _record(self, gene: Gene, locus: Locus) -> GeneRecord:
        codes = self._genome.codes(locus.chrom, locus.start, locus.end)
        if locus.strand == "-":
            codes = reverse_complement(codes)
        mask, tss = mask_and_tss(gene, locus)
        return GeneRecord(gene=gene.name, codes=codes, mask=mask, tss=tss, locus=locus, split=gene.split)

    def _where(self) -> str:
        return "the gene table" if self._table is None else f"'{self._table}'"

    def close(self) -> None:
        """Close the genome in this process. Closing twice does nothing; a later use opens it again."""
        self._genome.close()

    def __enter__(self) -> FastaSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _check_upstream(upstream: int, seq_len: int) -> None:
    if upstream >= seq_len:
        raise OptionError(
            f"Data source 'fasta' was given {upstream:,} bases upstream of the gene's start in a window of {seq_len:,}; set "
            "source.upstream to less than source.seq_len."
        )
