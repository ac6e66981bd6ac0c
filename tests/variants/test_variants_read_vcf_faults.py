"""VCF and BCF files that are damaged, mistaken or odd, each made for real."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pysam
import pytest

from decima_core.errors import DataError
from decima_core.variants.read import read_variants
from decima_core.variants.vcf import read_vcf

HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
GOOD = "chr1\t10\trs1\tA\tC\t.\tPASS\t.\n"


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def varied(n: int) -> str:
    """So many records, of which no two are alike."""
    return HEADER + "".join(f"chr1\t{i}\trs{i * 7919 % 10007}\tA\tC\t.\tPASS\t.\n" for i in range(1, n + 1))


def alleles(path: Path) -> list[tuple[str, int, str, str]]:
    return [(v.chrom, v.pos, v.ref, v.alt) for v in read_variants(path)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (GOOD + "# a remark\n" + GOOD, r"Line 5 of .* is not understood: '# a remark'"),
        (GOOD + HEADER + GOOD, r"Line 5 of .* is not understood: '##fileformat=VCFv4.2'"),
        (GOOD + "\n" + GOOD, r"Line 5 of .* is empty; remove the line"),
        (GOOD + "chr1\t12x\t.\tA\tC\t.\t.\t.\n", r"Line 5 of .* is not understood: 'chr1\\t12x"),
        (GOOD + "chr1\t" + "9" * 21 + "\t.\tA\tC\t.\t.\t.\n", "Line 5 of .* is not understood"),
        (GOOD + "chr1\t1\t.\t" + "A" * 100, r"Line 5 of .* is not understood: 'chr1\\t1\\t\.\\tA{47,48}\.\.\.'; correct the line"),
    ],
)  # fmt: skip
def test_the_faulty_line_itself_is_named(tmp_path: Path, body: str, words: str) -> None:
    path = write(tmp_path / "a.vcf", HEADER + body)
    for given in (path, write(tmp_path / "a.vcf.gz", gzip.compress(path.read_bytes()))):
        with pytest.raises(DataError, match=words):
            list(read_variants(given))


def test_text_in_another_encoding_is_told_by_its_line(tmp_path: Path) -> None:
    remark = b"chr1\t10\t.\tA\tC\t.\t.\tN=\xe9\n"
    name = b"chr1\t10\t\xe9\tA\tC\t.\t.\t.\n"
    assert alleles(write(tmp_path / "a.vcf", HEADER.encode() + remark)) == [("chr1", 10, "A", "C")]
    path = write(tmp_path / "b.vcf", HEADER.encode() + remark + name + GOOD.encode())
    with pytest.raises(DataError, match=r"Line 5 of the VCF file .* is not understood"):
        list(read_variants(path))


def test_a_damaged_block_is_not_blamed_on_a_good_line(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.vcf", varied(20000))
    blocks = tmp_path / "a.vcf.gz"
    pysam.tabix_compress(str(plain), str(blocks))
    content = bytearray(blocks.read_bytes())
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(DataError, match=r"cannot be read beyond record [\d,]+: it is cut short or damaged"):
        list(read_variants(write(tmp_path / "b.vcf.gz", bytes(content))))


def test_a_file_cut_between_two_blocks_is_noticed(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.vcf", varied(20000))
    pysam.tabix_compress(str(plain), str(tmp_path / "a.vcf.gz"))
    content = (tmp_path / "a.vcf.gz").read_bytes()
    second = struct.unpack("<H", content[16:18])[0] + 1
    for end in (second, len(content) - 28):  # after the first block; before the block that marks the end
        with pytest.raises(DataError, match="is cut short: its end is missing"):
            list(read_variants(write(tmp_path / "b.vcf.gz", content[:end])))


def test_a_damaged_bcf_is_told_in_one_sentence(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.vcf", varied(5000))
    with (
        pysam.VariantFile(str(plain)) as source,
        pysam.VariantFile(str(tmp_path / "a.bcf"), "wb", header=source.header) as out,
    ):
        for record in source:
            out.write(record)
    content = (tmp_path / "a.bcf").read_bytes()
    bare = gzip.decompress(content)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    for name, damaged in (
        ("cut", content[: len(content) // 2]),
        ("flip", bytes(flipped)),
        ("bare", bare[: len(bare) // 2]),
    ):
        with pytest.raises(DataError, match=r"cut short.*copy, download or write it again\.$"):
            list(read_variants(write(tmp_path / f"{name}.bcf", damaged)))
    assert len(alleles(write(tmp_path / "whole.bcf", bare))) == 5000
    assert len(alleles(write(tmp_path / "packed.bcf", gzip.compress(bare)))) == 5000


def test_a_gzip_file_that_names_itself_like_bgzip_is_read(tmp_path: Path) -> None:
    # gzip writes the file's name where bgzip has its mark.
    content = io.BytesIO()
    with gzip.GzipFile("MTBC.vcf", "wb", fileobj=content) as out:
        out.write((HEADER + GOOD).encode())
    assert content.getvalue()[12:14] == b"BC"
    assert alleles(write(tmp_path / "MTBC.vcf.gz", content.getvalue())) == [("chr1", 10, "A", "C")]


def test_gzip_in_several_members_is_one_file(tmp_path: Path) -> None:
    content = gzip.compress(HEADER.encode()) + gzip.compress(GOOD.encode()) * 2
    assert len(alleles(write(tmp_path / "a.vcf.gz", content))) == 2


def test_no_temporary_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = write(tmp_path / "a.vcf.gz", gzip.compress(varied(100).encode()))
    reading = read_vcf(path)
    next(reading)
    assert list((tmp_path / "temporary").iterdir())
    reading.close()
    assert not list((tmp_path / "temporary").iterdir())


def test_no_room_to_unpack_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf.gz", gzip.compress(varied(20000).encode()))
    program = (
        "import resource, signal\n"
        "from decima_core.variants.read import read_variants\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"try:\n    list(read_variants({str(path)!r}))\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "cannot be unpacked into a temporary file: File too large. Make room" in done.stdout


def test_a_vcf_is_known_by_what_it_holds_and_not_by_its_name(tmp_path: Path) -> None:
    text = HEADER + "chr1\t10\t.\tA\tC,G\t.\t.\t.\n"
    for name in ("a.txt", "a.tsv", "a.csv", "a.data", "a"):
        assert alleles(write(tmp_path / name, text)) == [("chr1", 10, "A", "C"), ("chr1", 10, "A", "G")]


@pytest.mark.parametrize("content", [os.urandom(300), b">chr1\nACGT\n", b">chr1 " + b"ACGT" * 50000, b"", b'x,"y\n'])
def test_a_file_of_unknown_ending_that_is_no_variants_names_the_known_ones(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(
        DataError, match=r"neither a VCF nor a table of variants.* end in \.vcf, \.bcf, \.tsv, \.csv, \.txt"
    ):
        list(read_variants(write(tmp_path / "a.fa", content)))


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", b"\xef\xbb\xbf" + (HEADER + GOOD).encode())
    with pytest.raises(DataError, match="begins with a byte order mark"):
        list(read_variants(path))


def test_lines_that_htslib_takes_in_its_stride(tmp_path: Path) -> None:
    """No header for the contig, filter or info; Windows line ends; sample columns that do not fit; no last line end."""
    assert alleles(write(tmp_path / "a.vcf", HEADER + "chrZ\t10\t.\tA\tC\t.\tq10\tXX=3;YY\n")) == [
        ("chrZ", 10, "A", "C")
    ]
    assert alleles(write(tmp_path / "b.vcf", (HEADER + GOOD).replace("\n", "\r\n"))) == [("chr1", 10, "A", "C")]
    assert alleles(write(tmp_path / "c.vcf", (HEADER + GOOD).rstrip())) == [("chr1", 10, "A", "C")]
    samples = HEADER.rstrip() + "\tFORMAT\tS1\tS2\n" + GOOD.rstrip() + "\tGT\t0/1\n"
    assert alleles(write(tmp_path / "d.vcf", samples)) == [("chr1", 10, "A", "C")]
    assert alleles(write(tmp_path / "e.vcf", HEADER)) == []


def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe.vcf"
    os.mkfifo(path)
    told: list[str] = []

    def read() -> None:
        try:
            list(read_variants(path))
        except DataError as error:
            told.append(str(error))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(5)
    assert told == [f"The file of variants '{path}' is a pipe or a device, which cannot be read twice; give a file."]


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(File name too long\)"):
        list(read_variants("x" * 400 + ".vcf"))
    with pytest.raises(DataError, match="nor does its folder"):
        list(read_variants(write(tmp_path / "file", "") / "a.vcf"))
    with pytest.raises(DataError, match="does not exist"):
        list(read_variants("a\0.vcf"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user may enter, unlike those of pytest."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("name", ["a.vcf", "a.tsv", "a.vcf.gz"])
def test_a_file_that_may_not_be_read_says_so(open_folder: Path, name: str) -> None:
    write(open_folder / name, HEADER + GOOD).chmod(0)
    program = (
        "import os\n"
        "from decima_core.variants.read import read_variants\n"
        "import pysam\n"
        # The superuser may read everything, so that right is given up once all is imported.
        f"os.chdir({str(open_folder)!r})\n"
        "if os.geteuid() == 0:\n    os.setegid(65534); os.seteuid(65534)\n"
        f"try:\n    list(read_variants({name!r}))\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"DataError The variants '{open_folder / name}' cannot be read: Permission denied."
