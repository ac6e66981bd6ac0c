"""The genome file: letters, places, indexes old and new, and files that are no genome."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core import DataError, UnknownNameError
from decima_core.sequence import decode, encode
from decima_fasta.genome import Genome
from decima_fasta.index import Contig, misfit, read_fai
from decima_fasta.raw import BgzipRaw, DamagedError, PlainRaw

PACKED = ["genome.fa", "genome.fa.gz"]


@pytest.fixture(autouse=True)
def nothing_on_standard_error(capfd):
    """htslib prints past Python; none of it may reach the user."""
    yield
    assert capfd.readouterr().err == ""


def in_cache(cache: Path, name: str) -> list[Path]:
    return sorted(cache.glob(f"{name}-*"))


# --- letters and places -------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(start=st.integers(-20, 230), length=st.integers(0, 300))
def test_any_place_reads_and_outside_is_n(parts, tmp_path_factory, start, length):
    folder = tmp_path_factory.getbasetemp() / "places"
    if not folder.exists():
        folder.mkdir()
        parts.write_fasta(folder / "genome.fa", parts.GENOME)
    letters = "N" * 1000 + parts.GENOME["chr1"] + "N" * 1000
    with_ends = letters[1000 + start : 1000 + start + length]
    genome = Genome(folder / "genome.fa")
    codes = genome.codes("chr1", start, start + length)
    assert codes.dtype == np.int8
    assert decode(codes) == with_ends
    genome.close()


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_case_u_and_iupac_letters(name, end, parts, tmp_path):
    letters = "acgtnACGTNuURYSWKMBDHVryswkmbdhv"
    genome = Genome(parts.write_fasta(tmp_path / name, {"a": letters, "b": "AC"}, width=9, end=end))
    assert decode(genome.codes("a", 0, len(letters))) == "ACGTNACGTNTT" + "N" * 20
    assert genome.contigs() == {"a": len(letters), "b": 2}
    assert decode(genome.codes("b", -1, 3)) == "NACN"


def test_a_genome_of_several_blocks(parts, tmp_path):
    genome = parts.random_genome({"a": 150_001, "b": 70_000, "c": 1}, letters="ACGTN")
    plain = Genome(parts.write_fasta(tmp_path / "g.fa", genome, width=60))
    packed = Genome(parts.write_fasta(tmp_path / "p.fa.gz", genome, width=60))
    assert plain.contigs() == packed.contigs()
    for chrom, start, end in [("a", 0, 150_001), ("a", 65_200, 65_400), ("b", 69_000, 70_010), ("c", -1, 2)]:
        codes = plain.codes(chrom, start, end)
        np.testing.assert_array_equal(codes, packed.codes(chrom, start, end))
        inside = genome[chrom][max(start, 0) : end]
        np.testing.assert_array_equal(codes[max(-start, 0) :][: len(inside)], encode(inside))


def test_an_unknown_contig_is_named(genome_path):
    with pytest.raises(UnknownNameError, match=r"no contig 'chr3' in '.*genome\.fa'.* Did you mean chr"):
        Genome(genome_path).codes("chr3", 0, 5)


def test_a_letter_that_is_no_nucleotide_is_named_where_it_is_read(parts, tmp_path):
    genome = Genome(parts.write_fasta(tmp_path / "g.fa", {"a": "ACGT" * 100 + "X" + "ACGT" * 100}))
    assert decode(genome.codes("a", 0, 4)) == "ACGT"
    with pytest.raises(
        DataError, match=r"g\.fa' cannot be used at a:398-404\. .*'X' at position 2, which is not a nuc"
    ):
        genome.codes("a", 398, 404)


# --- the index ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKED)
def test_an_index_is_made_beside_the_genome_once(name, parts, tmp_path):
    path = parts.write_fasta(tmp_path / name, parts.GENOME)
    Genome(path).codes("chr1", 0, 5)
    made = sorted(p.name for p in tmp_path.iterdir())
    assert made == sorted([name, f"{name}.fai", *([f"{name}.gzi"] if name.endswith("gz") else [])])
    times = [(tmp_path / file).stat().st_mtime_ns for file in made]
    Genome(path).codes("chr1", 0, 5)
    assert [(tmp_path / file).stat().st_mtime_ns for file in made] == times


@pytest.mark.parametrize("name", PACKED)
def test_an_index_of_samtools_is_used_as_it_is(name, parts, tmp_path):
    path = parts.write_fasta(tmp_path / name, parts.GENOME)
    pysam.faidx(str(path))
    before = Path(f"{path}.fai").stat()
    Genome(path).codes("chr1", 0, 5)
    assert Path(f"{path}.fai").stat() == before


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize(
    "change",
    [
        lambda genome: {"chr1": "A" + genome["chr1"], "chr2": genome["chr2"]},
        lambda genome: {"chr1": genome["chr1"] * 2, "chr2": genome["chr2"]},
        lambda genome: {"chr2": genome["chr2"], "chr1": genome["chr1"]},
        lambda genome: {"chrA": genome["chr1"], "chr2": genome["chr2"]},
        lambda genome: {**genome, "chr3": "ACGT"},
        lambda genome: {"chr1": genome["chr1"], "chr1b": "GG", "chr2": genome["chr2"]},
        lambda genome: {"chr1": genome["chr1"], "chr2": genome["chr2"] + "A"},
    ],
)
@pytest.mark.parametrize("looks_older", [True, False])
def test_a_stale_index_is_made_anew(name, change, looks_older, parts, tmp_path, caplog):
    """The genome was replaced and its old index kept, which need not look older: copies keep their dates."""
    path = parts.write_fasta(tmp_path / name, parts.GENOME)
    Genome(path).contigs()
    other = change(parts.GENOME)
    parts.write_fasta(path, other)
    state = path.stat()
    shift = -1 if looks_older else 1  # seconds from the genome to its index
    for index in tmp_path.glob("*.*i"):
        os.utime(index, ns=(state.st_atime_ns, state.st_mtime_ns + shift * 10**9))
    genome = Genome(path)
    assert genome.contigs() == {chrom: len(letters) for chrom, letters in other.items()}
    for chrom, letters in other.items():
        assert decode(genome.codes(chrom, 0, len(letters))) == letters
    assert "does not describe the genome" in caplog.text
    assert "A new one was written" in caplog.text


def test_an_edit_that_moves_no_contig_is_noticed_by_its_date(parts, tmp_path, caplog):
    """Same bytes in all, same name lines; but a line of the middle was wrapped otherwise."""
    path = tmp_path / "g.fa"
    path.write_text(">a\nACGT\nACGT\nACGT\nAC\n")
    Genome(path).contigs()
    os.utime(tmp_path / "g.fa.fai", ns=(1, 1))
    assert Genome(path).contigs() == {"a": 14}
    assert "it is older" in caplog.text
    path.write_text(">a\nACGT\nACG\nTACGT\nAC\n")
    os.utime(tmp_path / "g.fa.fai", ns=(1, 1))
    with pytest.raises(DataError, match="lines of different lengths in contig 'a', at line 3"):
        Genome(path).contigs()


def test_a_genome_dated_in_the_future_is_indexed_once(parts, tmp_path, caplog):
    path = parts.write_fasta(tmp_path / "g.fa", parts.GENOME)
    later = path.stat().st_mtime_ns + 10**15
    os.utime(path, ns=(later, later))
    Genome(path).contigs()
    before = Path(f"{path}.fai").stat()
    Genome(path).contigs()
    assert Path(f"{path}.fai").stat() == before
    assert not caplog.records


@pytest.mark.parametrize("damage", [b"", b"x", b"chr1\t5\n", b"chr1\t5\t6\t0\t0\n", b"\xff\xfe"])
@pytest.mark.parametrize("suffix", [".fai", ".gzi"])
def test_a_damaged_index_is_made_anew(damage, suffix, parts, tmp_path):
    path = parts.write_fasta(tmp_path / "genome.fa.gz", parts.GENOME)
    Genome(path).contigs()
    Path(f"{path}{suffix}").write_bytes(damage)
    assert Genome(path).contigs() == parts.LENGTHS


def test_an_index_that_names_a_contig_twice_is_made_anew(parts, tmp_path):
    path = parts.write_fasta(tmp_path / "genome.fa", parts.GENOME)
    Genome(path).contigs()
    fai = Path(f"{path}.fai")
    fai.write_text(fai.read_text().replace("chr2", "chr1"))
    assert Genome(path).contigs() == parts.LENGTHS


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_index_of_another_genome_passes(parts, tmp_path_factory, data):
    """Two genomes of the same few names: the index of one fits the other only where every base has the same place."""
    folder = tmp_path_factory.getbasetemp() / "pairs"
    folder.mkdir(exist_ok=True)
    genomes = []
    for number in range(2):
        names = data.draw(st.permutations(["a", "ab", "b"]))[: data.draw(st.integers(1, 3))]
        lengths = {name: data.draw(st.integers(1, 12)) for name in names}
        path = parts.write_fasta(
            folder / f"{number}.fa", parts.random_genome(lengths), width=data.draw(st.integers(1, 6))
        )
        pysam.faidx(str(path))
        genomes.append((path, read_fai(Path(f"{path}.fai"))))
    (_, index), (path, own) = genomes
    with PlainRaw(path) as raw:
        assert misfit(own, raw) is None
        if misfit(index, raw) is None:
            assert {(c.name, c.length, c.offset) for c in index} == {(c.name, c.length, c.offset) for c in own}
            assert [c.end for c in index] == [c.end for c in own]


def test_an_index_of_longer_lines_is_told(tmp_path):
    """Two bases on two lines take the bytes of three on one."""
    (tmp_path / "one.fa").write_text(">a\nACG\n")
    (tmp_path / "two.fa").write_text(">a\nA\nC\n")
    pysam.faidx(str(tmp_path / "one.fa"))
    with PlainRaw(tmp_path / "two.fa") as raw:
        problem = misfit(read_fai(tmp_path / "one.fa.fai"), raw)
    assert problem is not None
    assert problem.reason == "the lines of contig 'a' are shorter"


def test_raw_bytes_of_a_bgzipped_file_are_those_of_the_plain_one(parts, tmp_path):
    genome = parts.random_genome({"a": 200_000})
    plain = parts.write_fasta(tmp_path / "g.fa", genome, width=70)
    packed = parts.write_fasta(tmp_path / "p.fa.gz", genome, width=70)
    pysam.faidx(str(packed))
    with PlainRaw(plain) as a, BgzipRaw(packed, Path(f"{packed}.gzi")) as b:
        assert a.size == b.size
        for start, end in [(0, 10), (65_270, 65_290), (100, 180_000), (a.size - 3, a.size + 50), (a.size, a.size + 1)]:
            assert a.read(start, end) == b.read(start, end)
    parts.write_fasta(packed, parts.random_genome({"a": 200_000}, seed=1), width=70)
    with pytest.raises(DamagedError), BgzipRaw(packed, Path(f"{packed}.gzi")) as b:
        b.read(0, b.size)


def test_the_end_of_a_contig():
    assert Contig("a", 10, 3, 4, 5).end == 3 + 12
    assert Contig("a", 8, 3, 4, 5).end == 3 + 9
    assert Contig("a", 1, 3, 1, 2).end == 4


# --- where the index lies -----------------------------------------------------------------------------------------------


def as_nobody(work):
    """Runs ``work`` in a forked process that may not write what is not its own; its answer, or the error it raised."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def child():
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            answers.put(work())
        except BaseException as error:
            answers.put(repr(error))

    process = context.Process(target=child)
    process.start()
    answer = answers.get()
    process.join()
    return answer


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("stale", [False, True])
def test_beside_a_genome_in_a_read_only_folder_nothing_is_needed(name, stale, parts, monkeypatch):
    import tempfile

    top = Path(tempfile.mkdtemp())
    folder, cache = top / "genomes", top / "cache"
    try:
        folder.mkdir()
        cache.mkdir(mode=0o777)
        path = parts.write_fasta(folder / name, {"chr1": "ACGTACGTACGT"})
        if stale:
            Genome(path).contigs()
            parts.write_fasta(path, {"chr1": "TACGTACGTACGT"})
        for item in (top, cache):
            item.chmod(0o777)
        for item in folder.iterdir():
            item.chmod(0o444)
        folder.chmod(0o555)
        before = sorted(p.name for p in folder.iterdir())
        monkeypatch.setenv("DECIMA_CACHE_DIR", str(cache))

        def work():
            letters = [decode(Genome(path).codes("chr1", 0, 13)) for _ in range(2)]
            return letters, sorted(p.suffix for p in cache.iterdir())

        letters, suffixes = as_nobody(work)
        assert letters == ["TACGTACGTACGT" if stale else "ACGTACGTACGTN"] * 2
        assert suffixes == ([".fai", ".gzi"] if name.endswith("gz") else [".fai"])
        assert sorted(p.name for p in folder.iterdir()) == before
        cache.chmod(0o555)
        monkeypatch.setenv("DECIMA_CACHE_DIR", str(cache / "below"))
        assert "set DECIMA_CACHE_DIR to a folder that can be written" in as_nobody(work)
    finally:
        for item in (folder, cache):
            item.chmod(0o755)
        shutil.rmtree(top)


