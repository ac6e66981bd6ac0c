"""``HDF5Dataset``: genes' windows, with their labels, ready for a model."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from decima_core.datasets.compact import CompactItem
from decima_core.datasets.gene_windows import GeneWindows, described, gene_labels
from decima_core.datasets.indexing import item_number, split_index
from decima_core.datasets.numbers import whole
from decima_core.datasets.seeding import Draws
from decima_core.datasets.sources import open_source
from decima_core.datasets.task_table import task_table
from decima_core.errors import DataError, UnknownNameError
from decima_core.sequence import Codes, one_hot

Item = torch.Tensor | tuple[torch.Tensor, torch.Tensor]
AUGMENT_MODES = ("random", "serial")


class HDF5Dataset(Dataset[Item]):
    """Genes of a split: items ``(x, y)``, or ``x`` alone with ``predict``.

    ``x`` is ``(5, L)`` float32, four bases and the gene mask, in transcript orientation; ``y`` is ``(T, 1)`` float32.
    With ``max_seq_shift`` the window is moved by up to so many bases: of the ``L + 2 * max_seq_shift`` bases around the
    middle of what is stored, an item is the ``L`` from base ``s`` on, ``s`` from 0 to ``2 * max_seq_shift``; the window
    that is not moved has ``s = max_seq_shift``. In mode ``serial`` every gene has an item for each ``s``, in that order.
    In mode ``random`` every gene has one item, and ``s`` is drawn afresh in each epoch.

    What is drawn depends on ``seed``, the epoch and the item alone, so that it is the same for any number of workers.
    The epoch is the one given to :meth:`set_epoch`. Without that call it is counted: the n-th time that an item is asked
    for, in this process or any worker of its, is that item's epoch n - 1. Two passes over a ``DataLoader`` so differ,
    and two runs of a program are the same.

    Parameters
    ----------
    key
        The split, such as ``"train"``; None for all genes.
    h5_file
        The gene file, or any data source.
    ad
        AnnData object or ``.h5ad`` whose ``.obs`` describes the tasks; it must name them as the file does, in its order.
    seq_len
        Length of the windows; by default the file's.
    max_seq_shift
        The most bases by which a window is moved.
    seed
        Seed of the shifts, a whole number.
    augment_mode
        ``"random"`` or ``"serial"``.
    predict
        Give ``x`` alone. May also be set later.

    Attributes
    ----------
    genes : tuple of str
        The gene of each window.
    gene_index : ndarray
        Row of each gene in the file.
    tasks : DataFrame
        One row for each task, its index the names.
    n_seqs, n_augmented, n_alleles : int
        Genes, windows for each gene, and 1.
    padded_seq_len : int
        ``seq_len + 2 * max_seq_shift``.

    Raises
    ------
    UnknownNameError
        For a split that does not exist, or a misspelt ``augment_mode``.
    ConfigError
        For a negative number, or one that is not whole.
    DataError
        If the file is damaged, stores fewer bases than are needed, has no labels where they are needed, or has other
        tasks than ``ad``.
    """

    n_alleles = 1

    def __init__(
        self,
        key: str | None,
        h5_file: Any,
        ad: Any = None,
        seq_len: int | None = None,
        max_seq_shift: int = 0,
        seed: int = 0,
        augment_mode: str = "random",
        predict: bool = False,
    ) -> None:
        super().__init__()
        if augment_mode not in AUGMENT_MODES:
            raise UnknownNameError("augment_mode", augment_mode, AUGMENT_MODES)
        self.key = key
        self.h5_file = h5_file
        self.max_seq_shift = whole("max_seq_shift", max_seq_shift)
        self.seed = whole("seed", seed)
        self.augment_mode = augment_mode
        self._source = open_source(h5_file)
        self.genes = tuple(self._source.genes(key))
        if not self.genes:
            raise DataError(f"There is no gene in {described(self._source)}.")
        self._windows = GeneWindows(
            self._source,
            self.genes[0],
            None if seq_len is None else whole("seq_len", seq_len, 1),
            self.max_seq_shift,
            keep=augment_mode == "serial" and self.max_seq_shift > 0,
        )
        self.seq_len = self._windows.length
        self.padded_seq_len = self.seq_len + 2 * self.max_seq_shift
        row_of = {gene: row for row, gene in enumerate(self._source.genes())}
        self.gene_index: npt.NDArray[np.int64] = np.array([row_of[gene] for gene in self.genes], dtype=np.int64)
        self.tasks = task_table(tuple(self._source.tasks), ad, described(self._source))
        self.n_seqs = len(self.genes)
        n_shifts = 2 * self.max_seq_shift + 1
        self.n_augmented = n_shifts if augment_mode == "serial" else 1
        is_random = augment_mode == "random" and n_shifts > 1
        self._draws = Draws(self.seed, self.n_seqs, n_shifts) if is_random else None
        self.predict = predict

    @property
    def predict(self) -> bool:
        """Whether items are ``x`` alone. Setting it to False raises DataError where there are no labels."""
        return self._predict

    @predict.setter
    def predict(self, value: bool) -> None:
        if not value:
            try:
                gene_labels(self._source, self.genes[0], len(self.tasks))
            except DataError as error:
                raise DataError(f"{error} To read windows without labels, give predict=True.") from error
        self._predict = bool(value)

    def __len__(self) -> int:
        return self.n_seqs * self.n_augmented

    def __getitem__(self, index: int) -> Item:
        """Item ``index``. Raises IndexError past either end, and DataError where the file is damaged."""
        gene, codes, mask = self._crop(index, None)
        item = np.empty((5, self.seq_len), dtype=np.float32)
        one_hot(codes, out=item[:4])
        item[4] = mask
        x = torch.from_numpy(item)
        return x if self._predict else (x, torch.from_numpy(self._labels(gene)))

    def compact(self, index: int, epoch: int | None = None) -> CompactItem:
        """Item ``index`` as codes and mask, for :func:`decima_core.datasets.loader`; of the given epoch if given."""
        gene, codes, mask = self._crop(index, epoch)
        return CompactItem(codes=codes, mask=mask, labels=None if self._predict else self._labels(gene))

    def set_epoch(self, epoch: int | None) -> None:
        """Draw the shifts of this epoch from now on, in every process, workers at work included; None to count again.

        Call it before each epoch, as with PyTorch's ``DistributedSampler``, where epochs end early or several processes
        each have a dataset of their own. Nothing happens where nothing is drawn.

        Raises
        ------
        ConfigError
            If the epoch is negative or not whole.
        """
        if epoch is not None:
            epoch = whole("epoch", epoch)
        if self._draws is not None:
            self._draws.set_epoch(epoch)

    def _crop(self, index: int, epoch: int | None) -> tuple[str, Codes, npt.NDArray[np.float32]]:
        number, shift = split_index(item_number(index, len(self)), (self.n_seqs, self.n_augmented))
        if self._draws is not None:
            shift = self._draws.choice(number, epoch)
        gene = self.genes[number]
        return gene, *self._windows.crop(gene, shift)

    def _labels(self, gene: str) -> npt.NDArray[np.float32]:
        return gene_labels(self._source, gene, len(self.tasks))

    def close(self) -> None:
        """Close the source's files in this process; the next item opens them again."""
        self._windows.forget()
        self._source.close()

    def __enter__(self) -> HDF5Dataset:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
