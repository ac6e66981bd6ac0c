"""Windows on the genome: parsed, checked, and cropped as the sequence is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decima_core import DataError, Registry
from decima_core.records import Locus
from decima_core.sequence import reverse_complement
from decima_hdf5.loci import read_loci
from decima_hdf5.source import HDF5Source

STORED = "chr1\t1000\t1108\tGATA1\t0\t+\nchr2\t5000\t5108\tSPI1\t.\t-\n"


@pytest.fixture
def write_loci(tmp_path):
    def write(text, name="loci.bed"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_stored_windows_are_cropped_with_the_sequence(write_genes, write_loci):
    loci = write_loci(STORED)
    path = write_genes()
    with HDF5Source(path, loci=loci) as source:
        assert source.read("GATA1", 108).locus == Locus(chrom="chr1", start=1000, end=1108, strand="+")
        assert source.read("GATA1").locus == Locus(chrom="chr1", start=1004, end=1104, strand="+")
        assert source.read("SPI1").locus == Locus(chrom="chr2", start=5004, end=5104, strand="-")
        # start = (108 - 99) // 2 = 4 from the window's left, which is the genome's right on the minus strand
        assert source.read("GATA1", 99).locus == Locus(chrom="chr1", start=1004, end=1103, strand="+")
        assert source.read("SPI1", 99).locus == Locus(chrom="chr2", start=5005, end=5104, strand="-")
        assert source.read("CD68").locus is None
        assert source.files == (str(path), str(loci))


@pytest.mark.parametrize("pad", [4, None])
def test_central_windows_are_placed_in_the_middle(write_genes, write_loci, pad):
    loci = write_loci("chr1\t1004\t1103\tGATA1\t0\t+\nchr2\t5005\t5104\tSPI1\t0\t-\n")
    with HDF5Source(write_genes(seq_len=99, pad=pad), loci=loci) as source:
        assert source.read("GATA1").locus == Locus(chrom="chr1", start=1004, end=1103, strand="+")
        assert source.read("GATA1", 108).locus == Locus(chrom="chr1", start=1000, end=1108, strand="+")
        assert source.read("SPI1").locus == Locus(chrom="chr2", start=5005, end=5104, strand="-")
        assert source.read("SPI1", 108).locus == Locus(chrom="chr2", start=5000, end=5108, strand="-")
        assert source.read("SPI1", 10).locus == Locus(chrom="chr2", start=5049, end=5059, strand="-")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(2, 60), data=st.data(), central=st.booleans())
def test_every_base_keeps_its_place_on_the_genome(write_minimal, write_loci, width, data, central):
    """The same piece of genome as a plus-strand and a minus-strand gene gives the genome's bases at its locus."""
    genome = np.array(data.draw(st.lists(st.integers(0, 4), min_size=width, max_size=width)), dtype=np.int8)
    seq_len = data.draw(st.integers(1, width))
    wanted = data.draw(st.integers(1, width))
    left = (width - seq_len) // 2
    # On the minus strand the window's left is the genome's right.
    plus = (100 + left, 100 + left + seq_len) if central else (100, 100 + width)
    minus = (100 + width - left - seq_len, 100 + width - left) if central else (100, 100 + width)
    loci = write_loci("".join(f"chr1\t{s}\t{e}\t{g}\t0\t{g}\n" for g, (s, e) in {"+": plus, "-": minus}.items()))
    path = write_minimal(
        genes=np.array([["+", "train"], ["-", "train"]], dtype=object),
        sequences=np.stack([genome, reverse_complement(genome)]),
        masks=np.ones((2, width), dtype=np.float32),
        seq_len=seq_len,
    )
    with HDF5Source(path, loci=loci) as source:
        for strand in "+-":
            record = source.read(strand, wanted)
            assert record.locus is not None
            assert (record.locus.strand, len(record.locus)) == (strand, wanted)
            forward = record.codes if strand == "+" else reverse_complement(record.codes)
            np.testing.assert_array_equal(forward, genome[record.locus.start - 100 : record.locus.end - 100])


def test_flip_a_gene_and_its_reverse_complement_lie_on_the_same_bases(write_minimal, write_loci):
    path = write_minimal(
        genes=np.array([["P", "x"], ["M", "x"]], dtype=object),
        sequences=np.zeros((2, 108), "i1"),
        masks=np.ones((2, 108), "f4"),
    )
    loci = write_loci("chr1\t0\t108\tP\t0\t+\nchr1\t0\t108\tM\t0\t-\n")
    with HDF5Source(path, loci=loci) as source:
        plus, minus = source.read("P", 100), source.read("M", 100)
        for at in range(100):
            assert plus.locus.to_genome(at, at + 1) == minus.locus.to_genome(99 - at, 100 - at)


