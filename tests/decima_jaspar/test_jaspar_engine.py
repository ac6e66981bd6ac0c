"""The site finder against a plain scan, position by position."""

from __future__ import annotations

import pickle

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core.records import Motif
from decima_core.scanning import strands as measuring
from decima_core.scanning.strands import Strand, StrandSet, prepare
from decima_jaspar.engine import SiteFinder


def brute_force(strands: StrandSet, codes: np.ndarray) -> list[tuple[int, int, int]]:
    """Every hit as (strand, start, loss), found by adding up losses at each position."""
    hits = []
    for k, strand in enumerate(strands.strands):
        places = len(codes) - strand.width + 1
        if places < 1:
            continue
        with_n = np.vstack([strand.losses, np.full((1, strand.width), 10**9)])
        total = sum(with_n[codes[i : places + i], i] for i in range(strand.width))
        hits += [(k, int(start), int(total[start])) for start in np.flatnonzero(total <= strand.threshold)]
    return hits


def found(finder: SiteFinder, codes: np.ndarray) -> list[tuple[int, int, int]]:
    sites = finder.find(codes)
    return list(zip(sites.strand.tolist(), sites.start.tolist(), sites.loss.tolist(), strict=True))


def random_sequence(rng: np.random.Generator, length: int, n_runs: int) -> np.ndarray:
    codes = rng.choice(4, size=length, p=rng.dirichlet([3] * 4)).astype(np.int8)
    for _ in range(n_runs):
        at = rng.integers(0, length)
        codes[at : at + rng.integers(1, 40)] = 4
    return codes


def random_motifs(rng: np.random.Generator, widths: list[int], sharpness: float) -> list[Motif]:
    ppms = [rng.dirichlet([sharpness] * 4, size=w).T for w in widths]
    return [Motif(id=str(i), name=str(i), ppm=p) for i, p in enumerate(ppms)]


@given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.lists(st.integers(1, 35), min_size=1, max_size=6),
    length=st.one_of(st.integers(1, 60), st.integers(60, 3000)),
    n_runs=st.integers(0, 4),
    p_threshold=st.sampled_from([1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0]),
    bin_size=st.sampled_from([0.001, 0.01, 0.1, 1.0]),
    sharpness=st.sampled_from([0.05, 0.3, 1.0, 20.0]),
    uniform=st.booleans(),
)
@settings(max_examples=250, deadline=None)
def test_no_hit_is_missed_and_none_invented(
    seed: int,
    widths: list[int],
    length: int,
    n_runs: int,
    p_threshold: float,
    bin_size: float,
    sharpness: float,
    uniform: bool,
) -> None:
    rng = np.random.default_rng(seed)
    motifs = random_motifs(rng, widths, sharpness)
    background = (0.25,) * 4 if uniform else tuple(rng.dirichlet([5] * 4))
    strands = prepare(motifs, background=background, pseudocount=1e-4, bin_size=bin_size, p_threshold=p_threshold)
    codes = random_sequence(rng, length, n_runs)
    # Sites planted at both edges, where a scanner that works in blocks and stripes is likeliest to err.
    for motif in motifs:
        if motif.width <= length:
            best = motif.ppm.argmax(0)
            codes[: motif.width] = best
            codes[length - motif.width :] = best
    assert found(SiteFinder(strands), codes) == brute_force(strands, codes)


@pytest.mark.parametrize("length", [1024, 8191, 40_000])
def test_long_sequences(length: int) -> None:
    rng = np.random.default_rng(length)
    strands = prepare(
        random_motifs(rng, [4, 7, 8, 12, 20, 35, 60], 0.5),
        background=(0.3, 0.2, 0.2, 0.3),
        pseudocount=1e-4,
        bin_size=0.01,
        p_threshold=1e-3,
    )
    codes = random_sequence(rng, length, 6)
    hits = found(SiteFinder(strands), codes)
    assert hits == brute_force(strands, codes)
    assert hits


def test_sums_beyond_float32_stay_exact() -> None:
    rng = np.random.default_rng(0)
    losses = rng.integers(0, 1 << 20, (4, 30))
    losses -= losses.min(axis=0)
    strand = Strand(
        motif=0,
        forward=True,
        losses=losses,
        log_odds=-losses / 100,
        ppm=losses / losses.sum(0),
        p_values=np.ones(1 << 23),
        background=np.full(4, 0.25),
    )
    strands = StrandSet([strand])
    assert strand.width * strand.threshold > 1 << 24
    codes = random_sequence(rng, 20_000, 2)
    totals = [loss for _, _, loss in brute_force(strands, codes)]
    assert len(totals) > 100
    # A threshold that float32 cannot tell from its neighbours, with a site exactly on it.
    edge = sorted(totals)[len(totals) // 2]
    strands = StrandSet([attrs.evolve(strand, p_values=np.ones(edge + 1))])
    hits = found(SiteFinder(strands), codes)
    assert hits == brute_force(strands, codes)
    assert edge in [loss for _, _, loss in hits]


def test_judged_in_chunks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    strands = prepare(
        random_motifs(rng, [3, 9, 9], 1.0), background=(0.25,) * 4, pseudocount=1e-4, bin_size=0.01, p_threshold=0.1
    )
    codes = random_sequence(rng, 700, 1)
    whole = found(SiteFinder(strands), codes)
    monkeypatch.setattr(measuring, "CHUNK_CELLS", 50)
    assert found(SiteFinder(strands), codes) == whole


@pytest.mark.parametrize("codes", [[4] * 50, [0], [4], [0] * 5])
def test_nothing_to_find(codes: list[int]) -> None:
    strands = prepare(
        random_motifs(np.random.default_rng(0), [8], 0.1),
        background=(0.25,) * 4,
        pseudocount=1e-4,
        bin_size=0.01,
        p_threshold=1.0,
    )
    assert len(SiteFinder(strands).find(np.array(codes, dtype=np.int8))) == 0


def test_survives_pickling_after_use() -> None:
    rng = np.random.default_rng(5)
    strands = prepare(
        random_motifs(rng, [6, 10], 0.5), background=(0.25,) * 4, pseudocount=1e-4, bin_size=0.01, p_threshold=0.01
    )
    codes = random_sequence(rng, 900, 1)
    finder = SiteFinder(strands)
    before = found(finder, codes)
    assert found(pickle.loads(pickle.dumps(finder)), codes) == before
    assert before