# --- files that are no genome -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; copy or download it again"),
        (b"\n\n", "does not begin with '>'"),
        (b"<!DOCTYPE html>\n<p>404</p>", "is a web page, not a genome"),
        (b"@read1\nACGT\n+\nIIII\n", "looks like FASTQ"),
        (b"\x43\x27\x41\x1a" + bytes(20), "is a 2bit file"),
        (b"PK\x03\x04", "does not begin with '>'"),
        (b"\xef\xbb\xbf>a\nACGT\n", "begins with a byte-order mark"),
        (b"ACGT\n>a\nACGT\n", "does not begin with '>'"),
        (b">a\nMKVLITFEQ\n", "looks like a file of proteins: its 'a' begins MKVLITFEQ"),
        (b">a\nACGT\n>b\nmrpelsk\n", "looks like a file of proteins: its 'b' begins MRPELSK"),
        (b">a\nACGT\n>b\nAC\n>a\nAC\n", "names contig 'a' twice, at lines 1 and 5"),
        (b">a one\nACGT\n>a two\nACGT\n", "names contig 'a' twice, at lines 1 and 3"),
        (b">a\nACGT\n>b\n", "has a contig without sequence, 'b' at line 3; if the file is cut short"),
        (b">a\n>b\nAC\n", "has a contig without sequence, 'a' at line 1"),
        (b">a\nACGT\n>b", "has a contig without sequence, 'b' at line 3"),
        (b">a\nACGT\nAC\nACGT\n", "has lines of different lengths in contig 'a', at line 3"),
        (b">a\nACGT\nACGTA\n", "has lines of different lengths in contig 'a', at line 3"),
        (b">a\nACGT\n\nACGT\n", "has an empty line 3 inside contig 'a'"),
        (b">\nACGT\n", "has a contig without a name at line 1"),
    ],
)
@pytest.mark.parametrize("name", PACKED)
def test_a_file_that_is_no_genome_gets_one_clear_sentence(name, content, words, tmp_path):
    path = tmp_path / name
    plain = tmp_path / "plain"
    plain.write_bytes(content)
    if name.endswith("gz"):
        pysam.tabix_compress(str(plain), str(path), force=True)
        words = words.replace("is empty;", "is empty once unpacked;")
    else:
        plain.rename(path)
    with pytest.raises(DataError, match=words) as caught:
        Genome(path).contigs()
    assert str(caught.value).startswith(f"The genome '{path}' ")
    assert not list(tmp_path.glob("genome*.fai")) or "proteins" in words


