"""Variants out of real files."""

from __future__ import annotations

import gzip
import itertools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pysam
import pytest

from decima_core.errors import DataError
from decima_core.variants.alleles import Variant
from decima_core.variants.read import files_of, is_transcript_table, read_variants, transcript_table

HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
LINES = [
    "chr1\t10\trs1\tA\tC,G\t.\tPASS\t.",
    "chr1\t20\t.\tat\ta\t.\t.\t.",
    "chr1\t0\t.\tN\t<DEL>\t.\t.\tEND=30",
    "chr1\t30\t.\tA\t*,C[chr2:5[\t.\t.\t.",
    "chr1\t31\t.\tA\t.\t.\t.\t.",
    "chr1\t99999999999\t.\tA\tR\t.\t.\t.",
]
EXPECTED = [
    ("chr1", 10, "A", "C", "rs1"), ("chr1", 10, "A", "G", "rs1"), ("chr1", 20, "AT", "A", ""), ("chr1", 0, "N", "<DEL>", ""),
    ("chr1", 30, "A", "*", ""), ("chr1", 30, "A", "C[chr2:5[", ""), ("chr1", 31, "A", ".", ""), ("chr1", 99999999999, "A", "R", ""),
]  # fmt: skip


def brief(variants: Any) -> list[tuple[str, int, str, str, str]]:
    return [(v.chrom, v.pos, v.ref, v.alt, v.id) for v in read_variants(variants)]


def vcf(path: Path, lines: list[str], header: str = HEADER) -> Path:
    path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def packed(path: Path) -> Path:
    target = path.with_name(path.name + ".gz")
    with path.open("rb") as source, gzip.open(target, "wb") as out:
        shutil.copyfileobj(source, out)
    return target


def test_a_vcf_reads_alike_however_it_is_packed(tmp_path: Path) -> None:
    plain = vcf(tmp_path / "a.vcf", LINES)
    blocks = tmp_path / "b.vcf.gz"
    pysam.tabix_compress(str(plain), str(blocks))
    unnamed = tmp_path / "no_ending"
    shutil.copy(plain, unnamed)
    for path in (plain, blocks, packed(plain), unnamed, str(plain)):
        assert brief(path) == EXPECTED


def test_bcf_too(tmp_path: Path) -> None:
    plain = vcf(tmp_path / "a.vcf", LINES[:2])
    with (
        pysam.VariantFile(str(plain)) as source,
        pysam.VariantFile(str(tmp_path / "a.bcf"), "wb", header=source.header) as out,
    ):
        for record in source:
            out.write(record)
    assert brief(tmp_path / "a.bcf") == EXPECTED[:3]


def test_reading_is_lazy(tmp_path: Path) -> None:
    path = vcf(tmp_path / "a.vcf", [LINES[0], "chr1\tx\t.\tA\tC\t.\t.\t."])
    assert [v.alt for v in itertools.islice(read_variants(path), 2)] == ["C", "G"]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    "bad", ["chr1\tx\t.\tA\tC\t.\t.\t.", "chr1\t10\trs1\tA", "chr1 10 . A C . . .", "chr1\t-5\t.\tA\tC\t.\t.\t."]
)
def test_a_malformed_line_is_named(tmp_path: Path, bad: str, compress: bool) -> None:
    path = vcf(tmp_path / "a.vcf", [LINES[0], bad, LINES[1]])
    path = packed(path) if compress else path
    with pytest.raises(DataError, match=r"^Line 5 of the VCF file '.*a\.vcf.*' is not understood: 'chr1"):
        list(read_variants(path))


