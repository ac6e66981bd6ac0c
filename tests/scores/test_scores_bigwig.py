"""BigWig: both strands, edges, N, bases without a value, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decima_core import ConfigError, DataError, PluginError, Registry, open_scores
from decima_core.sequence import encode, one_hot, reverse_complement

pyBigWig = pytest.importorskip("pyBigWig", reason="BigWig needs pyBigWig: pip install 'decima-core[scores]'")

SIZE = 300


@pytest.fixture
def genome() -> str:
    """300 bases with an N at 120, in genome.fa as chr1."""
    letters = list(np.random.default_rng(8).choice(list("ACGT"), SIZE))
    letters[120] = "N"
    Path("genome.fa").write_text(">chr1\n" + "".join(letters) + "\n")
    return "".join(letters)


def track_of(seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=SIZE).astype(np.float32)


def write(track: np.ndarray, path: str = "scores.bw", chrom: str = "chr1", size: int = SIZE) -> str:
    """One value a base; NaN is left out."""
    file = pyBigWig.open(path, "w")
    file.addHeader([(chrom, size)])
    at = np.flatnonzero(~np.isnan(track))
    if at.size:
        file.addEntries([chrom] * at.size, at, ends=at + 1, values=track[at].astype(float))
    file.close()
    return path


def regions(*rows: tuple[int, int, str]) -> dict[str, str]:
    text = "".join(f"chr1\t{start}\t{end}\tw{i}\t0\t{strand}\n" for i, (start, end, strand) in enumerate(rows))
    Path("regions.bed").write_text(text)
    return {"sequences": "genome.fa", "regions": "regions.bed"}


def test_a_minus_strand_window_is_turned(genome):
    track = track_of()
    with open_scores(write(track), **regions((50, 150, "+"), (50, 150, "-"), (50, 150, "."))) as scores:
        plus, minus, none = (scores.read(name) for name in scores.names)
        assert [Path(f).name for f in scores.files] == ["scores.bw", "genome.fa", "regions.bed"]
        assert scores.told() == "The scores lie on the bases of the sequences alone: projected."
    codes = encode(genome[50:150])
    np.testing.assert_array_equal(plus[0].codes, codes)
    np.testing.assert_array_equal(minus[0].codes, reverse_complement(codes))
    expected = one_hot(codes) * track[50:150]
    np.testing.assert_array_equal(plus[1].values, expected)
    # A, C, G, T reversed is T, G, C, A: the reverse complement of an array turns both axes.
    np.testing.assert_array_equal(minus[1].values, expected[::-1, ::-1])
    np.testing.assert_array_equal(none[1].values, expected)
    assert plus[1].track()[70] == 0  # the N
    assert (minus[0].locus.strand, none[0].locus.strand) == ("-", "+")
    assert not minus[0].mask.any()
    assert minus[0].tss is None


@pytest.mark.parametrize("strand", ["+", "-"])
def test_beyond_the_ends_of_a_contig_there_is_no_sequence_and_no_score(genome, strand):
    track = track_of()
    Path("regions.bed").write_text(
        f"chr1\t2\t8\ta\t0\t{strand}\t0\t0\t0\t3\nchr1\t290\t299\tb\t0\t{strand}\t0\t0\t0\t5\n"
    )
    with open_scores(write(track), sequences="genome.fa", regions="regions.bed", seq_len=40) as scores:
        left, right = (scores.read(name) for name in scores.names)
    turn = slice(None) if strand == "+" else slice(None, None, -1)
    assert (left[0].locus.start, left[0].locus.end) == (-15, 25)
    expected = np.r_[np.zeros(15, np.float32), track[:25]][turn]
    np.testing.assert_array_equal(left[1].track(), expected)
    assert (left[0].codes[turn][:15] == 4).all()
    np.testing.assert_array_equal(right[1].track(), np.r_[track[275:], np.zeros(15, np.float32)][turn])


def test_windows_of_a_gene_table(genome):
    track = track_of()
    table = pd.DataFrame([("G", "chr1", 100, 140, "-")], columns=["gene", "chrom", "start", "end", "strand"])
    source = Registry.discover().create("source", "fasta", path="genome.fa", genes=table, seq_len=80, upstream=30)
    with open_scores(write(track), source=source) as scores:
        record, attribution = scores.read("G")
        assert (record.tss, attribution.tss, record.mask_bounds) == (30, 30, (30, 70))
        np.testing.assert_array_equal(attribution.track()[::-1], track[90:170] * (np.arange(90, 170) != 120))


def test_bases_without_a_value(genome):
    track = track_of()
    track[60:70] = np.nan
    write(track)
    given = regions((50, 150, "-"), (200, 300, "+"))
    with open_scores("scores.bw", **given) as scores:
        np.testing.assert_array_equal(scores.read("w0")[1].track()[80:90], np.zeros(10))
    with open_scores("scores.bw", **given, uncovered="refuse") as scores:
        scores.read("w1")
        with pytest.raises(DataError, match=r"no value for 10 of the 100 bases of 'w0', first at chr1:60"):
            scores.read("w0")


def test_contigs_in_another_spelling(genome):
    track = track_of()
    with open_scores(write(track, chrom="1"), **regions((200, 240, "+"))) as scores:
        np.testing.assert_array_equal(scores.read("w0")[1].track(), track[200:240])


def test_a_bigwig_of_another_genome(genome, caplog):
    given = regions((200, 240, "+"))
    with pytest.raises(DataError, match=r"Contig 'chr1' has 400 bases in the BigWig .* and 300 in the genome"):
        open_scores(write(track_of(), size=400), **given)
    with open_scores(write(track_of()[:280], size=280), **given) as scores:
        np.testing.assert_array_equal(scores.read("w0")[1].track(), track_of()[200:240])
    assert "has fewer bases than the genome in chr1" in caplog.text
    with pytest.raises(DataError, match=r"has none of the contigs that the sequences have \(chr1\); it has chr2"):
        open_scores(write(track_of(), chrom="chr2"), **given)


def test_what_a_bigwig_needs(genome):
    write(track_of())
    with pytest.raises(ConfigError, match=r"holds no windows; give --sequences genome.fa and --regions regions.bed"):
        open_scores("scores.bw", sequences="genome.fa")
    with pytest.raises(DataError, match=r"40 bases in line 1 and 41 in line 2; .* give their length with --seq-len"):
        open_scores("scores.bw", **regions((0, 40, "+"), (0, 41, "+")))
    regions((10, 50, "+"))
    with pytest.raises(DataError, match=r"The genome '.*gone.fa' does not exist"):
        open_scores("scores.bw", sequences="gone.fa", regions="regions.bed")


def test_regions_beyond_the_genome(genome, caplog):
    write(track_of())
    Path("regions.bed").write_text("chr1\t10\t50\ta\nchr9\t10\t50\tb\n")
    with open_scores("scores.bw", sequences="genome.fa", regions="regions.bed") as scores:
        assert list(scores.names) == ["a"]
    assert "b (chr9)" in caplog.text
    with pytest.raises(DataError, match="chr1"):
        open_scores("scores.bw", **regions((310, 350, "+")))


@pytest.mark.parametrize("damage", ["half", "end", "inside", "text", "empty", "bigbed"])
def test_a_damaged_file(genome, damage, capfd):
    write(track_of())
    whole = Path("scores.bw").read_bytes()
    with pyBigWig.open("scores.bw") as file:
        assert file.header()["nBasesCovered"] == SIZE
    Path("scores.bw").write_bytes(
        {
            "half": whole[: len(whole) // 2],
            "end": whole[:-3],
            "inside": whole[:400] + bytes(b ^ 0xFF for b in whole[400:700]) + whole[700:],
            "text": b"chrom start end\n",
            "empty": b"",
            "bigbed": b"\xeb\xf2\x89\x87" + whole[4:],
        }[damage]
    )
    with pytest.raises(DataError, match=r"scores.bw"), open_scores("scores.bw", **regions((0, 300, "+"))) as scores:
        scores.read("w0")
    assert capfd.readouterr().err == ""


def test_without_the_library(genome, monkeypatch):
    import sys

    write(track_of())
    monkeypatch.setitem(sys.modules, "pyBigWig", None)
    with pytest.raises(
        PluginError, match=r"needs pyBigWig, which is not installed; pip install 'decima-core\[scores\]'"
    ):
        open_scores("scores.bw", **regions((0, 40, "+")))
