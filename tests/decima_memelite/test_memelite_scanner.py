"""The scanner against memelite itself: what it takes over, and the two things that it sets right."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import word_ppm

from decima_core import MotifError, MotifHits
from decima_core.sequence import encode, one_hot
from decima_core.testing import parametrize_with_checks

memelite = pytest.importorskip("memelite", reason="the package memelite is not installed")

Key = tuple[str, int, int, str]
# 0.25 * 2 ** 1.54: the best base of a column scores 1.54 bits, which memelite rounds to 15 bins of 0.1.
ROUNDED_DOWN = 0.25 * 2**1.54


def keys(hits: MotifHits) -> list[Key]:
    return list(zip(hits.motif_id, hits.start.tolist(), hits.end.tolist(), hits.strand.tolist(), strict=True))


def raw(motifs: dict[str, np.ndarray], codes: np.ndarray, **options: Any) -> dict[Key, tuple[float, float]]:
    """Score and p-value of each site as memelite itself gives them, its pseudocount (``eps``) included."""
    settings = {"eps": 1e-4, "threshold": 1e-4, **options}
    motifs = {k: (m + settings["eps"]) / (m + settings["eps"]).sum(axis=0) for k, m in motifs.items()}
    names = list(motifs)
    found: dict[Key, tuple[float, float]] = {}
    for table in memelite.fimo(motifs, one_hot(codes)[None], **{**settings, "eps": 0.0}):
        for row in table.itertuples(index=False):
            found[names[row.motif_idx], row.start, row.end, row.strand] = (row.score, row[-1])
    return found


def random_motifs(rng: np.random.Generator, widths: list[int], sharpness: float = 0.4) -> dict[str, np.ndarray]:
    return {f"M{i}": rng.dirichlet([sharpness] * 4, size=w).T for i, w in enumerate(widths)}


@pytest.mark.parametrize("both_strands", [True, False])
@pytest.mark.parametrize(("p_threshold", "bin_size"), [(1e-3, 0.1), (1e-2, 0.1), (1e-2, 0.03)])
def test_places_scores_and_p_values_are_those_of_memelite(
    make: Callable[..., Any], scan: Callable[..., MotifHits], both_strands: bool, p_threshold: float, bin_size: float
) -> None:
    rng = np.random.default_rng(5)
    motifs = random_motifs(rng, [5, 8, 8, 11, 19])
    codes = rng.integers(0, 4, 30_000, dtype=np.int8)
    options = {"bin_size": bin_size, "p_threshold": p_threshold}
    scanner = make("memelite", motifs=motifs, both_strands=both_strands, **options)
    hits = scan(scanner, codes)
    expected = raw(motifs, codes, bin_size=bin_size, threshold=p_threshold, reverse_complement=both_strands)
    assert len(hits) > 100
    assert set(hits.strand) == ({"+", "-"} if both_strands else {"+"})
    got = keys(hits)
    assert len(set(got)) == len(got)
    assert set(got) <= expected.keys()
    scores, p_values = np.array([expected[key] for key in got]).T
    np.testing.assert_allclose(hits.score, scores, atol=1e-9)
    nonzero = p_values > 0
    np.testing.assert_allclose(hits.p_value[nonzero], p_values[nonzero], rtol=1e-9)
    # Beside these memelite lists only sites of motifs that cannot reach the threshold, with a p-value of 0.
    hopeless = {scanner.motifs[s.motif].id for s in scanner.strands.strands if s.threshold < 0}
    beside = {key: p for key, (_, p) in expected.items() if key not in set(got)}
    assert {key[0] for key in beside} <= hopeless
    assert set(beside.values()) <= {0.0}


def test_a_site_above_the_largest_rounded_sum_has_the_p_value_of_the_best_site(
    make: Callable[..., Any], scan: Callable[..., MotifHits]
) -> None:
    motifs = {"M": word_ppm("GATAAGCC", ROUNDED_DOWN)}
    sequence = "T" * 20 + "GATAAGCC" + "T" * 20
    ((key, (_, p)),) = raw(motifs, encode(sequence), eps=1e-9).items()
    assert p == 0
    hits = scan(make("memelite", motifs=motifs, pseudocount=1e-9), sequence)
    assert keys(hits) == [key]
    assert hits.p_value[0] == pytest.approx(4.0**-8, rel=1e-12)
    assert hits.score[0] == pytest.approx(8 * 1.54)


def test_a_p_value_of_zero_that_hides_one_above_the_threshold_is_no_hit(
    make: Callable[..., Any], scan: Callable[..., MotifHits]
) -> None:
    """memelite reports the perfect site of six bases at p <= 1e-4, as 0; one word in 4,096 cannot be that rare."""
    motifs = {"short": word_ppm("GATAAG", ROUNDED_DOWN), "long": word_ppm("GATAAGCC", ROUNDED_DOWN)}
    sequence = "T" * 20 + "GATAAGCC" + "T" * 20
    listed = raw(motifs, encode(sequence), eps=1e-9)
    assert {key[0]: p for key, (_, p) in listed.items()} == {"short": 0, "long": 0}
    hits = scan(make("memelite", motifs=motifs, pseudocount=1e-9), sequence)
    assert hits.motif_id.tolist() == ["long"]
    loose = scan(make("memelite", motifs=motifs, pseudocount=1e-9, p_threshold=4.0**-6), sequence)
    assert dict(zip(loose.motif_id, loose.p_value, strict=True))["short"] == pytest.approx(4.0**-6)


def test_a_set_in_which_no_motif_can_be_a_hit_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(MotifError, match=r"No site of short can reach p <= 0\.0001.*raise the option 'p_threshold'"):
        make("memelite", motifs={"short": word_ppm("GATAAG", ROUNDED_DOWN)})


def test_a_site_over_an_n_is_no_hit(make: Callable[..., Any], scan: Callable[..., MotifHits]) -> None:
    word = "GATAAGCCATTGCA"
    motifs = {"M": word_ppm(word)}
    sequence = "T" * 20 + word[:6] + "N" + word[7:] + "T" * 20 + word
    assert (("M", 20, 34, "+")) in raw(motifs, encode(sequence))
    hits = scan(make("memelite", motifs=motifs), sequence)
    assert keys(hits) == [("M", 54, 68, "+")]
    assert len(scan(make("memelite", motifs=motifs), "N" * 60)) == 0


def test_a_p_value_equal_to_the_threshold_is_a_hit(make: Callable[..., Any], scan: Callable[..., MotifHits]) -> None:
    motifs = {"M": word_ppm("GATAAGC", 1.0)}
    sequence = "T" * 20 + "GATAAGC" + "T" * 20
    assert raw(motifs, encode(sequence), threshold=4.0**-7) == {}
    hits = scan(make("memelite", motifs=motifs, p_threshold=4.0**-7), sequence)
    assert hits.start.tolist() == [20]
    assert hits.p_value.tolist() == [pytest.approx(4.0**-7)]


@given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.lists(st.integers(4, 16), min_size=1, max_size=3),
    p_threshold=st.sampled_from([1e-4, 1e-3, 5e-3]),
    bin_size=st.sampled_from([0.02, 0.1, 0.25]),
)
@settings(max_examples=25, deadline=None)
def test_a_place_is_a_hit_exactly_if_its_p_value_is_at_most_the_threshold(
    make: Callable[..., Any],
    scan: Callable[..., MotifHits],
    window: Callable[..., Any],
    seed: int,
    widths: list[int],
    p_threshold: float,
    bin_size: float,
) -> None:
    """Every place of every motif is scored and compared; memelite's own rounding of the threshold decides exact ties."""
    rng = np.random.default_rng(seed)
    motifs = random_motifs(rng, [*widths, 12], 0.2)
    codes = rng.integers(0, 5, 400, dtype=np.int8)
    codes[100:300] = rng.integers(0, 4, 200)
    for i, motif in enumerate(motifs.values()):
        codes[110 + 20 * i : 110 + 20 * i + motif.shape[1]] = motif.argmax(axis=0)
    scanner = make("memelite", motifs=motifs, p_threshold=p_threshold, bin_size=bin_size)
    places = [(m.id, i, s) for m in scanner.motifs for s in "+-" for i in range(400 - m.width + 1)]
    scored = scanner.score_sites(*window(codes), *zip(*places, strict=True))
    bins = scored.score / bin_size
    tie = np.abs(bins - np.rint(bins)) < 1e-4
    positive = scored.score > 0  # sums below zero are cut off upwards
    is_hit = {(m, s, d) for m, s, _, d in keys(scan(scanner, codes))}
    for i in np.flatnonzero(~tie & positive):
        assert (places[i] in is_hit) == (scored.p_value[i] <= p_threshold), places[i]


