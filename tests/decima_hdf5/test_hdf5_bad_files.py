"""Every way a gene file can be wrong: one sentence that names the file and the next step."""

from __future__ import annotations

import re
import shutil

import h5py
import numpy as np
import pytest

from decima_core import DataError, OptionError, Registry
from decima_hdf5.source import HDF5Source


def use(path):
    """Read every gene."""
    with HDF5Source(path) as source:
        return [source.read(gene, source.padded_seq_len) for gene in source.genes()]


def assert_refused(path, *words):
    with pytest.raises(DataError) as caught:
        use(path)
    message = str(caught.value)
    for word in (str(path), *words):
        assert word in message
    assert re.fullmatch(r"[^\n]*\.", message)


def test_a_missing_file_brings_files_of_similar_name(write_genes):
    path = write_genes("genes.h5")
    with pytest.raises(DataError, match=r"gene\.h5' does not exist; did you mean genes\.h5\?"):
        HDF5Source(path.with_name("gene.h5"))


def test_a_missing_file_without_neighbours(tmp_path):
    with pytest.raises(DataError, match=r"does not exist; check the path"):
        HDF5Source(tmp_path / "genes.h5")
    with pytest.raises(DataError, match=r"nor does its folder"):
        HDF5Source(tmp_path / "absent" / "genes.h5")


def test_a_directory(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        HDF5Source(tmp_path)


def test_a_file_that_goes_away_before_it_is_opened(write_genes):
    path = write_genes()
    source = HDF5Source(path)
    path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        source.genes()


@pytest.mark.parametrize("content", [b"", b"gene\tsplit\n", b"\x00" * 4096])
def test_a_file_that_is_not_hdf5(tmp_path, content):
    path = tmp_path / "genes.h5"
    path.write_bytes(content)
    assert_refused(path, "is not an HDF5 file")


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_truncated_file(write_genes, kept):
    path = write_genes()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert_refused(path, "is cut short", "again")


def test_a_damaged_header(write_genes):
    path = write_genes()
    content = bytearray(path.read_bytes())
    content[9:90] = b"\xff" * 81
    path.write_bytes(bytes(content))
    assert_refused(path, "cannot be opened", "damaged")


@pytest.mark.parametrize("name", ["genes", "sequences", "masks"])
def test_a_missing_dataset_is_named_with_those_present(write_genes, name):
    assert_refused(write_genes(**{name: None}), f"lacks the dataset {name};", "it has", "labels", "tasks")


def test_a_group_is_no_dataset(write_genes):
    path = write_genes(masks=None)
    with h5py.File(path, "a") as file:
        file.create_group("masks")
    assert_refused(path, "lacks the dataset masks")


def test_an_empty_hdf5_file(tmp_path):
    path = tmp_path / "genes.h5"
    h5py.File(path, "w").close()
    assert_refused(path, "genes and sequences and masks", "no datasets")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"genes": np.array([["A", "train"]] * 3, dtype=object)}, ("names 3 genes", "'sequences' has 4 rows")),
        ({"masks": np.ones((5, 108), "f4")}, ("names 4 genes", "'masks' has 5 rows")),
        ({"labels": np.ones((2, 3, 1), "f4")}, ("names 4 genes", "'labels' has 2 rows")),
        ({"masks": np.ones((4, 100), "f4")}, ("108 bases of sequence", "100 of mask")),
        ({"labels": np.ones((4, 2, 1), "f4")}, ("names 3 tasks", "labels have 2")),
        ({"genes": np.array(["A", "B", "C", "D"], dtype=object)}, ("'genes'", "(4,)", "(genes, 2)")),
        ({"genes": np.array([["A", "x", "y"]] * 4, dtype=object)}, ("'genes'", "3 columns")),
        ({"genes": np.zeros((4, 2), "i4")}, ("'genes'", "int32", "text")),
        ({"genes": np.empty((0, 2), "S4")}, ("no genes",)),
        ({"sequences": np.zeros((4, 5, 108), "i1")}, ("'sequences'", "(4, 5, 108)", "(genes, bases)")),
        ({"sequences": np.zeros((4, 108), "f4")}, ("'sequences'", "float32", "int8")),
        ({"sequences": np.zeros((4, 0), "i1"), "masks": np.zeros((4, 0), "f4")}, ("no bases",)),
        ({"masks": np.zeros(108, "f4")}, ("'masks'", "(108,)")),
        ({"masks": np.full((4, 108), b"1")}, ("'masks'", "float32")),
        ({"labels": np.zeros((4, 3), "f4")}, ("'labels'", "(4, 3)", "(genes, tasks, 1)")),
        ({"tasks": np.array([["a"], ["b"], ["c"]], dtype=object)}, ("'tasks'", "(3, 1)")),
        ({"tasks": np.zeros(3)}, ("'tasks'", "text")),
        ({"padded_seq_len": 110}, ("padded_seq_len as 110", "108 bases")),
        ({"seq_len": 109}, ("seq_len as 109", "108 bases")),
        ({"seq_len": 0}, ("seq_len as 0", "108 bases")),
        ({"seq_len": 99.5}, ("'seq_len'", "whole number")),
        ({"seq_len": np.array([100, 100])}, ("'seq_len'", "whole number")),
        ({"pad": 9}, ("pad as 9", "only 8 bases more")),
        ({"pad": -1}, ("pad as -1",)),
        ({"pad": 54, "seq_len": None}, ("pad as 54", "108 bases")),
        ({"genes": np.array([["A", "x"], ["B", "x"], ["A", "y"], ["C", "x"]], dtype=object)}, ("'A' twice", "0 and 2")),
        ({"genes": np.array([["A", "x"], ["", "x"], ["B", "y"], ["C", "x"]], dtype=object)}, ("Row 1", "empty")),
        ({"genes": np.array([[b"\xff\xfe", b"x"]] + [[b"B", b"x"]] * 3, dtype="S4")}, ("UTF-8",)),
    ],
)
def test_a_file_that_contradicts_itself(write_genes, parts, words):
    assert_refused(write_genes(**parts), *words)


