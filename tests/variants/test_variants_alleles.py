"""Alleles: what is wrong with them, their shortest form, their normal form."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from decima_core.variants.alleles import Variant, flip, normalise, problem, spelled, trim

BASES = st.text("AC", min_size=6, max_size=20)  # two letters make many repeats


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, int, str, str]:
    bases = draw(BASES)
    start = draw(st.integers(0, len(bases) - 2))
    ref = bases[start : start + draw(st.integers(1, min(5, len(bases) - start - 1)))]
    alt = draw(st.text("AC", min_size=1, max_size=5))
    assume(ref != alt)
    return bases, start, ref, alt


def applied(bases: str, start: int, ref: str, alt: str) -> str:
    assert bases[start : start + len(ref)] == ref
    return bases[:start] + alt + bases[start + len(ref) :]


def parsimonious(ref: str, alt: str) -> bool:
    """As short as can be, with one anchor base where an allele would be empty."""
    if min(len(ref), len(alt)) > 1:
        return ref[0] != alt[0] and ref[-1] != alt[-1]
    return len(ref) == len(alt) == 1 or ref[-1] != alt[-1]


@given(change=changes())
def test_trimming_keeps_the_change_and_leaves_nothing_in_common(change: tuple[str, int, str, str]) -> None:
    bases, start, ref, alt = change
    at, short, other = trim(start, ref, alt)
    assert applied(bases, at, short, other) == applied(bases, start, ref, alt)
    assert not short or not other or (short[0] != other[0] and short[-1] != other[-1])
    assert start <= at
    assert at + len(short) <= start + len(ref)


def records_of(bases: str, carried: str) -> list[tuple[int, str, str]]:
    """Every way to write the change of ``bases`` into ``carried`` as a record with no empty allele, by brute force."""
    gained = len(carried) - len(bases)
    return [
        (i, bases[i:j], carried[i : j + gained])
        for i in range(len(bases))
        for j in range(i + 1, len(bases) + 1)
        if j + gained > i and bases[:i] + carried[i : j + gained] + bases[j:] == carried
    ]


@given(change=changes())
def test_the_normal_form_is_the_leftmost_of_the_shortest(change: tuple[str, int, str, str]) -> None:
    bases, start, ref, alt = change
    carried = applied(bases, start, ref, alt)
    at, short, other = normalise(start, ref, alt, bases)
    assert applied(bases, at, short, other) == carried
    assert normalise(at, short, other, bases) == (at, short, other)
    same = records_of(bases, carried)
    assert (at, short, other) in same
    for i, r, a in same:
        assert normalise(i, r, a, bases) == (at, short, other)
    shortest = [(i, r, a) for i, r, a in same if parsimonious(r, a)]
    if at > 0:  # at the very start the anchor stands on the right
        assert (at, short, other) == min(shortest, key=lambda c: (len(c[1]) + len(c[2]), c[0]))
    else:
        assert len(short) + len(other) == min(len(r) + len(a) for _, r, a in same)


@given(change=changes(), before=st.text("AC", max_size=4), after=st.text("AC", max_size=4))
def test_the_normal_form_moves_with_the_sequence(change: tuple[str, int, str, str], before: str, after: str) -> None:
    bases, start, ref, alt = change
    at, short, other = normalise(start, ref, alt, bases)
    # A base that ends every repeat holds the variant where it is.
    moved = normalise(len(before) + 1 + start, ref, alt, f"{before}G{bases}{after}")
    if at > 0:
        assert moved == (len(before) + 1 + at, short, other)
    else:
        assert moved[0] >= len(before)


@given(change=changes())
def test_alleles_that_are_left_aligned_keep_their_place_when_trimmed(change: tuple[str, int, str, str]) -> None:
    bases, start, ref, alt = change
    at, short, other = normalise(start, ref, alt, bases)
    begin, cut, _ = trim(at, short, other)
    if at > 0 and short[0] == other[0]:
        assert begin == at + 1, "only the anchor goes"
        assert len(cut) == len(short) - 1


def test_equal_alleles_are_left_alone_by_the_normal_form() -> None:
    assert normalise(1, "CC", "CC", "ACCG") == (1, "CC", "CC")


def test_what_replaces_all_bases_has_no_anchor() -> None:
    assert normalise(0, "AC", "", "AC") == (0, "AC", "")
    assert normalise(2, "", "C", "AC") == (0, "A", "AC")


@pytest.mark.parametrize(
    ("start", "ref", "alt", "expected"),
    [
        (9, "AT", "A", (10, "T", "")),
        (9, "A", "ATT", (10, "", "TT")),
        (9, "CAT", "CGT", (10, "A", "G")),
        (9, "AT", "GC", (9, "AT", "GC")),
        (9, "TTT", "TT", (9, "T", "")),
        (9, "A", "A", (9, "", "")),
    ],
)
def test_trimming_by_hand(start: int, ref: str, alt: str, expected: tuple[int, str, str]) -> None:
    assert trim(start, ref, alt) == expected


def test_a_deletion_at_the_very_start_is_anchored_on_its_right() -> None:
    assert normalise(0, "AC", "C", "ACG") == (0, "AC", "C")


@pytest.mark.parametrize(
    ("ref", "alt", "status"),
    [
        ("A", "C", None),
        ("ACGT", "A", None),
        ("A", "<DEL>", "symbolic"),
        ("A", "*", "symbolic"),
        ("A", "C[chr2:5[", "symbolic"),
        ("A", "]chr2:5]C", "symbolic"),
        ("A", "A.", "symbolic"),
        ("A", ".A", "symbolic"),
        ("A", ".", "no_alternative"),
        ("A", "", "no_alternative"),
        ("A", "A", "no_alternative"),
        ("A", "N", "non_acgt"),
        ("N", "A", "non_acgt"),
        ("A", "R", "non_acgt"),
        ("A-", "A", "non_acgt"),
        ("", "A", "non_acgt"),
    ],
)
def test_what_alleles_alone_tell(ref: str, alt: str, status: str | None) -> None:
    assert problem(Variant(chrom="1", pos=1, ref=ref, alt=alt)) == status


def test_flipping() -> None:
    assert flip("AACGTN") == "NACGTT"


def test_names_in_symbolic_alleles_keep_their_case() -> None:
    assert [spelled(a) for a in ("acg", "<Del>", "g]chr2:5]", "*")] == ["ACG", "<Del>", "g]chr2:5]", "*"]