def test_htslib_says_nothing_itself(tmp_path: Path) -> None:
    vcf(tmp_path / "a.vcf", ["chr7\t1\t.\tA\tC\t.\t.\t.", "chr1\tx\t.\tA\tC\t.\t.\t."])
    program = (
        "from decima_core.variants.read import read_variants\n"
        "try:\n    list(read_variants('a.vcf'))\nexcept Exception as error:\n    print(type(error).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("DataError", "")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_files_that_are_no_vcf_are_refused_in_one_sentence(tmp_path: Path) -> None:
    good = vcf(tmp_path / "good.vcf", [LINES[0]] * 3000)
    whole = packed(good).read_bytes()
    pysam.tabix_compress(str(good), str(tmp_path / "blocks.vcf.gz"))
    blocks = (tmp_path / "blocks.vcf.gz").read_bytes()
    cases = {
        "empty.vcf": (b"", "is empty"),
        "bare.vcf": (LINES[0].encode(), "is not a VCF file: it does not begin with ##fileformat=VCF"),
        "half.vcf": (b"##fileformat=VCFv4.2\nchr1\t1\t.\tA\tC\n", "header of the VCF file .* cannot be read"),
        "cut.vcf.gz": (whole[: len(whole) // 2], "cut short or damaged"),
        "stump.vcf.gz": (whole[:12], "cut short or damaged"),
        "block.vcf.gz": (
            blocks[: len(blocks) // 2],
            "is cut short",
        ),
    }
    for name, (content, words) in cases.items():
        with pytest.raises(DataError, match=words) as told:
            list(read_variants(write(tmp_path / name, content)))
        assert name in str(told.value)
    with pytest.raises(DataError, match=r"The file of variants .* does not exist"):
        list(read_variants(tmp_path / "none.vcf"))
    with pytest.raises(DataError, match="is a folder"):
        list(read_variants(tmp_path))


TABLE = "#CHROM\tPosition\tReference\tALT_allele\tGene\trsid\n1\t10\ta\tC\tSPI1\trs1\n1\t1,020\tAT\tA\t\t\n\nchrX\t30\tA\t<DEL>\tCD68\t.\n"
ROWS = [("1", 10, "A", "C", "rs1"), ("1", 1020, "AT", "A", ""), ("chrX", 30, "A", "<DEL>", "")]


def test_tables_read_alike_whatever_separates_them(tmp_path: Path) -> None:
    plain = write(tmp_path / "v.tsv", b"## made by hand\n# key: value\n" + TABLE.encode())
    commas = write(tmp_path / "v.csv", TABLE.replace("1,020", '"1,020"').replace("\t", ",").encode())
    marked = write(tmp_path / "w.txt", b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode())
    for path in (plain, commas, marked, packed(plain)):
        assert brief(path) == ROWS
        assert [v.gene for v in read_variants(path)] == ["SPI1", None, "CD68"]
        assert transcript_table(path) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty; it needs a line of column names"),
        ("chrom\tpos\tref\n1\t2\tA\n", "has no column 'alt'; it has chrom, pos, ref"),
        (
            "chrom\tpos\tref\talt\n1\tten\tA\tC\n",
            r"The pos in line 2 of '.*v\.tsv' is 'ten'; it must be a whole number",
        ),
        ("chrom\tpos\tref\talt\n1\t1.5\tA\tC\n", "is '1.5'; it must be a whole number"),
        ("chrom\tpos\tref\talt\n1\t15\tA\n", r"Line 2 of '.*' has 3 cells"),
        ("chrom\tpos\tref\talt\n\t15\tA\tC\n", "The chrom in line 2 of .* is empty"),
    ],
)
def test_bad_tables_are_named_with_their_line(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        list(read_variants(write(tmp_path / "v.tsv", content.encode())))


def test_a_table_that_is_no_text_or_cut_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not text"):
        list(read_variants(write(tmp_path / "v.tsv", b"chrom\tpos\tref\talt\n\xff\xfe\n")))
    whole = packed(write(tmp_path / "w.tsv", ("chrom\tpos\tref\talt\n" + "1\t2\tA\tC\n" * 5000).encode())).read_bytes()
    with pytest.raises(DataError, match="cut short or damaged"):
        list(read_variants(write(tmp_path / "x.tsv.gz", whole[: len(whole) // 2])))


def test_data_frames(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"chrom": [1.0, "chr2"], "pos": [5, 6], "ref": ["a", "G"], "alt": ["C", None], "gene": [None, "SPI1"]}
    )
    found = list(read_variants(frame))
    assert [(v.chrom, v.pos, v.ref, v.alt, v.gene) for v in found] == [
        ("1", 5, "A", "C", None),
        ("chr2", 6, "G", "", "SPI1"),
    ]
    with pytest.raises(DataError, match="has no column 'alt'"):
        list(read_variants(frame.drop(columns="alt")))
    with pytest.raises(DataError, match="The pos in row 1 of the table of variants is ''"):
        list(read_variants(frame.assign(pos=[1, float("nan")])))


def test_variants_as_they_are() -> None:
    one = Variant(chrom="1", pos=2, ref="A", alt="C")
    assert list(read_variants([one])) == [one]
    with pytest.raises(DataError, match="Item 0 of the variants is str"):
        list(read_variants(["rs1"]))
    with pytest.raises(DataError, match="not int"):
        list(read_variants(3))


def test_tables_in_transcript_orientation_are_told_apart(tmp_path: Path) -> None:
    rows = pd.DataFrame({"gene": ["G"], "rel_pos": [3], "ref_tx": ["A"], "alt_tx": ["C"]})
    path = tmp_path / "t.tsv"
    rows.to_csv(path, sep="\t", index=False)
    assert is_transcript_table(rows)
    for given in (rows, path):
        found = transcript_table(given)
        assert found is not None
        pd.testing.assert_frame_equal(found, rows, check_dtype=False)
    assert transcript_table(vcf(tmp_path / "a.vcf", LINES)) is None
    assert transcript_table(rows.rename(columns={"rel_pos": "pos"})) is None


def test_files_are_listed(tmp_path: Path) -> None:
    assert files_of(tmp_path / "a.vcf") == (str(tmp_path / "a.vcf"),)
    assert files_of(pd.DataFrame()) == ()
