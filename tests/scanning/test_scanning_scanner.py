"""The scanner as a whole: what it finds, how rows are ordered and scored, and what holds under reverse complement."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core.errors import MotifError
from decima_core.records import Attribution, GeneRecord, MotifHits, Peaks
from decima_core.sequence import decode, encode, reverse_complement
from decima_jaspar import JasparOptions, create


def rows(hits: MotifHits) -> list[tuple[str, int, int, str]]:
    return list(zip(hits.motif_id, hits.start.tolist(), hits.end.tolist(), hits.strand.tolist(), strict=True))


@pytest.fixture(scope="module")
def jaspar() -> Any:
    return create(JasparOptions(region="peaks", names=("MA0139.2", "GATA1::TAL1", "MA0002", "TP53", "SPI1")))


# --- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize("index", range(5))
def test_a_planted_jaspar_motif_is_found_where_it_lies(
    scan: Callable[..., MotifHits], jaspar: Any, index: int, strand: str
) -> None:
    motif = jaspar.motifs[index]
    codes = np.random.default_rng(index).integers(0, 4, 600).astype(np.int8)
    best = motif.ppm.argmax(0).astype(np.int8)
    codes[300 : 300 + motif.width] = best if strand == "+" else reverse_complement(best)
    hits = scan(codes, [300 + motif.width // 2], scanner=jaspar)
    assert hits.motif_id[0] == motif.id
    assert hits.motif_name[0] == motif.name
    best_site = (motif.id, 300, 300 + motif.width, strand)
    assert best_site in rows(hits)
    at = rows(hits).index(best_site)
    log_odds = np.log2((motif.ppm + 1e-4) / (motif.ppm + 1e-4).sum(0) / 0.25)
    assert hits.score[at] == pytest.approx(log_odds.max(0).sum())
    assert hits.p_value[at] <= 1e-4
    assert hits.peak[at] == 0


def test_both_strands_is_an_option(scan: Callable[..., MotifHits], consensus: Any) -> None:
    motifs = {"m": consensus("ACCGTG")}
    sequence = "T" * 20 + "CACGGT" + "T" * 20
    assert rows(scan(sequence, [22], motifs=motifs, p_threshold=1e-3)) == [("m", 20, 26, "-")]
    assert len(scan(sequence, [22], motifs=motifs, p_threshold=1e-3, both_strands=False)) == 0


def test_hits_are_positions_in_the_gene_window(scan: Callable[..., MotifHits], consensus: Any) -> None:
    """Earlier functions gave positions in the little window around the peak."""
    word = "ACGTTGCATG"
    sequence = "T" * 500 + word + "T" * 500
    hits = scan(sequence, [503], motifs={"m": consensus(word)}, both_strands=False)
    assert hits.start.tolist() == [500]
    assert sequence[hits.start[0] : hits.end[0]] == word


def test_a_site_that_overlaps_n_is_no_hit(scan: Callable[..., MotifHits], consensus: Any) -> None:
    motifs = {"m": consensus("ACGTTG")}
    sequence = "T" * 10 + "ACGTTG" + "NN" + "ACGTTG" + "ACGNTG" + "T" * 10
    hits = scan(sequence, [20], motifs=motifs, window=40, p_threshold=1e-3, both_strands=False)
    assert hits.start.tolist() == [10, 18]
    assert len(scan("N" * 60, [30], motifs=motifs, p_threshold=1.0)) == 0


def test_p_values_are_calibrated_on_random_sequence(scan: Callable[..., MotifHits]) -> None:
    """Of random sites, as many are hits as the exact null says (counted over motifs of several widths)."""
    rng = np.random.default_rng(11)
    motifs = {str(w): rng.dirichlet([0.4] * 4, size=w).T for w in (7, 9, 12, 15, 20)}
    background = (0.3, 0.2, 0.2, 0.3)
    codes = rng.choice(4, size=300_000, p=background)
    options = {"motifs": motifs, "region": "window", "background": background}
    hits = scan(codes, **options, p_threshold=1e-3)
    tests = sum(2 * (300_000 - w + 1) for w in (7, 9, 12, 15, 20))
    for threshold in (1e-3, 3e-4, 1e-4):
        share = (hits.p_value <= threshold).sum() / tests
        assert 0.8 * threshold < share < 1.1 * threshold


def test_chance_hits_do_not_pass_as_significant(scan: Callable[..., MotifHits], jaspar: Any) -> None:
    """Earlier functions took p < 1e-3 without correction: random windows were full of hits."""
    codes = np.random.default_rng(12).integers(0, 4, 20_000)
    hits = scan(codes, range(100, 19_900, 100), motifs="JASPAR2026", p_threshold=1e-3, window=18)
    assert len(hits) > 1000
    assert (hits.q_value < 0.05).sum() == 0


# --- rows -------------------------------------------------------------------------------------------------------------


def test_no_peak_gives_an_empty_table(scan: Callable[..., MotifHits], consensus: Any) -> None:
    hits = scan("ACGT" * 20, [], motifs={"m": consensus("ACGT")}, p_threshold=1.0)
    assert len(hits) == 0
    assert hits.length == 80


def test_no_hit_gives_an_empty_table(scan: Callable[..., MotifHits], consensus: Any) -> None:
    for region in ("peaks", "window"):
        assert len(scan("T" * 80, [40], motifs={"m": consensus("ACGACGA")}, region=region)) == 0


def test_a_motif_too_short_for_the_threshold_gives_no_hit(scan: Callable[..., MotifHits], consensus: Any) -> None:
    motifs = {"m": consensus("ACGT"), "long": consensus("ACGTACGTA")}
    assert "m" not in scan("ACGT" * 20, [40], motifs=motifs, p_threshold=1e-3).motif_id


def test_short_motifs_that_somebody_chose_are_told(scan: Callable[..., MotifHits], consensus: Any, caplog: Any) -> None:
    motifs = {"m": consensus("ACGT"), "long": consensus("ACGTACGTA")}
    create(JasparOptions(motifs=motifs, p_threshold=1e-3))
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "No site of m can reach p <= 0.001" in caplog.text
    with pytest.raises(MotifError, match=r"No site of m can reach p <= 0\.001.*raise the option 'p_threshold'"):
        create(JasparOptions(motifs={"m": consensus("ACGT")}, p_threshold=1e-3))


def test_a_site_under_two_peaks_is_listed_for_both(scan: Callable[..., MotifHits], consensus: Any) -> None:
    word = "ACGTTGCATG"
    sequence = "T" * 50 + word + "T" * 50
    options = {"motifs": {"m": consensus(word)}, "both_strands": False}
    both = scan(sequence, [54, 58], **options)
    assert both.peak.tolist() == [0, 1]
    assert both.start.tolist() == [50, 50]
    assert both.q_value[0] == both.q_value[1]
    # 36 bases around 54 and around 58: 40 bases, 31 places for 10 bases.
    assert both.q_value[0] == pytest.approx(both.p_value[0] * 31)


def test_the_whole_window_lists_each_site_once(scan: Callable[..., MotifHits], consensus: Any) -> None:
    word = "ACGTTGCATG"
    sequence = word + "T" * 30 + word + "T" * 30 + word
    options = {"motifs": {"m": consensus(word)}, "both_strands": False, "region": "window"}
    hits = scan(sequence, [82, 43, 44, 70], **options)
    assert hits.start.tolist() == [80, 40, 0]
    assert hits.peak.tolist() == [0, 2, -1] or hits.peak.tolist() == [0, 1, -1]
    assert scan(sequence, [], **options).peak.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("region", ["summits", "peaks", "window"])
def test_rows_are_in_the_stated_order(scan: Callable[..., MotifHits], region: str) -> None:
    rng = np.random.default_rng(7)
    motifs = {name: rng.dirichlet([0.5] * 4, size=w).T for name, w in (("b", 6), ("a", 6), ("c", 11))}
    motifs["aa"] = motifs["b"]
    hits = scan(rng.integers(0, 4, 400), [100, 90, 300], motifs=motifs, region=region, p_threshold=0.5)
    keys = [
        (p if p >= 0 else 10**9, pv, -s, st_, m, t)
        for p, pv, s, st_, m, t in zip(
            hits.peak.tolist(),
            hits.p_value.tolist(),
            hits.score.tolist(),
            hits.start.tolist(),
            hits.motif_id.tolist(),
            hits.strand.tolist(),
            strict=True,
        )
    ]
    assert len(keys) > 50
    assert keys == sorted(keys)  # '+' sorts before '-'


def test_the_same_scan_gives_the_same_rows_also_after_pickling(scan: Callable[..., MotifHits], jaspar: Any) -> None:
    codes = np.random.default_rng(8).integers(0, 4, 5000)
    options = {"summits": range(50, 5000, 50), "scanner": jaspar}
    first = scan(codes, **options)
    copy = pickle.loads(pickle.dumps(jaspar))
    assert [m.id for m in copy.motifs] == [m.id for m in jaspar.motifs]
    for again in (scan(codes, **options), scan(codes, **{**options, "scanner": copy})):
        assert rows(again) == rows(first)
        np.testing.assert_array_equal(again.q_value, first.q_value)


# --- attribution scores -----------------------------------------------------------------------------------------------


def test_attribution_scores_follow_their_definitions(scan: Callable[..., MotifHits]) -> None:
    rng = np.random.default_rng(4)
    motifs = {str(w): rng.dirichlet([0.5] * 4, size=w).T for w in (5, 8, 8 + 1, 21)}
    codes = rng.integers(0, 4, 500)
    values = rng.normal(size=(4, 500)).astype(np.float32)
    hits = scan(codes, [250], values=values, motifs=motifs, window=300, p_threshold=0.05)
    assert len(hits) > 20
    assert set(hits.strand) == {"+", "-"}
    for i in range(len(hits)):
        ppm = motifs[hits.motif_id[i]]
        if hits.strand[i] == "-":
            ppm = ppm[::-1, ::-1]
        at_site = values[:, hits.start[i] : hits.end[i]].astype(np.float64)
        assert hits.site_attr_score[i] == pytest.approx(at_site.sum(0).mean(), abs=1e-9)
        assert hits.motif_attr_score[i] == pytest.approx((at_site * ppm).sum(0).mean(), abs=1e-9)


def test_one_per_base_scores_one(scan: Callable[..., MotifHits], consensus: Any) -> None:
    """Earlier functions averaged over 4 x width cells, so that 1 per base scored 0.25."""
    sequence = "T" * 20 + "ACGTTGCA" + "T" * 20
    codes = encode(sequence)
    values = np.zeros((4, len(codes)), np.float32)
    values[codes, np.arange(len(codes))] = 1
    hits = scan(sequence, [23], values=values, motifs={"m": consensus("ACGTTGCA")}, both_strands=False)
    assert hits.site_attr_score.tolist() == [1.0]
    assert hits.motif_attr_score.tolist() == [1.0]


# --- reverse complement -----------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 2**32 - 1),
    region=st.sampled_from(["summits", "peaks", "window"]),
    fdr_over=st.sampled_from(["all", "motif"]),
    uniform=st.booleans(),
    window=st.integers(1, 60),
)
@settings(max_examples=40, deadline=None)
def test_the_reverse_complement_gives_mirrored_hits(
    scan: Callable[..., MotifHits], seed: int, region: str, fdr_over: str, uniform: bool, window: int
) -> None:
    """Flip sequence, attribution, summits and background: every hit is mirrored, with all its scores."""
    rng = np.random.default_rng(seed)
    length = 300
    codes = rng.integers(0, 5, length).astype(np.int8) if uniform else rng.integers(0, 4, length).astype(np.int8)
    values = rng.normal(size=(4, length)).astype(np.float32)
    background = (0.25,) * 4 if uniform else tuple(rng.dirichlet([5] * 4))
    # One that can reach the threshold for certain: a set in which none can is refused.
    widths = [*rng.integers(1, 30, 4).tolist(), 15]
    motifs = {str(w): rng.dirichlet([0.4] * 4, size=w).T for w in widths}
    window = 2 * window + 1  # an odd window is symmetric about its summit; so is an odd motif's
    summits = rng.integers(0, length, 5)
    if region == "peaks":
        motifs = {k: m for k, m in motifs.items() if m.shape[1] % 2 or m.shape[1] <= window}
    options = {"motifs": motifs, "region": region, "fdr_over": fdr_over, "window": window, "p_threshold": 0.02}
    there = scan(codes, summits, values=values, background=background, **options)
    flipped = reverse_complement(codes)
    values_back = np.ascontiguousarray(values[::-1, ::-1])
    back = scan(flipped, length - 1 - summits, values=values_back, background=background[::-1], **options)
    other = {"+": "-", "-": "+"}

    def table(hits: MotifHits, mirror: bool) -> dict[Any, np.ndarray]:
        found = {}
        for i in range(len(hits)):
            start, strand = int(hits.start[i]), str(hits.strand[i])
            if mirror:
                start, strand = length - int(hits.end[i]), other[strand]
            columns = (hits.score, hits.p_value, hits.q_value, hits.site_attr_score, hits.motif_attr_score)
            peak = int(hits.peak[i]) if region != "window" else int(hits.peak[i]) >= 0
            found[hits.motif_id[i], start, strand, peak] = np.array([c[i] for c in columns])
        return found

    expected, got = table(there, mirror=False), table(back, mirror=True)
    assert expected.keys() == got.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, rtol=1e-6, atol=1e-6)


def test_a_gene_and_its_reverse_complement_read_the_same_words(scan: Callable[..., MotifHits], jaspar: Any) -> None:
    codes = np.random.default_rng(21).integers(0, 4, 3000).astype(np.int8)
    words = []
    for sequence in (codes, reverse_complement(codes)):
        hits = scan(sequence, range(0, 3000, 20), scanner=jaspar)
        found = set()
        for motif, start, end, strand in rows(hits):
            site = sequence[start:end]
            found.add((motif, decode(site if strand == "+" else reverse_complement(site))))
        words.append(found)
    assert words[0]
    # Windows of 36 bases are one base longer on the left of a summit, so a few sites at their ends differ.
    assert len(words[0] ^ words[1]) <= 0.2 * len(words[0])


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("summits", [[], [10]])
def test_a_motif_wider_than_the_gene_window_is_named(
    scan: Callable[..., MotifHits], consensus: Any, summits: list[int]
) -> None:
    with pytest.raises(MotifError, match=r"Motif 'long one' is 30 bases wide, more than the window of gene 'g' \(20"):
        scan("ACGT" * 5, summits, motifs={"short": consensus("ACG"), "long one": consensus("ACGTA" * 6)})


def test_lengths_must_agree(consensus: Any) -> None:
    scanner = create(JasparOptions(motifs={"m": consensus("ACG")}, p_threshold=0.1))
    record = GeneRecord(gene="BRCA1", codes=[0] * 10, mask=[0] * 10, tss=0)
    attribution = Attribution(gene="BRCA1", values=np.zeros((4, 11)))
    with pytest.raises(MotifError, match="'BRCA1' has 10 bases, its attribution 11"):
        scanner.scan(record, attribution, Peaks.empty(10))


def test_inputs_are_left_as_they_are(scan: Callable[..., MotifHits], consensus: Any) -> None:
    codes = np.random.default_rng(0).integers(0, 5, 200).astype(np.int8)
    values = np.random.default_rng(1).normal(size=(4, 200)).astype(np.float32)
    ppm = consensus("ACG")
    before = codes.copy(), values.copy(), ppm.copy()
    scan(codes, [50, 60], values=values, motifs={"m": ppm}, p_threshold=0.1)
    for array, copy in zip((codes, values, ppm), before, strict=True):
        np.testing.assert_array_equal(array, copy)
        assert array.flags.writeable