def test_a_locus_of_another_length_is_refused(write_genes, write_loci):
    loci = write_loci("chr1\t1000\t1107\tGATA1\t0\t+\n")
    with (
        HDF5Source(write_genes(), loci=loci) as source,
        pytest.raises(
            DataError, match=r"loci\.bed' gives gene 'GATA1' a window of 107 bases, .*genes\.h5' stores 108 or 100"
        ),
    ):
        source.read("GATA1")


def test_genes_that_the_file_does_not_have_are_no_matter(write_genes, write_loci):
    with HDF5Source(write_genes(), loci=write_loci(STORED + "chr3\t5\t6\tOTHER\t0\t+\n")) as source:
        assert source.read("GATA1").locus is not None


@pytest.mark.parametrize(
    "text",
    [
        STORED,
        "track name=x\nbrowser position chr1\n# note\n\n" + STORED,
        STORED.replace("\n", "\textra\n"),
        STORED.replace("\n", "\r\n"),
        "\ufeff" + STORED,
        "#chrom\tstart\tend\tname\tscore\tstrand\n" + STORED,
        "chrom\tstart\tend\tgene\tstrand\nchr1\t1000\t1108\tGATA1\t+\nchr2\t5000\t5108\tSPI1\t-\n",
        "gene\tstrand\tstart\tend\tmore\tChrom\nGATA1\t+\t1000\t1108\t\tchr1\nSPI1\t-\t5000\t5108\t\tchr2\n",
    ],
)
def test_bed_and_tsv(write_loci, text):
    assert read_loci(write_loci(text)) == {
        "GATA1": Locus(chrom="chr1", start=1000, end=1108, strand="+"),
        "SPI1": Locus(chrom="chr2", start=5000, end=5108, strand="-"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no windows"),
        ("# only a note\n", "holds no windows"),
        ("chr1\t1\t2\tA\n", "Line 1 .* has 4 tab-separated columns; BED6 has six"),
        ("chr1 1 2 A 0 +\n", "Line 1 .* has 1 tab-separated columns"),
        (STORED + "chr1\tx\t2\tA\t0\t+\n", "Line 3 .* start 'x' and end '2'; both must be whole numbers"),
        ("chr1\t1\t2\tA\t0\t.\n", r"Line 1 .* strand of chr1:1-2 is '\.'"),
        ("chr1\t2\t2\tA\t0\t+\n", "Line 1 .* is empty"),
        ("chr1\t1\t2\t\t0\t+\n", "Line 1 .* names no gene"),
        (STORED + STORED, "Line 3 .* gives gene 'GATA1' a second window"),
        ("chrom\tstart\tend\tgene\n", "Line 1 .* has no column 'strand'"),
    ],
)
def test_a_line_that_is_not_understood_is_named(write_loci, text, words):
    with pytest.raises(DataError, match=words):
        read_loci(write_loci(text))


def test_a_binary_file_is_no_loci_file(tmp_path):
    path = tmp_path / "loci.bed"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match=r"loci\.bed' cannot be read as text"):
        read_loci(path)


def test_a_missing_loci_file_is_refused_at_once(write_genes, write_loci):
    loci = write_loci(STORED)
    with pytest.raises(DataError, match=r"loci file '.*locus\.bed' does not exist; did you mean loci\.bed\?"):
        HDF5Source(write_genes(), loci=loci.with_name("locus.bed"))


def test_the_option_reaches_the_source(write_genes, write_loci):
    options = {"path": str(write_genes()), "loci": str(write_loci(STORED))}
    with Registry.discover().create("source", "hdf5", **options) as source:
        assert source.read("SPI1").locus.strand == "-"


def test_names_that_match_no_gene_are_refused_and_missing_ones_told(write_genes, write_loci, caplog):
    other = write_loci("chr1\t1000\t1108\tENSG00000102145\t0\t+\n", "ensembl.bed")
    with (
        HDF5Source(write_genes(), loci=other) as source,
        pytest.raises(DataError, match="'ENSG00000102145', is a gene"),
    ):
        source.read("GATA1")
    with HDF5Source(write_genes(), loci=write_loci(STORED)) as source:
        source.read("GATA1")
    assert "lacks CD68, MYC; their places on the genome stay empty" in caplog.text