def test_plain_gzip_is_told_from_bgzip(tmp_path):
    path = tmp_path / "genome.fa.gz"
    path.write_bytes(gzip.compress(b">a\nACGT\n"))
    with pytest.raises(
        DataError, match=r"compressed with gzip, which cannot be read at random; compress it with bgzip"
    ):
        Genome(path).contigs()


def test_bgzip_without_its_suffix_is_known_by_its_content(parts, tmp_path):
    path = parts.write_fasta(tmp_path / "genome.fa.gz", parts.GENOME).rename(tmp_path / "genome.fa")
    assert Genome(path).contigs() == parts.LENGTHS


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
def test_a_bgzipped_genome_cut_short(indexed, left, parts, tmp_path):
    path = parts.write_fasta(tmp_path / "g.fa.gz", parts.random_genome({"a": 200_000, "b": 100_000}), width=60)
    if indexed:
        Genome(path).contigs()
    path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])
    with pytest.raises(DataError, match=r"g\.fa\.gz' is cut short: the mark that ends a bgzipped file is missing"):
        Genome(path).contigs()


@pytest.mark.parametrize("left", [300, 250, 230, 100])
def test_a_plain_genome_shorter_than_its_index(left, parts, tmp_path):
    path = parts.write_fasta(tmp_path / "g.fa", parts.GENOME)
    Genome(path).contigs()
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DataError, match=r"shorter than its index '.*g\.fa\.fai' says; if it is cut short, copy"):
        Genome(path).contigs()


def test_damage_inside_a_block_is_found_when_it_is_read(parts, tmp_path):
    path = parts.write_fasta(tmp_path / "g.fa.gz", parts.random_genome({"a": 300_000}), width=60)
    Genome(path).contigs()
    state = path.stat()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 50] = bytes(50)
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(DataError, match=r"g\.fa\.gz' cannot be read at a:0-300000 .* it is damaged"):
        Genome(path).codes("a", 0, 300_000)


def test_a_genome_that_is_not_there(genome_path, tmp_path):
    with pytest.raises(DataError, match=r"genome '.*genom\.fa' does not exist; did you mean genome\.fa\?"):
        Genome(genome_path.with_name("genom.fa"))
    with pytest.raises(DataError, match="is a folder"):
        Genome(tmp_path)
    genome = Genome(genome_path)
    genome_path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        genome.contigs()


def test_htslib_keeps_the_verbosity_it_had(genome_path):
    before = pysam.set_verbosity(2)
    try:
        Genome(genome_path).codes("chr1", 0, 5)
        assert pysam.set_verbosity(2) == 2
    finally:
        pysam.set_verbosity(before)
