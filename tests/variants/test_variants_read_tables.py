"""Tables of variants with odd cells, and how rows become variants."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core.errors import DataError
from decima_core.variants.cells import whole_number
from decima_core.variants.read import files_of, in_chunks, read_variants, transcript_table

NAMES = "chrom\tpos\tref\talt\n"


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def brief(variants: object) -> list[tuple[str, int, str, str]]:
    return [(v.chrom, v.pos, v.ref, v.alt) for v in read_variants(variants)]


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_read_to_the_last_digit(number: int) -> None:
    for spelling in (number, str(number), f" {number} ", f"{number:,}", f"{number}.0"):
        assert whole_number(spelling, "pos", "row 1") == number


@pytest.mark.parametrize(
    "cell", ["", "x", "1,2", "1,0000", "1.5", "1.5E+08", "1e3", "1_000", "٣", "inf", "nan", "9" * 21, "9" * 5000]
)
def test_what_is_no_whole_number_is_refused(cell: str) -> None:
    with pytest.raises(DataError, match=r"^The pos in row 1 is '.*'; it must be a whole number, 1-based as in VCF\.$"):
        whole_number(cell, "pos", "row 1")


@pytest.mark.parametrize("cell", [1.5, float("nan"), float("inf"), None, pd.NA, pd.NaT, [1], 1e300])
def test_what_is_no_whole_number_in_memory_is_refused(cell: object) -> None:
    with pytest.raises(DataError, match=r"^The rel_pos in row 1 is '.*'; it must be a whole number\.$"):
        whole_number(cell, "rel_pos", "row 1")


def test_each_allele_of_a_cell_is_a_variant(tmp_path: Path) -> None:
    expected = [("1", 5, "A", "C"), ("1", 5, "A", "GT"), ("1", 5, "A", "<DEL>")]
    assert brief(write(tmp_path / "a.tsv", NAMES + "1\t5\tA\tC,gt, <DEL>\n")) == expected
    assert brief(write(tmp_path / "a.csv", 'chrom,pos,ref,alt\n1,5,A,"C,GT,<DEL>"\n')) == expected
    assert brief(pd.DataFrame({"chrom": ["1"], "pos": [5], "ref": ["A"], "alt": ["C,GT,<DEL>"]})) == expected


def test_records_without_a_vcf_header_are_a_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\nchr1\t5\trs1\tA\tC,G\t.\n")
    assert brief(path) == [("chr1", 5, "A", "C"), ("chr1", 5, "A", "G")]
    assert [v.id for v in read_variants(path)] == ["rs1", "rs1"]


def test_a_variant_read_twice_is_there_twice(tmp_path: Path) -> None:
    assert len(brief(write(tmp_path / "a.tsv", NAMES + "1\t5\tA\tC\n" * 2))) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tabs.txt", NAMES + "1\t5\tA\tC\n"),
        ("commas.csv", "chrom,pos,ref,alt\n1,5,A,C\n"),
        ("semicolons.csv", "chrom;pos;ref;alt\n1;5;A;C\n"),
        ("quoted.tsv", '"chrom"\t"pos"\t"ref"\t"alt"\n"1"\t5\t"A"\t"C"\n'),
        ("hash.tsv", "# chrom\tpos\tref\talt\n1\t5\tA\tC\n"),
        ("remarks.tsv", "## one\n# two: chrom, pos\n" + NAMES + "1\t5\tA\tC\n"),
        ("ends.tsv", (NAMES + "1\t5\tA\tC\n").replace("\n", "\r")),
        ("blank.tsv", NAMES + "\n\t\t\t\n1\t5\tA\tC\n\n"),
        ("trailing.tsv", NAMES + "1\t5\tA\tC\t\t\n"),
        ("no_ending", NAMES + "1\t5\tA\tC\n"),
        ("packed.tsv.bgz", gzip.compress((NAMES + "1\t5\tA\tC\n").encode(), mtime=0)),
        ("packed_but_not_named.tsv", gzip.compress((NAMES + "1\t5\tA\tC\n").encode(), mtime=0)),
        ("spelt.tsv", "Chromosome\tPosition\tReference_Allele\tAlternate Allele\n1\t5\tA\tC\n"),
    ],
)
def test_tables_as_people_write_them(tmp_path: Path, name: str, content: bytes | str) -> None:
    assert brief(write(tmp_path / name, content)) == [("1", 5, "A", "C")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tsv", NAMES + "1\t5\tA\tC\n7\t1\t500\tA\tC\n", "Line 3 of .* has 5 cells, more than the columns"),
        (
            "a.csv",
            'chrom,pos,ref,alt,note\n1,5,A,C,"x\n1,6,A,C,y\n',
            r"Line 2 of '.*a\.csv' is not understood: .*quotes",
        ),
        ("a.csv", "chrom,pos,ref,alt\n1,5,A," + "C" * 140000, "Line 2 of .* is not understood: field larger"),
        ("a.csv", 'chrom,pos,ref,alt,note\n1,5,A,C,"x\ny"\n1,z,A,C,\n', "The pos in line 4 of"),
        ("a.tsv", NAMES.strip() + "\tREF\n1\t5\tA\tC\tA\n", "has the column 'ref' more than once"),
        ("a.txt", "chrom pos ref alt\n1 5 A C\n", "has no column 'chrom'.* separated by tabs or commas"),
        ("a.tsv", "# chrom\tpos\tref\n1\t5\tA\n", "has no column 'chrom'"),
    ],
)
def test_lines_that_are_not_understood_are_named(tmp_path: Path, name: str, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        list(read_variants(write(tmp_path / name, content)))


def test_a_stray_quote_spoils_its_own_row_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", NAMES + '1\t5\t"A\tC\n' + "1\t6\tA\tC\n" * 30000)
    found = brief(path)
    assert found[:2] == [("1", 5, '"A', "C"), ("1", 6, "A", "C")]
    assert len(found) == 30001


def test_an_allele_may_be_long(tmp_path: Path) -> None:
    assert len(brief(write(tmp_path / "a.tsv", NAMES + "1\t5\tA\t" + "C" * 200000 + "\n"))[0][3]) == 200000


def test_what_pandas_writes_for_nothing_is_nothing() -> None:
    frame = pd.DataFrame(
        {"chrom": ["1", "2"], "pos": [1, 2], "ref": ["A", "A"], "alt": ["C", None], "gene": ["G", None]}
    )
    for given_frame in (frame, frame.convert_dtypes(), frame.astype({"chrom": "category", "alt": "category"})):
        assert brief(given_frame) == [("1", 1, "A", "C"), ("2", 2, "A", "")]
        assert [v.gene for v in read_variants(given_frame)] == ["G", None]
    with pytest.raises(DataError, match="The pos in row 1 of the table of variants is ''"):
        list(read_variants(frame.assign(pos=[1, None]).convert_dtypes()))


def test_a_frame_with_a_column_twice_is_refused() -> None:
    frame = pd.DataFrame({"chrom": ["1"], "pos": [1], "ref": ["A"], "alt": ["C"]})
    with pytest.raises(DataError, match="The table of variants has the column 'chrom' more than once"):
        list(read_variants(pd.concat([frame, frame], axis=1)))


TRANSCRIPT = "gene\trel_pos\tref_tx\talt_tx\nNA\t3\tA\tC\n007\t4\tAT\t\n"


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.tsv.bgz", "packed.tsv"])
def test_a_transcript_table_keeps_its_words(tmp_path: Path, name: str) -> None:
    text = TRANSCRIPT.encode()
    frame = transcript_table(write(tmp_path / name, text if name == "t.tsv" else gzip.compress(text)))
    assert frame is not None
    assert frame["gene"].tolist() == ["NA", "007"]
    assert frame["rel_pos"].tolist() == [3, 4]
    assert frame["rel_pos"].dtype == "int64"
    assert frame["alt_tx"].tolist() == ["C", None]


def test_a_transcript_table_may_lack_a_position(tmp_path: Path) -> None:
    frame = transcript_table(write(tmp_path / "t.tsv", TRANSCRIPT + "G\t\tA\tC\n"))
    assert frame is not None
    assert frame["rel_pos"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("G\tx\tA\tC\n", "The rel_pos in line 4 of '.*t.tsv' is 'x'; it must be a whole number"),
        ("G\t1\tA\n", "Line 4 of .* has 3 cells, fewer"),
        ("G\t1\tA\tC\tD\n", "Line 4 of .* has 5 cells, more"),
    ],
)
def test_a_faulty_transcript_table_is_named_with_its_line(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        transcript_table(write(tmp_path / "t.tsv", TRANSCRIPT + rows))


def test_a_transcript_table_cut_short_is_refused(tmp_path: Path) -> None:
    text = TRANSCRIPT + "".join(f"G{i * 7919 % 10007}\t{i}\tA\tC\n" for i in range(20000))
    whole = gzip.compress(text.encode())
    with pytest.raises(DataError, match="is cut short or damaged"):
        transcript_table(write(tmp_path / "t.tsv.gz", whole[: len(whole) // 2]))
    with pytest.raises(DataError, match="is not text"):
        transcript_table(write(tmp_path / "u.tsv", TRANSCRIPT.encode() + b"\xff\t1\tA\tC\n"))
    with pytest.raises(DataError, match="two columns of one name"):
        transcript_table(write(tmp_path / "v.tsv", "gene\trel_pos\tref_tx\talt_tx\tgene\n"))


def test_a_table_with_both_kinds_of_columns_is_one_on_the_genome(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", "chrom\tpos\tref\talt\tgene\trel_pos\tref_tx\talt_tx\n1\t5\tA\tC\tG\t7\tT\tG\n")
    assert transcript_table(path) is None
    assert brief(path) == [("1", 5, "A", "C")]


def test_the_home_folder_is_written_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "a.tsv", NAMES + "1\t5\tA\tC\n")
    assert brief("~/a.tsv") == [("1", 5, "A", "C")]
    assert files_of("~/a.tsv") == (str(tmp_path / "a.tsv"),)


@given(items=st.lists(st.integers()), size=st.integers(1, 7))
def test_chunks_hold_all_items_in_order(items: list[int], size: int) -> None:
    chunks = list(in_chunks(iter(items), size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunks)


SPELLINGS = {
    "chrom": "chrom chr chromosome contig seqname #CHROM",
    "pos": "pos position bp",
    "ref": "ref reference ref_allele reference_allele",
    "alt": "alt alternate alternative alt_allele alternate_allele",
    "gene": "gene gene_name gene_symbol",
    "id": "id variant_id rsid snp",
}


@pytest.mark.parametrize(("column", "spelling"), [(c, s) for c, words in SPELLINGS.items() for s in words.split()])
def test_every_spelling_in_any_case(column: str, spelling: str) -> None:
    row = {"chrom": "1", "pos": 5, "ref": "A", "alt": "C", "gene": "SPI1", "id": "rs1"}
    for name in (spelling, spelling.upper(), spelling.title(), spelling.replace("_", " ")):
        frame = pd.DataFrame([row]).rename(columns={column: name})
        (found,) = read_variants(frame)
        assert (found.chrom, found.pos, found.ref, found.alt, found.gene, found.id) == tuple(row.values())
