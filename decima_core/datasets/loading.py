"""``loader``: batches of a dataset, sent from worker processes in compact form and made where they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from decima_core.datasets.compact import CompactBatch, CompactItem, collate
from decima_core.datasets.numbers import whole
from decima_core.errors import ConfigError, DataError, DecimaError

Batch = torch.Tensor | tuple[torch.Tensor, torch.Tensor]
_OURS = ("batch_sampler", "sampler", "collate_fn", "generator", "pin_memory", "dataset")


class CompactDataset(Protocol):
    """A dataset whose items can be had before they are made."""

    def __len__(self) -> int: ...

    def compact(self, index: int, epoch: int | None = None) -> CompactItem:
        """Item ``index`` as it is in an epoch; the epoch matters only where something is drawn."""


def loader(
    dataset: CompactDataset,
    batch_size: int = 1,
    num_workers: int = 0,
    shuffle: bool = False,
    device: torch.device | str | None = None,
    seed: int = 0,
    drop_last: bool = False,
    **options: Any,
) -> Loader:
    """Batches ``(B, 5, L)`` float32 of a dataset, with labels ``(B, T, 1)`` where its items have them.

    They are what a ``DataLoader`` gives for the same items, in the same form. But workers send base codes, and the
    bounds of the mask: a twentieth of the bytes. Workers also say what was wrong in one sentence, as without workers.

    Each pass is an epoch of its own: the first is epoch 0, the next epoch 1; :meth:`Loader.set_epoch` says which comes
    next. So make one loader and pass over it again: a new one begins with epoch 0. Order and random shifts depend on the epoch and the seeds alone, not on the number of workers, on passes cut
    short, or on what else uses the dataset. PyTorch's global random state is left alone.

    Parameters
    ----------
    dataset
        :class:`HDF5Dataset`, or whatever has its method ``compact``.
    batch_size, num_workers, shuffle, drop_last
        As in ``DataLoader``.
    device
        Where batches are wanted. For a GPU, what is sent is pinned and the batch is made there.
    seed
        Seed of the order with ``shuffle``. That of the shifts is the dataset's own.
    options
        Anything else that ``DataLoader`` takes, such as ``persistent_workers``, ``multiprocessing_context`` or
        ``prefetch_factor``.

    Raises
    ------
    ConfigError
        If the dataset has no compact items, or an option cannot be.
    """
    if not callable(getattr(dataset, "compact", None)):
        raise ConfigError(
            f"loader() takes datasets of decima_core, which have a method compact, not {type(dataset).__name__}; "
            "use torch.utils.data.DataLoader."
        )
    refused = next((name for name in _OURS if name in options), None)
    if refused is not None:
        raise ConfigError(f"loader() sets {refused} by itself; to set it, use torch.utils.data.DataLoader.")
    batches = _Batches(
        len(dataset), whole("batch_size", batch_size, 1), shuffle, whole("seed", seed), drop_last=drop_last
    )
    where = None if device is None else torch.device(device)
    try:
        inner: DataLoader[Any] = DataLoader(
            _Compact(dataset),
            batch_sampler=batches,
            num_workers=whole("num_workers", num_workers),
            collate_fn=_collate,
            pin_memory=where is not None and where.type == "cuda",
            generator=torch.Generator().manual_seed(seed),  # else each pass would draw from the global one
            **options,
        )
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"The options of loader() do not fit together: {error}") from error
    return Loader(inner, batches, where)


class Loader:
    """What :func:`loader` returns: to be passed over again and again, each time one epoch."""

    def __init__(self, inner: DataLoader[Any], batches: _Batches, device: torch.device | None) -> None:
        self._inner = inner
        self._batches = batches
        self._device = device

    @property
    def epoch(self) -> int:
        """The epoch of the next pass."""
        return self._batches.epoch

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass this epoch. Raises ConfigError if it is negative or not whole."""
        self._batches.epoch = whole("epoch", epoch)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        arriving = iter(self._inner)  # at once, so that workers start and the epoch is this pass's own
        self._batches.epoch += 1
        return self._made(arriving)

    def _made(self, arriving: Iterator[CompactBatch | DecimaError]) -> Iterator[Batch]:
        try:
            for batch in arriving:
                if isinstance(batch, DecimaError):
                    raise _without_frames(batch) if self._inner.num_workers else batch
                x = batch.expand(self._device)
                if batch.labels is None:
                    yield x
                else:
                    yield x, batch.labels.to(self._device, non_blocking=True)
        finally:
            del arriving  # else the traceback of an error would keep the workers alive


def _without_frames(error: DecimaError) -> DecimaError:
    """The error without the tracebacks that tblib, which Dask brings, lets it carry from process to process.

    Their frames are made where the error arrives, and would keep the pass, and so its workers, alive.
    """
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
    return error


class _Batches:
    """The item numbers of each batch, each with the epoch: it travels to the workers with them."""

    def __init__(self, n_items: int, batch_size: int, shuffle: bool, seed: int, *, drop_last: bool) -> None:
        self._n_items = n_items
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._seed = seed
        self._drop_last = drop_last
        self.epoch = 0

    def __len__(self) -> int:
        whole_ones, rest = divmod(self._n_items, self._batch_size)
        return whole_ones + (1 if rest and not self._drop_last else 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, order = self.epoch, self._order()
        size = self._batch_size
        return ([(epoch, item) for item in order[i * size : (i + 1) * size]] for i in range(len(self)))

    def _order(self) -> Sequence[int]:
        if not self._shuffle:
            return range(self._n_items)
        # SeedSequence and PCG64 are kept stable by NumPy; so is this order.
        words = np.random.PCG64(np.random.SeedSequence(self._seed, spawn_key=(self.epoch,)))
        return np.argsort(words.random_raw(self._n_items), kind="stable").tolist()  # type: ignore[no-any-return]


class _Compact(Dataset[Any]):
    """The dataset that workers see. An error goes back as an item, to be raised where the batch was asked for."""

    def __init__(self, dataset: CompactDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, asked: tuple[int, int]) -> CompactItem | DecimaError:
        epoch, item = asked
        try:
            return self._dataset.compact(item, epoch)
        except DecimaError as error:
            return error


def _collate(items: list[CompactItem | DecimaError]) -> CompactBatch | DecimaError:
    found: list[CompactItem] = []
    for item in items:
        if isinstance(item, DecimaError):
            return item
        found.append(item)
    try:
        return collate(found)
    except DataError as error:
        return error