@pytest.mark.parametrize(
    ("code", "dtype"), [(5, "i1"), (-1, "i1"), (127, "i1"), (255, "u1"), (300, "i8"), (-129, "i4")]
)
def test_a_code_out_of_range_is_named(write_genes, code, dtype):
    sequences = np.zeros((4, 108), dtype=dtype)
    sequences[1, 60] = code
    assert_refused(write_genes(sequences=sequences), "'SPI1'", f"code {code}")


def test_only_the_damaged_gene_is_refused(write_genes):
    sequences = np.zeros((4, 108), dtype=np.int8)
    sequences[1, 60] = 9
    with HDF5Source(write_genes(sequences=sequences)) as source:
        assert len(source.read("GATA1")) == 100
        with pytest.raises(DataError, match="SPI1"):
            source.read("SPI1")


def test_an_all_zero_mask(write_genes):
    masks = np.ones((4, 108), dtype=np.float32)
    masks[2] = 0
    assert_refused(write_genes(masks=masks), "'CD68'", "all zero")


@pytest.mark.parametrize("at", [0, 50, 107])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_mask_that_is_not_finite(write_genes, at, value):
    masks = np.zeros((4, 108), dtype=np.float32)
    masks[:, at] = value
    path = write_genes(masks=masks)
    assert_refused(path, "'GATA1'", "NaN or infinity")
    with HDF5Source(path) as source, pytest.raises(DataError, match="NaN or infinity"):
        source.read("GATA1", 10)


@pytest.mark.parametrize("name", ["sequences", "masks"])
def test_a_damaged_chunk_names_the_gene_and_spares_the_others(write_genes, name):
    path = write_genes(chunks=(1, 108), compression="gzip")
    with h5py.File(path) as file:
        chunk = file[name].id.get_chunk_info(2)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\xaa" * chunk.size)
    assert_refused(path, "'CD68'", name, "damaged")
    with HDF5Source(path) as source:
        assert source.read("MYC").gene == "MYC"


def test_an_empty_path_is_explained():
    with pytest.raises(OptionError, match=r"'path' of data source 'hdf5' is empty; set source\.path"):
        Registry.discover().create("source", "hdf5")


def test_a_file_cannot_be_read_without_permission(write_genes, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    path = write_genes()
    monkeypatch.setattr("h5py.File", refuse)
    assert_refused(path, "permission")


def test_a_copy_may_move(write_genes, tmp_path):
    path = write_genes()
    other = tmp_path / "elsewhere" / "genes.h5"
    other.parent.mkdir()
    shutil.copy(path, other)
    assert len(use(other)) == 4
