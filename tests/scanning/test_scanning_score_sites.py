"""Scoring given places: the same numbers as a scan, and exact p-values up to 1."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import word_ppm, write_meme

from decima_core import Attribution, GeneRecord, MotifError, MotifScanner, Peaks, Registry, SiteScorer, UnknownNameError
from decima_core.sequence import reverse_complement

BACKGROUND = (0.3, 0.2, 0.1, 0.4)


def scanner(tmp_path: Path, motifs: dict[str, np.ndarray], **options: Any) -> Any:
    path = write_meme(tmp_path / "motifs.meme", motifs)
    return Registry.discover().create("motifs", "jaspar", path=str(path), region="window", **options)


def window(seed: int, length: int = 400) -> tuple[GeneRecord, Attribution]:
    random = np.random.default_rng(seed)
    record = GeneRecord(gene="G", codes=random.integers(0, 4, length, dtype=np.int8))
    return record, Attribution(gene="G", values=random.normal(size=(4, length)).astype(np.float32))


def ppm(seed: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.4] * 4, width).T


@pytest.mark.parametrize("background", [(0.25,) * 4, BACKGROUND])
def test_hits_score_what_the_scan_says(tmp_path: Path, background: tuple[float, ...]) -> None:
    motifs = {f"M{w}": ppm(w, w) for w in (5, 8, 8 + 3, 14)}
    found = scanner(tmp_path, motifs, p_threshold=0.01, background=background)
    assert isinstance(found, MotifScanner)
    assert isinstance(found, SiteScorer)
    record, attribution = window(1)
    hits = found.scan(record, attribution, Peaks.empty(len(record)))
    assert len(hits) > 10
    shuffled = np.random.default_rng(0).permutation(len(hits))
    for scanning in (found, pickle.loads(pickle.dumps(found))):
        scored = scanning.score_sites(
            record, attribution, hits.motif_id[shuffled], hits.start[shuffled], hits.strand[shuffled]
        )
        for name in (
            "motif_id",
            "motif_name",
            "start",
            "end",
            "strand",
            "score",
            "p_value",
            "site_attr_score",
            "motif_attr_score",
        ):
            np.testing.assert_array_equal(getattr(scored, name), getattr(hits, name)[shuffled], err_msg=name)
        assert set(scored.peak.tolist()) == {-1}
        assert set(scored.q_value.tolist()) == {1.0}


def test_p_values_of_weak_sites_are_those_of_all_words(tmp_path: Path) -> None:
    width = 4
    matrix = ppm(3, width)
    bin_size = 0.01
    found = scanner(
        tmp_path, {"M": matrix}, p_threshold=0.01, background=BACKGROUND, bin_size=bin_size, pseudocount=0.1
    )
    motif = found.motifs[0].ppm
    padded = (motif + 0.1) / (motif + 0.1).sum(axis=0)
    words = np.array(list(itertools.product(range(4), repeat=width)), dtype=np.int8)
    record = GeneRecord(gene="G", codes=words.ravel())
    attribution = Attribution(gene="G", values=np.zeros((4, len(record)), np.float32))
    starts = list(range(0, len(record), width))
    for strand in "+-":
        # On the minus strand the site is read backwards, against the complemented background.
        read = words if strand == "+" else 3 - words[:, ::-1]
        frequencies = np.array(BACKGROUND if strand == "+" else BACKGROUND[::-1])
        grid = np.rint(np.log2(padded / frequencies[:, None]) / bin_size).astype(int)
        scores = grid[read, np.arange(width)].sum(axis=1)
        chances = frequencies[read].prod(axis=1)
        expected = np.array([chances[scores >= score].sum() for score in scores])
        scored = found.score_sites(record, attribution, ["M"] * len(starts), starts, [strand] * len(starts))
        np.testing.assert_allclose(scored.p_value, expected, rtol=1e-12)
        assert scored.p_value.max() == 1


def test_the_other_strand_is_the_mirror_image(tmp_path: Path) -> None:
    found = scanner(tmp_path, {"M": ppm(5, 9)}, p_threshold=0.001)
    record, attribution = window(2, 60)
    mirrored = GeneRecord(gene="G", codes=reverse_complement(record.codes))
    turned = Attribution(gene="G", values=attribution.values[::-1, ::-1].copy())
    starts = list(range(0, 51, 5))
    here = found.score_sites(record, attribution, ["M"] * len(starts), starts, ["+"] * len(starts))
    there = found.score_sites(mirrored, turned, ["M"] * len(starts), [60 - 9 - s for s in starts], ["-"] * len(starts))
    for name in ("score", "p_value", "site_attr_score", "motif_attr_score"):
        np.testing.assert_allclose(getattr(here, name), getattr(there, name), rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_site_with_an_n_has_p_value_one_and_the_score_of_its_other_bases(tmp_path: Path) -> None:
    found = scanner(tmp_path, {"M": word_ppm("GATAAG")}, p_threshold=0.001)
    codes = np.array([2, 0, 4, 0, 0, 2], dtype=np.int8)
    attribution = Attribution(gene="G", values=np.ones((4, 6), np.float32))
    whole = found.score_sites(
        GeneRecord(gene="G", codes=np.array([2, 0, 3, 0, 0, 2], dtype=np.int8)), attribution, ["M"], [0], ["+"]
    )
    broken = found.score_sites(GeneRecord(gene="G", codes=codes), attribution, ["M"], [0], ["+"])
    assert broken.p_value.tolist() == [1.0]
    assert broken.score[0] == pytest.approx(whole.score[0] * 5 / 6)


def test_nothing_asked_nothing_told(tmp_path: Path) -> None:
    found = scanner(tmp_path, {"M": word_ppm("GATAAG")}, p_threshold=0.001)
    assert len(found.score_sites(*window(0), [], [], [])) == 0


@pytest.mark.parametrize(
    ("motif", "start", "strand", "error", "words"),
    [
        ("N", 0, "+", UnknownNameError, "no motif 'N'"),
        ("M", 395, "+", MotifError, r"motif 'M' at \[395, 401\) leaves the window of gene 'G' \(400 bases\)"),
        ("M", -1, "+", MotifError, "leaves the window"),
        ("M", 0, "-", MotifError, "not scanned on strand '-'; see the option 'both_strands'"),
        ("M", 0, ".", MotifError, "not scanned on strand '.'"),
    ],
)
def test_places_that_cannot_be_scored_are_named(
    tmp_path: Path, motif: str, start: int, strand: str, error: type[Exception], words: str
) -> None:
    found = scanner(tmp_path, {"M": word_ppm("GATAAG")}, p_threshold=0.001, both_strands=False)
    with pytest.raises(error, match=words):
        found.score_sites(*window(0), [motif], [start], [strand])
    with pytest.raises(MotifError, match="as many motifs as starts"):
        found.score_sites(*window(0), ["M"], [0, 1], ["+"])
