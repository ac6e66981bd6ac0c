"""The dinucleotide shuffle: counts, ends, uniformity, speed."""

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_captum.dinucleotide import dinucleotide_counts, dinucleotide_shuffle


@settings(max_examples=300, deadline=None)
@given(codes=st.lists(st.integers(0, 4), max_size=80), seed=st.integers(0, 2**32))
def test_counts_and_ends_are_kept_and_the_seed_decides(codes, seed):
    codes = np.array(codes, dtype=np.int8)
    kept = codes.copy()
    shuffled = dinucleotide_shuffle(codes, np.random.default_rng(seed))
    assert shuffled.dtype == np.int8
    assert shuffled.shape == codes.shape
    assert np.array_equal(codes, kept)
    if len(codes):
        assert shuffled[0] == codes[0]
        assert shuffled[-1] == codes[-1]
        assert np.array_equal(dinucleotide_counts(shuffled), dinucleotide_counts(codes))
    assert np.array_equal(shuffled, dinucleotide_shuffle(codes, np.random.default_rng(seed)))


@pytest.mark.parametrize("text", ["0120102012", "04104014", "00010002", "0132103210"])
def test_uniform_over_all_sequences_with_the_same_counts(text):
    codes = np.array([int(c) for c in text], dtype=np.int8)
    wanted = dinucleotide_counts(codes)
    inner = set(itertools.permutations(codes[1:-1].tolist()))
    possible = [
        p
        for p in ((codes[0], *m, codes[-1]) for m in inner)
        if np.array_equal(dinucleotide_counts(np.array(p)), wanted)
    ]
    draws = 400 * len(possible)
    rng = np.random.default_rng(0)
    seen = Counter(tuple(dinucleotide_shuffle(codes, rng).tolist()) for _ in range(draws))
    assert set(seen) == {tuple(int(b) for b in p) for p in possible}
    chi_square = sum((n - 400) ** 2 / 400 for n in seen.values())
    assert chi_square < len(possible) + 5 * (2 * len(possible)) ** 0.5


def test_half_a_million_bases_in_seconds_and_well_mixed():
    codes = np.random.default_rng(0).choice(5, 524_288, p=[0.3, 0.2, 0.2, 0.29, 0.01]).astype(np.int8)
    start = time.perf_counter()
    shuffled = dinucleotide_shuffle(codes, np.random.default_rng(1))
    assert time.perf_counter() - start < 5
    assert np.array_equal(dinucleotide_counts(shuffled), dinucleotide_counts(codes))
    assert 0.2 < (shuffled == codes).mean() < 0.32


def test_a_long_repeat_with_one_way_out_ends_quickly():
    codes = np.array([0, 1] * 50_000 + [2, 3], dtype=np.int8)
    assert np.array_equal(dinucleotide_shuffle(codes, np.random.default_rng(0)), codes)
