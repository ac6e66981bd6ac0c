"""One open genome for each process, one table in all: pickling, forks, new processes, threads."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from decima_core import UnknownNameError
from decima_fasta import gene_table as gene_table_module
from decima_fasta import genome as genome_module
from decima_fasta import source as source_module

fork_warns = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def reads(monkeypatch):
    """Counts of the gene tables read and the genomes opened."""
    counts = {"tables": 0, "genomes": 0}

    def counting(key, function):
        def call(*args, **kwargs):
            counts[key] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(source_module, "read_table", counting("tables", gene_table_module.read_table))
    monkeypatch.setattr(genome_module, "sound_index", counting("genomes", genome_module.sound_index))
    return counts


def test_files_are_opened_when_needed_and_once(open_source, reads):
    source = open_source()
    assert reads == {"tables": 0, "genomes": 0}
    for _ in range(3):
        for gene in source.genes():
            source.read(gene)
            source.locus(gene)
        source.contigs()
    assert reads == {"tables": 1, "genomes": 1}
    source.close()
    source.close()
    assert source.locus("AAA") is not None
    assert reads == {"tables": 1, "genomes": 1}
    source.read("AAA")
    assert reads == {"tables": 1, "genomes": 2}


def test_the_context_manager_closes_also_after_an_error(open_source):
    source = open_source()
    assert source.__enter__() is source
    source.read("AAA")
    file = source._genome._held.file
    with pytest.raises(UnknownNameError), source:
        source.read("absent")
    assert file.closed


def test_a_pickle_holds_the_table_and_no_open_file(open_source, reads, tmp_path):
    with open_source() as source:
        expected = source.read("BBB")
        (tmp_path / "genes.bed").unlink()
        with pickle.loads(pickle.dumps(source)) as copy:
            assert copy._genome._held is None
            record = copy.read("BBB")
    np.testing.assert_array_equal(record.inputs(), expected.inputs())
    assert (record.tss, record.locus) == (expected.tss, expected.locus)
    assert reads["tables"] == 1


def test_an_unused_source_pickles_too_also_one_of_a_dataframe(open_source, parts):
    table = pd.DataFrame([g[:5] for g in parts.GENES], columns=["gene", "chrom", "start", "end", "strand"])
    for source in (open_source(), open_source(table)):
        copy = pickle.loads(pickle.dumps(source))
        assert copy.genes() == ("AAA", "BBB", "CCC", "DDD")
        assert copy.read("AAA").locus == source.read("AAA").locus


def test_changing_a_dataframe_later_changes_nothing(open_source, parts):
    table = pd.DataFrame([g[:5] for g in parts.GENES], columns=["gene", "chrom", "start", "end", "strand"])
    source = open_source(table)
    table["start"] = -1
    assert source.read("AAA").tss == 10


@fork_warns
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_opens_the_genome_for_itself(open_source):
    source = open_source()
    expected = source.read("BBB")
    held = source._genome._held
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def child():
        try:
            record = source.read("BBB")
            answers.put((source._genome._held is not held, record.codes.tolist(), record.tss))
        except BaseException as error:
            answers.put(repr(error))

    process = context.Process(target=child)
    process.start()
    answer = answers.get()
    process.join()
    assert answer == (True, expected.codes.tolist(), expected.tss)
    assert process.exitcode == 0
    assert source._genome._held is held
    np.testing.assert_array_equal(source.read("BBB").codes, expected.codes)


@fork_warns
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("name", ["g.fa", "g.fa.gz"])
def test_a_pool_of_processes_reads_what_one_process_reads(method, name, open_source, parts, tmp_path):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    with open_source(path=parts.write_fasta(tmp_path / name, parts.GENOME)) as source:
        genes = list(source.genes()) * 3
        expected = [source.read(gene) for gene in genes]
        with multiprocessing.get_context(method).Pool(2) as pool:
            records = pool.map(source.read, genes, chunksize=1)
            pool.close()
            pool.join()
    for record, other in zip(records, expected, strict=True):
        assert (record.gene, record.locus) == (other.gene, other.locus)
        np.testing.assert_array_equal(record.inputs(), other.inputs())


def test_threads_take_turns(open_source, parts, tmp_path):
    genome = parts.random_genome({"chr1": 200_000, "chr2": 100_000})
    path = parts.write_fasta(tmp_path / "big.fa", genome, width=60)
    genes = [(f"G{i}", "chr1", 1000 * i + 500, 1000 * i + 900, "+-"[i % 2]) for i in range(150)]
    with open_source(parts.write_bed(tmp_path / "big.bed", genes), path=path, seq_len=5000, upstream=100) as source:
        expected = {gene: source.read(gene).codes for gene in source.genes()}
        source.close()
        with ThreadPoolExecutor(8) as pool:
            for gene, record in zip(list(expected) * 3, pool.map(source.read, list(expected) * 3), strict=True):
                np.testing.assert_array_equal(record.codes, expected[gene])


def test_a_relative_path_outlives_a_change_of_directory(open_source, genome_path, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    open_source()
    monkeypatch.chdir(tmp_path)
    with open_source("genes.bed", path="genome.fa") as source:
        monkeypatch.chdir(tmp_path / "sub")
        assert source.read("AAA").tss == 10


def test_announcing_imports_nothing_heavy():
    code = (
        "import sys, decima_fasta; list(decima_fasta.decima_data_sources()); "
        "print([m for m in ('numpy', 'pysam', 'pandas', 'torch', 'h5py', 'anndata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_text_tables_need_neither_pandas_nor_anndata(genome_path, parts, tmp_path):
    code = (
        "import sys; from decima_fasta import FastaOptions, create; "
        f"s = create(FastaOptions(path={str(genome_path)!r}, genes={str(parts.write_bed(tmp_path / 'g.bed'))!r})); "
        "s.read('AAA', 50); "
        "print([m for m in ('pandas', 'torch', 'h5py', 'anndata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
