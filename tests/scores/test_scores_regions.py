"""Regions name and place windows: BED of three to six columns, narrowPeak with its summit, and what is wrong with them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from decima_core import ConfigError, DataError, Locus, open_scores
from decima_core.scores.regions import read_regions


def regions(text: str):
    Path("regions.bed").write_text(text)
    return read_regions("regions.bed")


def places(text: str, length: int = 40) -> dict[str, tuple[str, int, int, str]]:
    return {n: (w.chrom, w.start, w.end, w.strand) for n, w in regions(text).windows(length).items()}


def test_bed_of_each_width():
    assert places("chr1\t100\t140\n") == {"chr1:100-140": ("chr1", 100, 140, "+")}
    assert places("chr1\t100\t140\ta\n") == {"a": ("chr1", 100, 140, "+")}
    assert places("chr1\t100\t140\t.\t5\t.\n") == {"chr1:100-140": ("chr1", 100, 140, "+")}
    assert places("chr1 100 140 a 5 -\n") == {"a": ("chr1", 100, 140, "-")}


def test_comments_blank_lines_and_gzip():
    text = "track name=x\n#chrom\tstart\nbrowser position\n\nchr1\t100\t140\ta\r\n"
    assert list(places(text)) == ["a"]
    with gzip.open("regions.bed.gz", "wt") as file:
        file.write(text)
    assert len(read_regions("regions.bed.gz")) == 1


@pytest.mark.parametrize(("length", "start"), [(40, 110), (41, 110), (2, 129), (1, 130)])
def test_a_window_is_centred_on_the_summit(length, start):
    (place,) = places("chr1\t100\t140\ta\t0\t.\t1\t2\t3\t30\n", length).values()
    assert place == ("chr1", start, start + length, "+")
    assert start + length // 2 == 130


def test_without_a_summit_it_is_centred_on_the_middle():
    no_summit = "chr1\t100\t140\ta\t0\t.\t1\t2\t3\t-1\n"
    assert places(no_summit, 20) == places("chr1\t100\t140\ta\n", 20) == {"a": ("chr1", 110, 130, "+")}
    assert places("chr1\t100\t141\ta\n", 41) == {"a": ("chr1", 100, 141, "+")}


def test_names_that_repeat_are_numbered(caplog):
    text = "chr1\t0\t40\ta\nchr1\t9\t49\ta\nchr1\t0\t40\ta_2\nchr1\t1\t41\ta\nchr1\t5\t45\nchr1\t5\t45\n"
    assert list(places(text)) == ["a", "a_3", "a_2", "a_4", "chr1:5-45", "chr1:5-45_2"]
    assert "Names that occur more than once" in caplog.text


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("chr1\t5\n", "Line 1 of the regions '.*' has 2 columns; BED has at least three"),
        ("chr1\t5\tx\n", "has start '5' and end 'x'; both must be whole numbers"),
        ("chr1\t5.0\t9\n", "both must be whole numbers"),
        ("\nchr1\t9\t9\n", "Line 2 .* is no region: 'chr1' from 9 to 9"),
        ("chr1\t-1\t9\n", "is no region"),
        ("chr1\t1\t9\ta\t0\t*\n", r"has strand '\*'; write \+, - or a dot"),
        (
            "chr1\t1\t9\ta\t0\t.\t1\t2\t3\t8\n",
            "has summit '8'; narrowPeak counts it from the start, so it lies in 0 to 7",
        ),
        ("chr1\t1\t9\ta\t0\t.\t1\t2\t3\tx\n", "has summit 'x'"),
        ("chr1\t1\t9\t#a\n", "has the name '#a'"),
        ("# nothing\n", "hold no line"),
        ("chr1\n", "has 1 columns"),
    ],
)
def test_lines_that_are_wrong(text, match):
    with pytest.raises(DataError, match=match):
        regions(text)


def test_bytes_that_are_no_text():
    Path("regions.bed").write_bytes(b"chr1\t5\t9\t\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read as text"):
        read_regions("regions.bed")
    Path("regions.bed").write_bytes(gzip.compress(b"chr1\t5\t9\n")[:-8])
    with pytest.raises(DataError, match="cannot be read as text"):
        read_regions("regions.bed")


def test_the_common_length():
    assert regions("chr1\t0\t40\nchr2\t5\t45\n").common_length() == 40
    with pytest.raises(DataError, match=r"40 bases in line 1 and 41 in line 2; .* --seq-len"):
        regions("chr1\t0\t40\nchr2\t5\t46\n").common_length()


def test_regions_name_and_place_the_windows_of_arrays(windows):
    np.savez("both.npz", one_hot=windows.one_hot, attributions=windows.scores)
    regions("chr1\t100\t140\ta\nchr1\t200\t240\nchr2\t0\t100\tc\t0\t+\n")
    with open_scores("both.npz", regions="regions.bed") as scores:
        assert list(scores.names) == ["a", "chr1:200-240", "c"]
        assert scores.read("c")[0].locus == Locus(chrom="chr2", start=30, end=70, strand="+")
        assert [Path(f).name for f in scores.files] == ["both.npz", "regions.bed"]


def test_there_must_be_one_for_each_window(windows):
    np.savez("both.npz", one_hot=windows.one_hot, attributions=windows.scores)
    regions("chr1\t100\t140\ta\nchr1\t200\t240\n")
    with pytest.raises(DataError, match=r"have 2 lines, but Array 'attributions' of '.*both.npz' holds 3 windows"):
        open_scores("both.npz", regions="regions.bed")


def test_minus_strand_windows_of_arrays_must_be_said_to_be_turned_or_not(windows):
    np.savez("both.npz", one_hot=windows.one_hot, attributions=windows.scores)
    regions("chr1\t100\t140\ta\nchr1\t200\t240\tb\t0\t-\nchr2\t0\t40\tc\n")
    with pytest.raises(ConfigError, match=r"Line 2 .* minus strand; .* -O scores.orientation=region .* forward"):
        open_scores("both.npz", regions="regions.bed")
    for orientation, strand in (("region", "-"), ("forward", "+")):
        with open_scores("both.npz", regions="regions.bed", orientation=orientation) as scores:
            record, _ = scores.read("b")
            assert record.locus == Locus(chrom="chr1", start=200, end=240, strand=strand)
            np.testing.assert_array_equal(record.codes, windows.codes[1])
