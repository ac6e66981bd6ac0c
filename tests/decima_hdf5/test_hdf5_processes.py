"""One handle and one index: across calls, pickling, forks and new processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest

from decima_core import UnknownNameError
from decima_hdf5 import handle as handle_module
from decima_hdf5 import index as index_module
from decima_hdf5.source import HDF5Source


@pytest.fixture
def opened(monkeypatch):
    """Paths in the order in which they were opened."""
    calls = []
    original = handle_module.open_hdf5

    def count(path):
        calls.append(path)
        return original(path)

    monkeypatch.setattr(handle_module, "open_hdf5", count)
    return calls


def test_the_gene_table_is_read_once_and_the_file_opened_once(write_genes, monkeypatch, opened):
    path = write_genes()
    reads = []
    original = h5py.Dataset.__getitem__

    def count(dataset, key, *rest, **more):
        reads.append(dataset.name)
        return original(dataset, key, *rest, **more)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", count)
    with HDF5Source(path) as source:
        assert opened == []
        for _ in range(5):
            for gene in source.genes():
                source.read(gene)
                source.row(gene)
            source.splits()
            source.count("train")
    assert reads.count("/genes") == 1
    assert opened == [path]


def test_the_index_is_kept_over_close_and_pickle(write_genes, monkeypatch):
    source = HDF5Source(write_genes())
    source.genes()
    source.close()
    monkeypatch.setattr(index_module, "texts", None)  # the table cannot be read again
    assert source.read("MYC").gene == "MYC"
    copy = pickle.loads(pickle.dumps(source))
    assert copy.read("MYC").gene == "MYC"
    source.close()
    copy.close()


def test_close_is_idempotent_and_reading_opens_again(write_genes, opened):
    source = HDF5Source(write_genes())
    source.close()
    first = source.read("MYC")
    file = source._handle.file()
    source.close()
    source.close()
    assert not file
    np.testing.assert_array_equal(source.read("MYC").codes, first.codes)
    assert len(opened) == 2
    source.close()


def test_the_context_manager_closes_also_after_an_error(write_genes):
    source = HDF5Source(write_genes())
    assert source.__enter__() is source
    file = source._handle.file()
    with pytest.raises(UnknownNameError), source:
        source.read("absent")
    assert not file


def test_a_pickle_holds_no_handle(write_genes):
    with HDF5Source(write_genes()) as source:
        expected = source.read("CD68")
        content = pickle.dumps(source)
        assert b"_datasets" not in content
        with pickle.loads(content) as copy:
            assert copy._handle._file is None
            record = copy.read("CD68")
    np.testing.assert_array_equal(record.codes, expected.codes)
    assert (record.tss, record.split) == (expected.tss, expected.split)


def test_an_unused_source_pickles_too(write_genes):
    with pickle.loads(pickle.dumps(HDF5Source(write_genes()))) as copy:
        assert copy.count() == 4


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_opens_a_handle_of_its_own(write_genes):
    source = HDF5Source(write_genes())
    expected = source.read("MYC")
    file = source._handle.file()
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def child():
        try:
            record = source.read("MYC")
            own = source._handle.file() is not file
            answers.put((own, source._handle._pid == os.getpid(), record.codes.tolist(), record.tss))
        except BaseException as error:
            answers.put(repr(error))

    process = context.Process(target=child)
    process.start()
    answer = answers.get()
    process.join()
    assert answer == (True, True, expected.codes.tolist(), expected.tss)
    assert process.exitcode == 0
    # The parent goes on with the handle it had.
    assert source._handle.file() is file
    np.testing.assert_array_equal(source.read("MYC").codes, expected.codes)
    source.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_processes_reads_what_one_process_reads(write_genes, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    with HDF5Source(write_genes(chunks=(1, 20), compression="gzip")) as source:
        genes = list(source.genes()) * 3
        expected = [source.read(gene) for gene in genes]
        with multiprocessing.get_context(method).Pool(2) as pool:
            records = pool.map(source.read, genes, chunksize=1)
            pool.close()
            pool.join()
    for record, other in zip(records, expected, strict=True):
        assert record.gene == other.gene
        np.testing.assert_array_equal(record.inputs(), other.inputs())


def test_a_relative_path_outlives_a_change_of_directory(write_genes, tmp_path, monkeypatch):
    write_genes()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    with HDF5Source("genes.h5") as source:
        monkeypatch.chdir(tmp_path / "sub")
        assert source.count() == 4


def test_announcing_imports_nothing_heavy():
    code = (
        "import sys, decima_hdf5; list(decima_hdf5.decima_data_sources()); "
        "print([m for m in ('numpy', 'h5py', 'scipy', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
