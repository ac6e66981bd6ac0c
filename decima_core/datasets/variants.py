"""``VariantDataset``: reference and alternative windows of variants, ready for a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from decima_core.anndata_tables import annotation
from decima_core.datasets.compact import CompactItem
from decima_core.datasets.indexing import item_number, split_index
from decima_core.datasets.settled import Windows, settle_all, window_index
from decima_core.datasets.shifts import shifts_of
from decima_core.datasets.sources import open_source, registry
from decima_core.datasets.variant_table import loci_of, refuse, transcript_rows, variants_frame
from decima_core.errors import ConfigError
from decima_core.providers import DataSource
from decima_core.sequence import one_hot
from decima_core.variants.check import WideWindow
from decima_core.variants.edit import AlleleWindow, Edit, alternative
from decima_core.variants.place import Placed, place
from decima_core.variants.read import read_variants, transcript_table


class VariantDataset(Dataset[torch.Tensor]):
    """Both alleles of variants in their genes' windows: items ``(5, L)`` float32, four bases and the gene mask.

    Items come in the order variant, shift, allele (the reference first), for the variants whose status is ``ok``. The
    reference item **is** the genome; the alternative item is the window cut from a genome that carries the variant, of the
    same length, with the transcription start site at the same place. Both strands, and indels of any size that fits.

    Parameters
    ----------
    variants
        A VCF or BCF (plain or compressed; each ALT is a variant of its own), a TSV or CSV with ``chrom, pos, ref, alt`` (and
        perhaps ``gene``), the same as a DataFrame; or a DataFrame in transcript orientation with ``gene, rel_pos, ref_tx,
        alt_tx``. ``pos`` is 1-based as in VCF, with alleles on the forward strand; ``rel_pos`` is 0-based in the gene's window
        and names the first base of ``ref_tx``.
    h5_file
        The gene file, or any data source.
    ad
        AnnData object or ``.h5ad`` whose ``.var`` (index gene; ``chrom, start, end, strand``) gives the places of the gene
        file's windows on the genome. Without ``h5_file``, the table of genes to read from ``genome``.
    seq_len
        Length of the windows; by default the source's.
    max_seq_shift
        Every window is given at each of the ``2 * max_seq_shift + 1`` shifts, from upstream to downstream.
    test_ref
        Refuse variants whose REF is not what the genome has, instead of leaving them out as ``ref_mismatch``.
    genome
        FASTA file to read the genes of ``ad`` from.
    shifts
        The shifts themselves, in place of ``max_seq_shift``: ``(-64, 0, 64)``.
    strict
        Refuse every variant whose status is not ``ok``.
    normalise
        Rewrite alleles as short and as far left on the genome as can be; by default they are left as given. The windows are
        the same either way, but for an indel in a repeat that spans the TSS, where the bases that move are others.
    pad_with_n
        Where a deletion needs bases beyond what the gene file stores, fill with N instead of leaving the variant out.

    Attributes
    ----------
    variants : DataFrame
        One row for each variant and gene, with ``status`` (:data:`decima_core.variants.status.STATUSES`).
    rows : ndarray
        Row of ``variants`` of each variant that has items.

    Raises
    ------
    DataError
        If a file is missing or damaged, the genes' places are needed and not known, or a variant is refused.
    """

    n_alleles = 2

    def __init__(
        self,
        variants: Any,
        h5_file: Any = None,
        ad: Any = None,
        seq_len: int | None = None,
        max_seq_shift: int = 0,
        test_ref: bool = False,
        *,
        genome: Any = None,
        shifts: Sequence[int] | None = None,
        strict: bool = False,
        normalise: bool = False,
        pad_with_n: bool = False,
    ) -> None:
        super().__init__()
        source = _source(h5_file, ad, genome)
        windows = Windows(source, seq_len, pad_with_n=pad_with_n)
        table = transcript_table(variants)
        if table is not None:
            rows: Iterable[Placed] = transcript_rows(table, frozenset(source.genes()))
            seen: set[int] | None = None  # as often as the table has it
        else:
            loci = None if h5_file is None or ad is None else loci_of(annotation(ad, "var"))
            rows, seen = place(read_variants(variants), window_index(source, windows, loci)), set()
        self._take(rows, windows, shifts_of(max_seq_shift, shifts), normalise=normalise, seen=seen)
        if strict:
            refuse([self.variants], "strict")
        elif test_ref:
            refuse([self.variants], "test_ref", ("ref_mismatch",))

    @classmethod
    def of_rows(
        cls,
        rows: Iterable[Placed],
        windows: Windows,
        shifts: Sequence[int] = (0,),
        *,
        normalise: bool = False,
        seen: set[int] | None = None,
    ) -> VariantDataset:
        """The dataset of rows that are placed already, such as a part of a long file; ``seen`` remembers duplicates."""
        dataset = cls.__new__(cls)
        Dataset.__init__(dataset)
        dataset._take(rows, windows, tuple(shifts), normalise=normalise, seen=seen)
        return dataset

    def _take(
        self,
        rows: Iterable[Placed],
        windows: Windows,
        shifts: tuple[int, ...],
        *,
        normalise: bool,
        seen: set[int] | None,
    ) -> None:
        settled = settle_all(rows, windows, shifts, normalise=normalise, seen=seen)
        self._windows = windows
        self._flanks = settled.flanks
        kept = [(i, row.gene, edit) for i, (row, edit) in enumerate(settled.pairs()) if edit is not None]
        self.rows = np.array([i for i, _, _ in kept], dtype=np.int64)
        self._edits: list[tuple[str, Edit]] = [(gene, edit) for _, gene, edit in kept]
        self.variants = variants_frame(settled.rows)
        self.shifts = shifts
        self.seq_len = windows.length
        self.n_seqs = len(kept)
        self.n_augmented = len(shifts)
        self._wide: tuple[str, WideWindow] | None = None
        self._pair: tuple[int, AlleleWindow, AlleleWindow] | None = None

    def __len__(self) -> int:
        return self.n_seqs * self.n_augmented * self.n_alleles

    def __getitem__(self, index: int) -> torch.Tensor:
        """Item ``index``, ``(5, L)`` float32. Raises IndexError past either end."""
        compact = self.compact(index)
        item = np.empty((5, self.seq_len), dtype=np.float32)
        one_hot(compact.codes, out=item[:4])
        item[4] = compact.mask
        return torch.from_numpy(item)

    def compact(self, index: int, epoch: int | None = None) -> CompactItem:
        """The same as base codes and mask, which :func:`~decima_core.datasets.loader` sends; it is so in every epoch."""
        number = item_number(index, len(self))
        variant, shift, allele = split_index(number, (self.n_seqs, self.n_augmented, self.n_alleles))
        codes, mask = self.alleles(variant)[allele].crop(self.shifts[shift])
        return CompactItem(codes=codes, mask=mask)

    def alleles(self, variant: int) -> tuple[AlleleWindow, AlleleWindow]:
        """The reference and the alternative window of the ``variant``-th variant that has items."""
        if self._pair is None or self._pair[0] != variant:
            gene, edit = self._edits[variant]
            if self._wide is None or self._wide[0] != gene:
                self._wide = gene, self._windows.read(gene, self._flanks[gene])
            ref = self._wide[1].allele(edit)
            self._pair = variant, ref, alternative(ref, edit)
        return self._pair[1:]

    def edit(self, variant: int) -> Edit:
        """The change of the ``variant``-th variant that has items, in window positions."""
        return self._edits[variant][1]

    def close(self) -> None:
        """Close the source's files in this process; the next item opens them again."""
        self._wide = self._pair = None
        self._windows.source.close()

    def __enter__(self) -> VariantDataset:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_wide": None, "_pair": None}


def _source(h5_file: Any, ad: Any, genome: Any) -> DataSource:
    if h5_file is not None:
        if genome is not None:
            raise ConfigError(
                "h5_file and genome were both given; genes come from one of them, so leave the other out."
            )
        return open_source(h5_file)
    if ad is None or genome is None:
        raise ConfigError(
            "VariantDataset needs genes: give h5_file (a gene file or a data source), or ad (the table of genes) with genome (a "
            "FASTA file)."
        )
    source: DataSource = registry().create("source", "fasta", path=str(genome), genes=ad)
    return source