def test_scored_places_have_the_numbers_of_the_scan_also_after_pickling(
    make: Callable[..., Any], scan: Callable[..., MotifHits], window: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, 4_000, dtype=np.int8)
    scanner = make("memelite", motifs=random_motifs(rng, [6, 9, 14]), p_threshold=0.01)
    hits = scan(scanner, codes)
    assert len(hits) > 50
    for one in (scanner, pickle.loads(pickle.dumps(scanner))):
        again = one.score_sites(*window(codes), hits.motif_id, hits.start, hits.strand)
        for name in ("start", "end", "score", "p_value", "site_attr_score", "motif_attr_score"):
            np.testing.assert_array_equal(getattr(again, name), getattr(hits, name), err_msg=name)
        np.testing.assert_array_equal(scan(one, codes).q_value, hits.q_value)


def test_a_weak_place_goes_up_to_p_one_and_one_with_an_n_is_one(
    make: Callable[..., Any], window: Callable[..., Any]
) -> None:
    scanner = make("memelite", motifs={"M": word_ppm("GATAAGCC")})
    worst = scanner.score_sites(*window("CCCCCCTT" + "GATNAGCC"), ["M", "M"], [0, 8], ["+", "+"])
    assert worst.p_value.tolist() == [pytest.approx(1.0), 1.0]
    assert worst.score[0] < 0 < worst.score[1]


