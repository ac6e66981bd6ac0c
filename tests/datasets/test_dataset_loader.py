"""Batches: ``DataLoader`` with workers of every kind, and ``loader``, which gives the same."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from dataset_files import write_labelled
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from decima_core.datasets import HDF5Dataset, loader
from decima_core.datasets.compact import CompactItem, collate, run_of
from decima_core.datasets.seeding import drawn
from decima_core.errors import ConfigError, DataError

N = 6
FORK: dict[str, Any] = {"multiprocessing_context": "fork"}
WORKERS = [
    pytest.param({"num_workers": 0}, id="none"),
    pytest.param({"num_workers": 1, **FORK}, id="one"),
    pytest.param({"num_workers": 2, **FORK}, id="two"),
    pytest.param({"num_workers": 2, "persistent_workers": True, **FORK}, id="two-persistent"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labelled(tmp_path_factory.mktemp("genes") / "genes.h5", splits=["train"] * N)


def drawing(path: Path, **options: Any) -> HDF5Dataset:
    return HDF5Dataset("train", path, max_seq_shift=4, predict=True, **options)


def epoch_of(dataset: HDF5Dataset, epoch: int) -> torch.Tensor:
    dataset.set_epoch(epoch)
    return torch.stack([dataset[i] for i in range(N)])


# --- PyTorch's own DataLoader -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", WORKERS)
def test_epochs_are_counted_alike_for_any_workers(path: Path, workers: dict[str, Any]) -> None:
    batches = DataLoader(drawing(path), **workers)
    epochs = [torch.cat(list(batches)) for _ in range(3)]
    known = drawing(path)
    for number, items in enumerate(epochs):
        assert torch.equal(items, epoch_of(known, number))
    assert not torch.equal(epochs[0], epochs[1])


def test_persistent_workers_that_swap_items_still_give_new_ones(path: Path) -> None:
    """With shuffling, an item goes to one worker in one epoch and to the other in the next."""
    batches = DataLoader(drawing(path), num_workers=2, shuffle=True, persistent_workers=True, **FORK)
    known = drawing(path)
    for number in range(3):
        came = {item.numpy().tobytes() for item in torch.cat(list(batches))}
        assert came == {item.numpy().tobytes() for item in epoch_of(known, number)}


def test_setting_the_epoch_reaches_persistent_workers(path: Path) -> None:
    dataset, known = drawing(path), drawing(path)
    batches = DataLoader(dataset, num_workers=2, persistent_workers=True, **FORK)
    for number in (5, 5, 2):
        dataset.set_epoch(number)
        assert torch.equal(torch.cat(list(batches)), epoch_of(known, number))


def test_spawned_workers_count_with_everybody(path: Path) -> None:
    dataset, known = drawing(path), drawing(path)
    dataset[0]
    dataset.close()
    batches = DataLoader(dataset, num_workers=2, persistent_workers=True, multiprocessing_context="spawn")
    first, second = (torch.cat(list(batches)) for _ in range(2))
    assert torch.equal(first[1:], epoch_of(known, 0)[1:])
    assert torch.equal(first[0], epoch_of(known, 1)[0]), "item 0 had been asked for before"
    assert torch.equal(second[1:], epoch_of(known, 1)[1:])
    dataset.set_epoch(7)
    assert torch.equal(torch.cat(list(batches)), epoch_of(known, 7))
    dataset.set_epoch(None)
    assert torch.equal(dataset[1], epoch_of(known, 2)[1]), "what workers counted is known here"


def test_a_dataset_in_use_survives_a_fork(path: Path) -> None:
    dataset = HDF5Dataset("train", path)
    before = dataset[0][0]
    batches = [x for x, _ in DataLoader(dataset, num_workers=2, **FORK)]
    assert torch.equal(batches[0][0], before)
    assert torch.equal(dataset[0][0], before)


def test_shuffled_batches_hold_every_gene_with_its_labels(path: Path) -> None:
    dataset = HDF5Dataset("train", path)
    found = [pair for x, y in DataLoader(dataset, batch_size=4, shuffle=True) for pair in zip(x, y, strict=True)]
    for x, y in found:
        at = next(i for i in range(N) if torch.equal(dataset[i][0], x))
        assert torch.equal(dataset[at][1], y)
    assert len({x.numpy().tobytes() for x, _ in found}) == N


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pinning needs a GPU")
def test_pinned_batches(path: Path) -> None:
    dataset = HDF5Dataset("train", path)
    for x, _ in DataLoader(dataset, batch_size=2, pin_memory=True):
        assert x.is_pinned()
    plain = list(DataLoader(dataset, batch_size=2))
    for (x, y), (there_x, there_y) in zip(plain, loader(dataset, batch_size=2, device="cuda"), strict=True):
        assert torch.equal(there_x.cpu(), x)
        assert torch.equal(there_y.cpu(), y)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_draws_are_the_same_on_every_machine() -> None:
    assert [drawn(0, 0, item, 11) for item in range(8)] == DRAWN
    assert len({drawn(0, epoch, item, 2**62) for epoch in range(50) for item in range(50)}) == 2500


def test_draws_are_even() -> None:
    counts = np.bincount([drawn(3, epoch, item, 5) for epoch in range(40) for item in range(100)], minlength=5)
    assert counts.sum() == 4000
    assert (np.abs(counts - 800) < 120).all(), "five standard deviations"


DRAWN = [4, 8, 6, 5, 2, 3, 2, 1]


# --- loader -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_loader_gives_what_a_data_loader_gives(path: Path, workers: dict[str, Any], batch_size: int) -> None:
    dataset = HDF5Dataset("train", path, max_seq_shift=1, augment_mode="serial")
    mine, plain = loader(dataset, batch_size, **workers), DataLoader(dataset, batch_size)
    assert len(mine) == len(plain)
    for _ in range(2):
        for (x, y), (plain_x, plain_y) in zip(mine, plain, strict=True):
            assert torch.equal(x, plain_x)
            assert x.dtype == plain_x.dtype
            assert x.is_contiguous()
            assert torch.equal(y, plain_y)


@pytest.mark.parametrize("workers", WORKERS)
def test_the_loader_counts_its_own_epochs(path: Path, workers: dict[str, Any]) -> None:
    dataset, known = drawing(path), drawing(path)
    batches = loader(dataset, **workers)
    for number in range(2):
        assert batches.epoch == number
        assert torch.equal(torch.cat(list(batches)), epoch_of(known, number))
    next(iter(batches))  # a pass cut short is an epoch too, whatever its workers had read ahead
    assert torch.equal(torch.cat(list(batches)), epoch_of(known, 3))
    batches.set_epoch(1)
    assert torch.equal(torch.cat(list(batches)), epoch_of(known, 1))
    assert torch.equal(dataset[0], epoch_of(known, 0)[0]), "the dataset's own count is as it was"


def test_two_passes_at_once_are_two_epochs(path: Path) -> None:
    known = drawing(path)
    batches = loader(drawing(path))
    pairs = list(zip(batches, batches, strict=True))
    assert torch.equal(torch.cat([a for a, _ in pairs]), epoch_of(known, 0))
    assert torch.equal(torch.cat([b for _, b in pairs]), epoch_of(known, 1))


def test_shuffling_depends_on_seed_and_epoch_alone(path: Path) -> None:
    def orders(seed: int, **workers: Any) -> list[torch.Tensor]:
        batches = loader(drawing(path), shuffle=True, seed=seed, **workers)
        return [torch.cat(list(batches)) for _ in range(2)]

    first, second = orders(1)
    assert all(torch.equal(a, b) for a, b in zip((first, second), orders(1, num_workers=2, **FORK), strict=True))
    assert not torch.equal(first, second)
    assert not torch.equal(first, orders(2)[0])
    known = {item.numpy().tobytes() for item in epoch_of(drawing(path), 1)}
    assert {item.numpy().tobytes() for item in second} == known


def test_dropping_what_does_not_fill_a_batch(path: Path) -> None:
    sizes = {drop: [len(x) for x in loader(drawing(path), 4, drop_last=drop)] for drop in (False, True)}
    assert sizes == {False: [4, 2], True: [4]}
    assert [len(loader(drawing(path), 4, drop_last=drop)) for drop in (False, True)] == [2, 1]


def test_the_global_random_state_is_left_alone(path: Path) -> None:
    before = torch.get_rng_state()
    list(loader(drawing(path), shuffle=True, num_workers=1, **FORK))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [{"num_workers": 0}, {"num_workers": 1, **FORK}], ids=["none", "one"])
def test_damage_is_one_sentence_from_a_worker_too(tmp_path: Path, workers: dict[str, Any]) -> None:
    path = write_labelled(tmp_path / "bad.h5")
    with h5py.File(path, "a") as file:
        file["sequences"][2, 10] = 9
    batches = iter(loader(HDF5Dataset("train", path), **workers))
    next(batches)
    with pytest.raises(DataError, match="gene 'G2' holds code 9") as caught:
        next(batches)
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children(), "no worker outlives the pass, though the error is still held"


def test_what_the_loader_refuses(path: Path) -> None:
    dataset = drawing(path)
    with pytest.raises(ConfigError, match="not list"):
        loader([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="batch_size is 0"):
        loader(dataset, 0)
    with pytest.raises(ConfigError, match="sets collate_fn by itself"):
        loader(dataset, collate_fn=list)
    with pytest.raises(ConfigError, match=r"do not fit together: .*persistent_workers"):
        loader(dataset, persistent_workers=True)


# --- compact items ----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_expanding_gives_every_mask_back(data: st.DataObject) -> None:
    length, n = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 4))
    values = st.sampled_from([0.0, 1.0, 0.5, -0.0])
    items = [
        CompactItem(
            codes=np.array(data.draw(st.lists(st.integers(0, 4), min_size=length, max_size=length)), dtype=np.int8),
            mask=np.array(data.draw(st.lists(values, min_size=length, max_size=length)), dtype=np.float32),
        )
        for _ in range(n)
    ]
    made = collate(items).expand().numpy()
    for item, x in zip(items, made, strict=True):
        np.testing.assert_array_equal(x[:4], [item.codes == base for base in range(4)])
        assert x[4].tobytes() == item.mask.tobytes()


@pytest.mark.parametrize(
    ("mask", "run"),
    [
        ([0, 0, 0], (0, 0, 0)),
        ([1, 1, 1], (0, 3, 1)),
        ([0, 0.5, 0], (1, 2, 0.5)),
        ([1, 0, 1], None),
        ([0, 1, 2], None),
        ([], (0, 0, 0)),
    ],
)
def test_runs(mask: list[float], run: tuple[int, int, float] | None) -> None:
    assert run_of(np.array(mask, dtype=np.float32)) == run


def test_what_is_sent_is_a_twentieth(tmp_path: Path) -> None:
    dataset = HDF5Dataset("train", write_labelled(tmp_path / "long.h5", seq_len=10_000))
    batch = collate([dataset.compact(0), dataset.compact(1)])
    assert len(pickle.dumps(batch)) < 2 * 10_000 + 2_000


def test_items_that_do_not_fit_one_batch_are_refused(path: Path) -> None:
    short = CompactItem(codes=np.zeros(2, np.int8), mask=np.zeros(2, np.float32))
    long = CompactItem(codes=np.zeros(3, np.int8), mask=np.zeros(3, np.float32))
    with pytest.raises(DataError, match="2 and 3 bases"):
        collate([long, short])
    with pytest.raises(DataError, match="must all have labels"):
        collate([short, CompactItem(codes=short.codes, mask=short.mask, labels=np.zeros((1, 1), np.float32))])


def test_items_are_made_on_the_device_that_is_asked_for() -> None:
    ragged = np.array([0.5, 0, 1, 1], dtype=np.float32)
    codes = np.array([0, 1, 2, 4], dtype=np.int8)
    batch = collate([CompactItem(codes=codes, mask=mask) for mask in (ragged, np.ones(4, dtype=np.float32))])
    items = batch.expand("meta")  # a device without values: the way of a GPU
    assert (items.device.type, items.shape, items.dtype) == ("meta", (2, 5, 4), torch.float32)
