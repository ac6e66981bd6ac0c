"""What a read returns: the crop, the mask, the TSS, the names."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import DATA, needs_real_data

from decima_core import DataError, DataSource, Registry, UnknownNameError
from decima_hdf5.source import HDF5Source

LAYOUTS = {
    "contiguous": {},
    "chunked": {"chunks": (1, 16)},
    "gzip": {"chunks": (3, 29), "compression": "gzip"},
    "lzf": {"chunks": (4, 107), "compression": "lzf"},
}
REAL = DATA / "hg38_genes.h5"


def stored(path, row):
    with h5py.File(path) as file:
        return file["sequences"][row], file["masks"][row]


def test_it_is_a_data_source(write_genes):
    assert isinstance(HDF5Source(write_genes()), DataSource)


def test_a_read_returns_the_centre_that_the_file_means(write_genes):
    path = write_genes()
    with HDF5Source(path) as source:
        record = source.read("CD68")
    codes, mask = stored(path, 2)
    np.testing.assert_array_equal(record.codes, codes[4:104])
    np.testing.assert_array_equal(record.mask, mask[4:104])
    assert (record.gene, record.split, record.tss, record.locus, len(record)) == ("CD68", "val", 36, None, 100)
    assert record.codes.dtype == np.int8
    assert record.mask.dtype == np.float32


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("width", [107, 108])
@pytest.mark.parametrize("seq_len", [1, 2, 99, 100, 106, 107])
def test_odd_and_even_crops_follow_the_original_formula(write_genes, layout, width, seq_len):
    rng = np.random.default_rng(width)
    masks = np.zeros((4, width), dtype=np.float32)
    masks[:, 50:80] = 1
    sequences = rng.integers(0, 5, (4, width), dtype=np.int8)
    sizes = {"pad": None, "seq_len": 90, "padded_seq_len": width}
    path = write_genes(sequences=sequences, masks=masks, **sizes, **LAYOUTS[layout])
    start = (width - seq_len) // 2
    with HDF5Source(path) as source:
        for row, gene in enumerate(source.genes()):
            record = source.read(gene, seq_len)
            np.testing.assert_array_equal(record.codes, sequences[row, start : start + seq_len])
            np.testing.assert_array_equal(record.mask, masks[row, start : start + seq_len])
            assert record.tss == 50 - start


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 80),
    data=st.data(),
    compressed=st.booleans(),
)
def test_a_crop_is_a_slice_of_the_whole_with_the_same_place_of_the_tss(write_minimal, width, data, compressed):
    first = data.draw(st.integers(0, width - 1))
    seq_len = data.draw(st.integers(1, width))
    masks = np.zeros((1, width), dtype=np.float32)
    masks[0, first : data.draw(st.integers(first + 1, width))] = 1
    path = write_minimal(
        genes=np.array([["A", "train"]], dtype=object),
        sequences=np.array([data.draw(st.lists(st.integers(0, 4), min_size=width, max_size=width))], dtype=np.int8),
        masks=masks,
        **({"chunks": (1, min(7, width)), "compression": "gzip"} if compressed else {}),
    )
    with HDF5Source(path) as source:
        whole, part = source.read("A"), source.read("A", seq_len)
    start = (width - seq_len) // 2
    np.testing.assert_array_equal(part.codes, whole.codes[start : start + seq_len])
    np.testing.assert_array_equal(part.mask, whole.mask[start : start + seq_len])
    assert whole.tss == first
    assert part.tss + start == first


@pytest.mark.parametrize("on", [(0, 3), (105, 108)])
def test_the_tss_stays_right_where_the_crop_cuts_it_off(write_genes, on):
    masks = np.zeros((4, 108), dtype=np.float32)
    masks[:, slice(*on)] = 1
    with HDF5Source(write_genes(masks=masks)) as source:
        record = source.read("MYC", 20)
    assert record.tss == on[0] - 44
    assert record.mask_bounds == (0, 0)


def test_more_bases_than_stored_are_refused_with_both_lengths(write_genes):
    with HDF5Source(write_genes()) as source:
        assert len(source.read("MYC", 108)) == 108
        with pytest.raises(DataError, match=r"window of 109 bases .* stores 108 bases"):
            source.read("MYC", 109)


@pytest.mark.parametrize("seq_len", [0, -1])
def test_fewer_than_one_base_is_refused(write_genes, seq_len):
    with HDF5Source(write_genes()) as source, pytest.raises(DataError, match="at least 1"):
        source.read("MYC", seq_len)


def test_numpy_lengths_are_welcome(write_genes):
    with HDF5Source(write_genes()) as source:
        assert len(source.read("MYC", np.int64(10))) == 10


def test_unknown_names_bring_near_matches(write_genes):
    path = write_genes()
    with HDF5Source(path) as source:
        for look_up in (source.read, source.row):
            with pytest.raises(UnknownNameError, match=r"no gene 'GATA2' in .*genes\.h5.*Did you mean GATA1\?"):
                look_up("GATA2")
        for look_up in (source.genes, source.count):
            with pytest.raises(UnknownNameError, match=r"no split 'tset' in .*genes\.h5.*Did you mean test\?"):
                look_up("tset")


def test_names_splits_and_sizes(write_genes):
    path = write_genes()
    with HDF5Source(str(path)) as source:
        assert source.genes() == ("GATA1", "SPI1", "CD68", "MYC")
        assert source.genes("train") == ("GATA1", "SPI1")
        assert source.splits() == ("train", "val", "test")
        assert (source.count(), source.count("train"), source.count("val")) == (4, 2, 1)
        assert [source.row(gene) for gene in source.genes()] == [0, 1, 2, 3]
        assert source.tasks == ("monocyte", "T cell", "neuron")
        assert source.files == (str(path),)
        assert (source.seq_len, source.padded_seq_len, source.pad) == (100, 108, 4)
        assert "genes.h5" in repr(source)


@pytest.mark.parametrize(
    "kind", [h5py.string_dtype("ascii"), h5py.string_dtype("utf-8"), h5py.string_dtype("utf-8", 12), "S12"], ids=repr
)
def test_text_of_every_kind_is_read(write_genes, kind):
    genes = np.array([[b"A", b"train"], [b"B1", b"val"], [b"C", b"val"], [b"D", b"test"]], dtype=kind)
    tasks = np.array([b"x", b"y z", b"w"], dtype=kind)
    with HDF5Source(write_genes(genes=genes, tasks=tasks)) as source:
        assert source.genes() == ("A", "B1", "C", "D")
        assert source.splits() == ("train", "val", "test")
        assert source.tasks == ("x", "y z", "w")
        assert source.read("B1").gene == "B1"
        assert all(type(name) is str for name in (*source.genes(), *source.splits(), *source.tasks))


def test_names_beyond_ascii_are_read(write_genes):
    genes = np.array([["α", "train"], ["β", "train"], ["γ", "train"], ["δ", "train"]], dtype=object)
    with HDF5Source(write_genes(genes=genes)) as source:
        assert source.read("δ").gene == "δ"


def test_the_required_datasets_are_enough(write_minimal):
    with HDF5Source(write_minimal()) as source:
        assert (source.tasks, source.pad, source.seq_len, source.padded_seq_len) == ((), 0, 108, 108)
        assert len(source.read("SPI1")) == 108


def test_a_pad_alone_gives_the_window(write_minimal):
    with HDF5Source(write_minimal(pad=4)) as source:
        assert source.seq_len == 100


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "u8", ">i4"])
def test_codes_of_every_integer_type_are_read(write_genes, dtype):
    codes = np.arange(4 * 108).reshape(4, 108) % 5
    with HDF5Source(write_genes(sequences=codes.astype(dtype))) as source:
        np.testing.assert_array_equal(source.read("MYC", 108).codes, codes[3])


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f8", ">f4"])
def test_masks_of_every_number_type_are_read(write_genes, dtype):
    masks = np.zeros((4, 108))
    masks[:, 40:50] = 1
    with HDF5Source(write_genes(masks=masks.astype(dtype))) as source:
        record = source.read("MYC", 108)
    assert (record.tss, record.mask_bounds, record.mask.dtype) == (40, (40, 50), np.float32)


def test_a_short_record_does_not_keep_the_whole_row_alive(write_genes):
    with HDF5Source(write_genes()) as source:
        record = source.read("MYC", 10)
    assert record.mask.base is None or record.mask.base.nbytes <= 40


def test_it_is_found_by_name_and_by_suffix(write_genes):
    registry = Registry.discover()
    found = registry.for_file("source", "X/GENES.HDF5")
    assert (found.spec.name, found.spec.suffixes) == ("hdf5", (".h5", ".hdf5", ".hdf"))
    with registry.create("source", "hdf5", path=str(write_genes())) as source:
        assert source.count() == 4


@needs_real_data
def test_real_genes():
    with HDF5Source(REAL) as source:
        assert source.genes() == ("CD68", "SPI1")
        for gene, end in (("CD68", 166_460), ("SPI1", 187_556)):
            record = source.read(gene)
            assert (len(record), record.tss, record.mask_bounds) == (524_288, 163_840, (163_840, end))
            short = source.read(gene, 2_114)
            assert short.tss == 163_840 - (524_288 - 2_114) // 2
            np.testing.assert_array_equal(short.codes, record.codes[261_087 : 261_087 + 2_114])