@pytest.mark.parametrize("summit", [0, 3, 39])
def test_motifs_longer_than_the_stretch_that_is_scanned(
    make: Callable[..., Any], scan: Callable[..., MotifHits], summit: int
) -> None:
    """Near an edge the stretch around a summit is shorter than the widest motif; the narrow one is still found."""
    word = "GATAAGCC"
    motifs = {"narrow": word_ppm(word), "wide": word_ppm("ACGTA" * 6)}
    sequence = word + "T" * 24 + word
    hits = scan(make("memelite", motifs=motifs, region="peaks", window=9), sequence, [summit])
    place = {0: [], 3: [0], 39: []}[summit]
    assert hits.start.tolist() == place


def test_a_motif_wider_than_the_gene_window_is_named(make: Callable[..., Any], scan: Callable[..., MotifHits]) -> None:
    scanner = make("memelite", motifs={"short": word_ppm("GATAAGCC"), "long one": word_ppm("ACGTA" * 6)})
    with pytest.raises(MotifError, match=r"Motif 'long one' is 30 bases wide, more than the window of gene 'g' \(20"):
        scan(scanner, "ACGT" * 5)


@pytest.mark.slow  # every scan makes the tables of all motifs anew
@parametrize_with_checks("motifs", "memelite")
def test_contract(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("motifs", "memelite", options={"names": "CTCF,SPI1", "region": "peaks", "window": "41"})
def test_contract_with_few_motifs(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("motifs", "memelite", options={"region": "window", "tax_group": "nematodes"})
def test_contract_over_the_window(check: Callable[[], None]) -> None:
    check()
