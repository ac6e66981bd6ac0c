"""``HDF5Dataset``: what its items are, what it says about itself, and what it refuses."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from dataset_files import TASKS, expected, labels_of, write_labelled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decima_core.datasets import HDF5Dataset
from decima_core.errors import ConfigError, DataError, UnknownNameError
from decima_core.records import GeneRecord
from decima_core.registry import Registry

TRAIN = (0, 2, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_labelled(tmp_path / "genes.h5")


def test_an_item_is_the_stored_window_and_its_labels(path: Path) -> None:
    dataset = HDF5Dataset("train", path)
    assert len(dataset) == 3
    for item, row in enumerate(TRAIN):
        x, y = dataset[item]
        assert x.dtype == y.dtype == torch.float32
        np.testing.assert_array_equal(x.numpy(), expected(path, row, 30, 0, 0))
        np.testing.assert_array_equal(y.numpy(), labels_of(path, row))


def test_what_the_dataset_says_about_itself(path: Path) -> None:
    dataset = HDF5Dataset("train", path, max_seq_shift=2, augment_mode="serial")
    assert (dataset.key, dataset.h5_file, dataset.predict) == ("train", path, False)
    assert (dataset.n_seqs, dataset.n_augmented, dataset.n_alleles, len(dataset)) == (3, 5, 1, 15)
    assert (dataset.seq_len, dataset.max_seq_shift, dataset.padded_seq_len) == (30, 2, 34)
    assert dataset.genes == ("G0", "G2", "G3")
    np.testing.assert_array_equal(dataset.gene_index, TRAIN)
    assert list(dataset.tasks.index) == list(TASKS)
    assert dataset.tasks.shape == (3, 0)


def test_without_a_key_every_gene_is_there(path: Path) -> None:
    dataset = HDF5Dataset(None, path)
    np.testing.assert_array_equal(dataset.gene_index, range(5))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_serial_items_are_every_shift_of_every_gene(tmp_path: Path, data: st.DataObject) -> None:
    odd, pad = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 4))
    path = write_labelled(tmp_path / "any.h5", pad=pad, odd=odd)
    seq_len = data.draw(st.integers(1, 30 + 2 * pad))
    shift = data.draw(st.integers(0, (30 + 2 * pad - seq_len) // 2))
    dataset = HDF5Dataset("train", path, seq_len=seq_len, max_seq_shift=shift, augment_mode="serial")
    n = 2 * shift + 1
    assert len(dataset) == 3 * n
    item = data.draw(st.integers(0, 3 * n - 1))
    x, y = dataset[item]
    np.testing.assert_array_equal(x.numpy(), expected(path, TRAIN[item // n], seq_len, shift, item % n))
    np.testing.assert_array_equal(y.numpy(), labels_of(path, TRAIN[item // n]))
    np.testing.assert_array_equal(dataset[item - 3 * n][0].numpy(), x.numpy())


def test_random_items_are_one_of_the_shifts_and_every_shift_comes(path: Path) -> None:
    dataset = HDF5Dataset("train", path, max_seq_shift=1)
    assert len(dataset) == 3
    choices = {expected(path, 0, 30, 1, s).tobytes(): s for s in range(3)}
    assert {choices[dataset[0][0].numpy().tobytes()] for _ in range(50)} == {0, 1, 2}


def test_the_same_seed_repeats_and_another_differs(path: Path) -> None:
    def run(seed: int) -> torch.Tensor:
        dataset = HDF5Dataset(None, path, max_seq_shift=4, seed=seed, predict=True)
        return torch.stack([dataset[i] for _ in range(4) for i in range(5)])

    assert torch.equal(run(7), run(7))
    assert not torch.equal(run(7), run(8))


def test_items_drawn_do_not_depend_on_the_order_or_on_other_items(path: Path) -> None:
    forward = HDF5Dataset(None, path, max_seq_shift=4, predict=True)
    backward = HDF5Dataset(None, path, max_seq_shift=4, predict=True)
    there = [forward[i] for i in range(5)]
    back = [backward[i] for i in reversed(range(5))]
    assert all(torch.equal(a, b) for a, b in zip(there, reversed(back), strict=True))
    assert torch.equal(backward[-1], forward[4]), "an item asked for from the end is the same item"


def test_a_set_epoch_fixes_the_items_and_none_counts_again(path: Path) -> None:
    dataset = HDF5Dataset(None, path, max_seq_shift=4, predict=True)

    def whole() -> torch.Tensor:
        return torch.stack([dataset[i] for i in range(5)])

    counted = [whole() for _ in range(3)]
    dataset.set_epoch(1)
    assert torch.equal(whole(), counted[1])
    assert torch.equal(whole(), counted[1])
    dataset.set_epoch(None)
    fourth = whole()
    dataset.set_epoch(3)
    assert torch.equal(whole(), fourth)


def test_python_indexing(path: Path) -> None:
    dataset = HDF5Dataset("train", path)
    assert torch.equal(dataset[-1][0], dataset[2][0])
    assert torch.equal(dataset[np.int64(1)][0], dataset[1][0])
    assert len(list(dataset)) == 3, "iterating ends"
    for outside in (3, -4):
        with pytest.raises(IndexError, match="the dataset has 3"):
            dataset[outside]
    for no_number in (0.5, slice(0, 2), [0, 1], "0", None):
        with pytest.raises(TypeError, match="one whole number, not by"):
            dataset[no_number]  # type: ignore[index]


def test_predict_can_be_given_and_set(path: Path) -> None:
    dataset = HDF5Dataset("val", path, predict=True)
    x = dataset[0]
    assert isinstance(x, torch.Tensor)
    dataset.predict = False
    assert torch.equal(dataset[0][0], x)
    dataset.predict = True
    assert torch.equal(dataset[0], x)


def test_items_are_the_callers_own(path: Path) -> None:
    dataset = HDF5Dataset("val", path, max_seq_shift=1, augment_mode="serial")
    x, y = dataset[0]
    x.fill_(9)
    y.fill_(9)
    np.testing.assert_array_equal(dataset[0][0].numpy(), expected(path, 1, 30, 1, 0))
    np.testing.assert_array_equal(dataset[0][1].numpy(), labels_of(path, 1))


def test_a_data_source_may_stand_for_the_file(path: Path) -> None:
    source = Registry.discover().create("source", "hdf5", path=str(path))
    assert torch.equal(HDF5Dataset("val", source)[0][0], HDF5Dataset("val", str(path))[0][0])


def test_closing_and_using_again(path: Path) -> None:
    with HDF5Dataset("val", path) as dataset:
        first = dataset[0][0]
    dataset.close()
    assert torch.equal(dataset[0][0], first)


@pytest.mark.parametrize("mode", ["serial", "random"])
def test_copies_go_on_as_the_original_would(path: Path, mode: str) -> None:
    dataset = HDF5Dataset(None, path, max_seq_shift=4, augment_mode=mode, predict=True)
    dataset[0]
    copies = [pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)]
    item = dataset[0]
    assert all(torch.equal(one[0], item) for one in copies)


def test_the_pickle_is_small_however_large_the_genes_are(tmp_path: Path) -> None:
    big = write_labelled(tmp_path / "big.h5", seq_len=200_000)
    dataset = HDF5Dataset(None, big, max_seq_shift=1, augment_mode="serial")
    dataset[0]
    assert len(pickle.dumps(dataset)) < 20_000


def test_default_length_is_the_files_and_not_a_constant(tmp_path: Path) -> None:
    path = write_labelled(tmp_path / "short.h5", seq_len=21)
    assert HDF5Dataset(None, path)[0][0].shape == (5, 21)


# --- tasks ------------------------------------------------------------------------------------------------------------


def obs(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"tissue": range(len(names))}, index=names)


def test_the_table_of_tasks_is_the_one_of_ad(path: Path, tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    table = obs(list(TASKS))
    ad = anndata.AnnData(X=np.zeros((3, 2), dtype=np.float32), obs=table)
    ad.write_h5ad(tmp_path / "tasks.h5ad")
    for given_ad in (ad, tmp_path / "tasks.h5ad", str(tmp_path / "tasks.h5ad"), SimpleNamespace(obs=table)):
        dataset = HDF5Dataset("val", path, given_ad)
        assert list(dataset.tasks.index) == list(TASKS)
        assert list(dataset.tasks["tissue"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["T cell", "monocyte", "B cell"], r"same names .* another order: task 0 is 'T cell' in ad and 'monocyte'"),
        (["monocyte", "T cell"], r"lacks 1 of the 3 tasks .* first 'B cell' \(they differ from task 2 on\)"),
        (["monocyte", "T cell", "B cell", "NK"], r"has 1 that .* lacks, first 'NK' \(they differ from task 3 on\)"),
        (["monocyte", "NK", "B cell"], r"lacks 1 .* 'T cell' and has 1 .* 'NK' \(they differ from task 1 on\)"),
        (["monocyte", "T cell", "B cell", "B cell"], "names some tasks another number of times"),
    ],
)
def test_tasks_that_disagree_are_refused(path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        HDF5Dataset("val", path, SimpleNamespace(obs=obs(names)))


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"key": "trian"}, UnknownNameError, "no split 'trian'.*Did you mean train"),
        ({"augment_mode": "serail"}, UnknownNameError, "no augment_mode 'serail'.*Did you mean serial"),
        ({"max_seq_shift": -1}, ConfigError, "max_seq_shift is -1; it must be 0 or more"),
        ({"seed": -3}, ConfigError, "seed is -3; it must be 0 or more"),
        ({"seed": None}, ConfigError, "seed is None; it must be a whole number"),
        ({"max_seq_shift": 1.5}, ConfigError, "max_seq_shift is 1.5; it must be a whole number"),
        ({"seq_len": 0}, ConfigError, "seq_len is 0; it must be 1 or more"),
        ({"seq_len": 39}, DataError, "39 bases.* 38"),
        ({"max_seq_shift": 5}, DataError, "30 bases by up to 5 needs 40 bases.* holds 38 .*max_seq_shift to 4 or less"),
        ({"seq_len": 38, "max_seq_shift": 1}, DataError, "38 bases by up to 1 needs 40 bases.* holds 38 "),
        ({"h5_file": 7}, ConfigError, "a gene file or a data source, not int"),
    ],
)
def test_what_cannot_be_is_said_at_construction(
    path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        HDF5Dataset(**{"key": "train", "h5_file": path, **options})


def test_a_negative_epoch_is_refused_also_where_nothing_is_drawn(path: Path) -> None:
    for shift in (0, 1):
        with pytest.raises(ConfigError, match="epoch is -1"):
            HDF5Dataset("val", path, max_seq_shift=shift).set_epoch(-1)


def test_missing_labels_are_named_at_construction(tmp_path: Path) -> None:
    path = write_labelled(tmp_path / "bare.h5", labels=False)
    with pytest.raises(DataError, match=r"label.*predict=True"):
        HDF5Dataset("train", path)
    dataset = HDF5Dataset("train", path, predict=True)
    assert dataset[0].shape == (5, 30)
    with pytest.raises(DataError, match="predict=True"):
        dataset.predict = False
    assert dataset.predict


def test_a_file_without_masks_is_one_sentence(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["masks"]
    with pytest.raises(DataError, match="lacks the dataset masks"):
        HDF5Dataset("train", path)


# --- other sources ----------------------------------------------------------------------------------------------------


class Memory:
    """A source of one gene of which ``left`` and ``right`` bases beside the window can be read; its labels are shared."""

    tasks = ("a", "b")
    files = ()

    def __init__(self, left: int, right: int) -> None:
        self.codes = np.arange(left + 8 + right, dtype=np.int8) % 5
        self.left = left
        self.values = np.zeros((2, 1), dtype=np.float32)

    def genes(self, split: str | None = None) -> tuple[str, ...]:
        return ("G",)

    def splits(self) -> tuple[str, ...]:
        return ()

    def _record(self, begin: int, end: int) -> GeneRecord:
        codes = self.codes[begin:end]
        return GeneRecord(gene="G", codes=codes, mask=codes / np.float32(4))

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        length = seq_len or 8
        begin = self.left + (8 - length) // 2
        return self._record(begin, begin + length)

    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        length = seq_len or 8
        start = self.left + (8 - length) // 2
        begin = max(0, start - flank)
        return self._record(begin, start + length + flank), start - begin

    def labels(self, gene: str) -> np.ndarray:
        return self.values

    def close(self) -> None: ...

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *exc: object) -> None: ...


def test_a_source_of_flanks_gives_every_shift() -> None:
    source = Memory(3, 5)
    dataset = HDF5Dataset(None, source, max_seq_shift=3, augment_mode="serial")
    for s in range(7):
        codes = source.codes[s : s + 8]
        np.testing.assert_array_equal(dataset[s][0][:4], [codes == base for base in range(4)])
        np.testing.assert_array_equal(dataset[s][0][4], codes / np.float32(4))


def test_too_few_flanking_bases_are_told_with_the_numbers() -> None:
    with pytest.raises(
        DataError, match=r"8 bases by up to 4 needs 16 bases, but .* holds 14 .* gene 'G'; set max_seq_shift to 3"
    ):
        HDF5Dataset(None, Memory(3, 5), max_seq_shift=4)


def test_labels_are_copied_and_must_be_one_for_each_task() -> None:
    source = Memory(0, 0)
    HDF5Dataset(None, source)[0][1].fill_(9)
    assert not source.values.any()
    source.values = np.zeros((3, 1), dtype=np.float32)
    with pytest.raises(DataError, match=r"gene 'G' have shape \(3, 1\); they must have shape \(2, 1\)"):
        HDF5Dataset(None, source)


def test_a_source_without_labels_can_predict(tmp_path: Path) -> None:
    (tmp_path / "genome.fa").write_text(">c\n" + "ACGTACGTTG" * 10 + "\n")
    (tmp_path / "genes.tsv").write_text("gene\tchrom\tstart\tend\tstrand\nG\tc\t40\t60\t+\n")
    source = Registry.discover().create(
        "source", "fasta", path=str(tmp_path / "genome.fa"), genes=str(tmp_path / "genes.tsv"), upstream=10, seq_len=20
    )
    dataset = HDF5Dataset(None, source, max_seq_shift=2, augment_mode="serial", predict=True)
    assert dataset.tasks.empty
    assert dataset[0].shape == (5, 20)
    np.testing.assert_array_equal(dataset[2], source.read("G").inputs())
    np.testing.assert_array_equal(dataset[0][:, 2:], dataset[2][:, :-2])
    with pytest.raises(DataError, match="has no labels"):
        HDF5Dataset(None, source)
