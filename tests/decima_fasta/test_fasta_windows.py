"""Windows equal what plain strings give: both strands, both edge rules, every crop and flank."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core import DataError, FlankedSource, LabelledSource, OptionError, PlacedSource, Registry, UnknownNameError
from decima_core.providers import DataSource
from decima_core.records import Locus
from decima_core.sequence import decode
from decima_fasta import FastaOptions
from decima_fasta.source import FastaSource

FLIP = str.maketrans("ACGTN", "TGCAN")


@st.composite
def scenes(draw):
    """A genome of two contigs, genes on both strands, and options."""
    genome = {name: draw(st.text("ACGTN", min_size=1, max_size=60), label=name) for name in ("chr1", "chr2")}
    genes = []
    for i in range(draw(st.integers(1, 4))):
        chrom = draw(st.sampled_from(sorted(genome)))
        start = draw(st.integers(0, len(genome[chrom]) - 1))
        end = draw(st.integers(start + 1, len(genome[chrom])))
        genes.append((f"G{i}", chrom, start, end, draw(st.sampled_from("+-"))))
    seq_len = draw(st.integers(1, 50))
    options = {"seq_len": seq_len, "upstream": draw(st.integers(0, seq_len - 1))}
    return genome, genes, options | {"edges": draw(st.sampled_from(["pad", "shift"]))}


def opened(parts, folder, genome, genes, options, name="genome.fa"):
    fasta = parts.write_fasta(Path(folder) / name, genome, width=7)
    bed = parts.write_bed(Path(folder) / f"{name}.bed", genes)
    return FastaSource(FastaOptions(path=fasta, genes=bed, **options))


@settings(max_examples=150, deadline=None)
@given(scene=scenes())
def test_a_window_equals_slices_of_strings(parts, scene):
    genome, genes, options = scene
    with tempfile.TemporaryDirectory() as folder, opened(parts, folder, genome, genes, options) as source:
        assert source.genes() == tuple(gene[0] for gene in genes)
        for gene in genes:
            want = parts.naive(
                genome, gene, upstream=options["upstream"], length=options["seq_len"], edges=options["edges"]
            )
            record = source.read(gene[0])
            assert decode(record.codes) == want["letters"]
            assert record.mask.tolist() == want["mask"]
            assert record.tss == want["tss"]
            assert record.locus == Locus(chrom=gene[1], start=want["start"], end=want["end"], strand=gene[4])
            if 0 <= record.tss < len(record):
                assert record.mask_bounds[0] == record.tss


@settings(max_examples=60, deadline=None)
@given(scene=scenes())
def test_flipping_the_genome_and_the_genes_changes_nothing_but_the_locus(parts, scene):
    genome, genes, options = scene
    flipped = {name: letters[::-1].translate(FLIP) for name, letters in genome.items()}
    mirrored = [
        (gene, chrom, len(genome[chrom]) - end, len(genome[chrom]) - start, "-" if strand == "+" else "+")
        for gene, chrom, start, end, strand in genes
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(parts, folder, genome, genes, options) as source,
        opened(parts, folder, flipped, mirrored, options, "flipped.fa") as other,
    ):
        for gene, chrom, *_ in genes:
            a, b = source.read(gene), other.read(gene)
            np.testing.assert_array_equal(a.inputs(), b.inputs())
            assert a.tss == b.tss
            size = len(genome[chrom])
            assert (a.locus.start, a.locus.end) == (size - b.locus.end, size - b.locus.start)
            for at in range(len(a)):
                here, there = a.locus.to_genome(at, at + 1), b.locus.to_genome(at, at + 1)
                assert here[0] == size - there[1]


@settings(max_examples=80, deadline=None)
@given(scene=scenes(), length=st.integers(1, 120), flank=st.integers(0, 30))
def test_crops_wider_windows_and_flanks_agree_with_one_wide_read(parts, scene, length, flank):
    genome, genes, options = scene
    window = options["seq_len"]
    with tempfile.TemporaryDirectory() as folder, opened(parts, folder, genome, genes, options) as source:
        for gene, *_ in genes:
            whole, at = source.read_flanked(gene, window, 200)
            assert at == 200
            assert len(whole) == window + 400
            np.testing.assert_array_equal(whole.inputs()[:, 200 : 200 + window], source.read(gene).inputs())

            record = source.read(gene, length)
            start = 200 + (window - length) // 2
            np.testing.assert_array_equal(record.inputs(), whole.inputs()[:, start : start + length])
            assert record.locus == whole.locus.crop(start, length)
            assert record.tss == whole.tss - start
            assert source.locus(gene, length) == record.locus

            flanked, offset = source.read_flanked(gene, length, flank)
            assert offset == flank
            np.testing.assert_array_equal(flanked.inputs(), whole.inputs()[:, start - flank : start + length + flank])
            assert flanked.tss == record.tss + flank
            assert flanked.locus == whole.locus.crop(start - flank, length + 2 * flank)


@settings(max_examples=40, deadline=None)
@given(scene=scenes())
def test_a_bgzipped_genome_reads_as_a_plain_one(parts, scene):
    genome, genes, options = scene
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(parts, folder, genome, genes, options) as plain,
        opened(parts, folder, genome, genes, options, "packed.fa.gz") as packed,
    ):
        assert packed.contigs() == plain.contigs() == {name: len(letters) for name, letters in genome.items()}
        for gene, *_ in genes:
            np.testing.assert_array_equal(plain.read(gene).inputs(), packed.read(gene).inputs())


def test_the_rule_of_the_window_by_hand(open_source, parts):
    genome = parts.GENOME
    source = open_source()
    plus, minus = source.read("AAA"), source.read("BBB")
    assert decode(plus.codes) == genome["chr1"][40:80]
    assert plus.locus == Locus(chrom="chr1", start=40, end=80, strand="+")
    assert (plus.tss, plus.mask_bounds) == (10, (10, 40))  # the gene goes on beyond the window
    assert decode(minus.codes) == genome["chr1"][140:180][::-1].translate(FLIP)
    assert minus.locus == Locus(chrom="chr1", start=140, end=180, strand="-")
    assert (minus.tss, minus.mask_bounds) == (10, (10, 40))
    assert (plus.gene, plus.split) == ("AAA", None)


def test_edges_pad_and_shift(open_source, parts):
    chr2 = parts.GENOME["chr2"]
    with open_source() as source:
        assert decode(source.read("CCC").codes) == "N" * 10 + chr2[:30]
        assert source.read("CCC").locus == Locus(chrom="chr2", start=-10, end=30, strand="+")
        assert decode(source.read("DDD").codes) == "N" * 10 + chr2[50:][::-1].translate(FLIP)
        assert source.read("DDD").locus == Locus(chrom="chr2", start=50, end=90, strand="-")
    with open_source(edges="shift") as source:
        left, right = source.read("CCC"), source.read("DDD")
        assert (decode(left.codes), left.tss, left.mask_bounds) == (chr2[:40], 0, (0, 20))
        assert left.locus == Locus(chrom="chr2", start=0, end=40, strand="+")
        assert (decode(right.codes), right.tss) == (chr2[40:][::-1].translate(FLIP), 0)
        assert right.locus == Locus(chrom="chr2", start=40, end=80, strand="-")
        # Flanks never move the window.
        wide, at = source.read_flanked("CCC", None, 5)
        assert (decode(wide.codes), at, wide.tss) == ("N" * 5 + chr2[:45], 5, 5)


def test_a_chromosome_shorter_than_the_window_is_padded_with_either_rule(open_source, parts):
    chr2 = parts.GENOME["chr2"]
    with open_source(seq_len=100, upstream=10, edges="shift") as source:
        record = source.read("CCC")
        assert (decode(record.codes), record.tss) == ("N" * 10 + chr2 + "N" * 10, 10)
    with open_source(seq_len=100, upstream=30, edges="shift") as source:
        record = source.read("CCC")  # [-30, 70) would miss the last ten bases
        assert (decode(record.codes), record.tss) == ("N" * 20 + chr2, 20)


def test_a_crop_that_misses_the_gene_has_a_zero_mask_and_a_true_tss(open_source):
    with open_source(seq_len=40, upstream=39) as source:
        record = source.read("AAA", 10)
        assert not record.mask.any()
        assert record.tss == 39 - 15


def test_defaults_are_those_of_decima(genome_path, tmp_path, parts):
    source = FastaSource(FastaOptions(path=genome_path, genes=parts.write_bed(tmp_path / "g.bed")))
    assert source.seq_len == 524_288
    assert source.locus("AAA") == Locus(chrom="chr1", start=50 - 163_840, end=50 - 163_840 + 524_288, strand="+")
    assert source.read("BBB", 200).tss == 163_840 - (524_288 - 200) // 2


def test_it_keeps_the_contract(open_source, genome_path, tmp_path, parts):
    source = open_source()
    assert isinstance(source, DataSource)
    assert isinstance(source, PlacedSource)
    assert isinstance(source, FlankedSource)
    assert not isinstance(source, LabelledSource)
    assert source.tasks == ()
    assert source.files == (str(genome_path), str(tmp_path / "genes.bed"))
    assert source.contigs() == parts.LENGTHS
    assert source.seq_len == 40
    assert source.splits() == ()
    with pytest.raises(UnknownNameError, match=r"no split 'train' in '.*genes\.bed'.*no column 'split'"):
        source.genes("train")
    with pytest.raises(UnknownNameError, match=r"no gene 'AAB' in '.*genes\.bed'. Did you mean AAA"):
        source.read("AAB")


def test_the_registry_makes_it(genome_path, tmp_path, parts):
    bed = parts.write_bed(tmp_path / "g.bed")
    options = {"path": str(genome_path), "genes": str(bed), "seq_len": "40", "upstream": "10", "edges": "shift"}
    with Registry.discover().create("source", "fasta", **options) as source:
        assert source.read("CCC").locus.start == 0


@pytest.mark.parametrize("length", [0, -3, 1 << 40])
def test_a_senseless_length_is_refused(open_source, length):
    with pytest.raises(DataError, match="seq_len must be at least 1"):
        open_source().read("AAA", length)


@pytest.mark.parametrize("flank", [-1, 1 << 40])
def test_a_senseless_flank_is_refused(open_source, flank):
    with pytest.raises(DataError, match=r"flank of .* must be at least 0"):
        open_source().read_flanked("AAA", None, flank)


def test_upstream_must_leave_room_for_the_gene(open_source):
    with pytest.raises(OptionError, match="40 bases upstream of the gene's start in a window of 40"):
        open_source(upstream=40)
    with pytest.raises(OptionError, match="163,840 bases upstream of the gene's start in a window of 1,000"):
        open_source(seq_len=1000, upstream=None).genes()


def test_options_that_are_missing_are_named(genome_path):
    create = Registry.discover().create
    with pytest.raises(OptionError, match="Option 'path' of data source 'fasta' is empty"):
        create("source", "fasta", genes="x.bed")
    for empty in (None, "", "  "):
        with pytest.raises(OptionError, match=r"needs a gene table; set source\.genes"):
            create("source", "fasta", path=str(genome_path), genes=empty)
