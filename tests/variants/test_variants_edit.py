"""Putting an allele into a window equals cutting the window from a genome that carries it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from decima_core.records import GeneRecord
from decima_core.sequence import encode
from decima_core.variants.alignment import align
from decima_core.variants.edit import AlleleWindow, Edit, alternative, reference, unfit

FLANK = 12
LENGTH = 24
UPSTREAM = 9  # bases of the window before the TSS


def wide(codes: np.ndarray, gene: slice) -> GeneRecord:
    mask = np.zeros(len(codes), dtype=np.float32)
    mask[gene] = 1
    return GeneRecord(gene="G", codes=codes, mask=mask, tss=gene.start)


def windows(record: GeneRecord, edit: Edit) -> tuple[AlleleWindow, AlleleWindow]:
    ref = reference(record, FLANK, LENGTH, edit)
    return ref, alternative(ref, edit)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, int, Edit]:
    """A sequence whose window starts at FLANK, the gene's length, and an edit in window positions."""
    codes = np.array(draw(st.lists(st.integers(0, 3), min_size=48, max_size=48)), dtype=np.int8)
    gene = draw(st.integers(2, 12))
    start = draw(st.integers(0, LENGTH - 1))
    removed = draw(st.integers(0, min(8, LENGTH - start)))
    inserted = np.array(draw(st.lists(st.integers(0, 3), max_size=8)), dtype=np.int8)
    assume(removed or len(inserted))
    ref = codes[FLANK + start : FLANK + start + removed]
    return codes, gene, Edit(start=start, ref=ref, alt=inserted)


@given(case=cases(), shift=st.integers(-3, 3))
def test_the_window_is_the_one_cut_from_a_genome_that_carries_the_allele(
    case: tuple[np.ndarray, int, Edit], shift: int
) -> None:
    codes, length, edit = case
    tss = FLANK + UPSTREAM
    record = wide(codes, slice(tss, tss + length))
    ref, alt = windows(record, edit)
    assume(unfit(ref, edit, (shift, 0)) is None)
    begin, end = ref.site
    assume(not begin <= tss < end)  # a lost TSS has a test of its own
    # The mutated genome as text, the gene lifted over to it, its window cut by the rule for any gene.
    mutated = np.concatenate([codes[:begin], edit.alt, codes[end:]])
    lifted = tss if begin > tss else tss + len(edit.alt) - (end - begin)
    first = lifted - UPSTREAM + shift
    expected = mutated[first : first + LENGTH]
    found, mask = alt.crop(shift)
    assert found.tolist() == expected.tolist()
    assert alt.record(shift).tss == UPSTREAM - shift
    assert len(mask) == LENGTH
    assert alt.mask[alt.tss] == 1
    assert ref.crop(shift)[0].tolist() == codes[FLANK + shift : FLANK + shift + LENGTH].tolist()


@given(case=cases())
def test_the_axis_holds_every_base_of_both_windows_once_and_in_order(case: tuple[np.ndarray, int, Edit]) -> None:
    codes, length, edit = case
    ref, alt = windows(wide(codes, slice(FLANK + UPSTREAM, FLANK + UPSTREAM + length)), edit)
    assume(unfit(ref, edit, (0,)) is None)
    axis = align(ref, alt)
    for index in (axis.ref, axis.alt):
        assert index[index >= 0].tolist() == list(range(LENGTH))
    both = (axis.ref >= 0) & (axis.alt >= 0)
    same = ref.crop()[0][axis.ref[both]] == alt.crop()[0][axis.alt[both]]
    assert (same == (axis.event[both] == "match")).all()
    gaps = {"insertion": axis.ref, "deletion": axis.alt}
    for event, index in gaps.items():
        assert (index[axis.event == event] == -1).all()
    assert (axis.event == "deletion").sum() == max(0, -edit.change)
    assert (axis.event == "insertion").sum() == max(0, edit.change)
    there = axis.ref_to_alt(LENGTH)
    back = axis.alt_to_ref(LENGTH)
    assert all(back[there[i]] == i for i in range(LENGTH) if there[i] >= 0)


def edit_of(start: int, ref: str, alt: str) -> Edit:
    return Edit(start=start, ref=encode(ref), alt=encode(alt))


SEQUENCE = encode("ACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGT")


@pytest.mark.parametrize(
    ("edit", "tss", "masked"),
    [
        (edit_of(2, "G", "T"), 9, (9, 15)),  # a substitution upstream moves nothing
        (edit_of(2, "GTA", ""), 9, (9, 15)),  # a deletion upstream draws bases in on the left
        (edit_of(9, "", "GG"), 9, (9, 15)),  # an insertion right before the TSS is upstream of it
        (edit_of(10, "", "GG"), 9, (9, 17)),  # one inside makes the gene longer
        (edit_of(15, "", "GG"), 9, (9, 15)),  # one right after it does not
        (edit_of(11, "TA", ""), 9, (9, 13)),  # a deletion inside makes it shorter
        (edit_of(8, "ACG", ""), 9, (9, 13)),  # the first base left is the new TSS
        (edit_of(8, "ACG", "TTT"), 9, (9, 15)),  # bases of the gene stay the gene's when they are substituted
        (edit_of(13, "CGTA", ""), 9, (9, 13)),  # over the gene's end
    ],
)
def test_the_mask_follows_the_gene(edit: Edit, tss: int, masked: tuple[int, int]) -> None:
    record = wide(SEQUENCE, slice(FLANK + UPSTREAM, FLANK + UPSTREAM + 6))
    _, alt = windows(record, edit)
    found = alt.record()
    assert found.tss == tss
    assert found.mask_bounds == masked
    assert found.mask.sum() == masked[1] - masked[0]


def test_a_substitution_changes_one_base_and_leaves_the_reference_alone() -> None:
    record = wide(SEQUENCE, slice(FLANK + UPSTREAM, FLANK + UPSTREAM + 6))
    before = record.codes.copy()
    ref, alt = windows(record, edit_of(5, "C", "A"))
    assert np.flatnonzero(ref.crop()[0] != alt.crop()[0]).tolist() == [5]
    assert (record.codes == before).all()


@pytest.mark.parametrize(
    ("edit", "shifts", "status"),
    [
        (edit_of(0, "A", "C"), (0,), None),
        (edit_of(23, "T", "C"), (0,), None),
        (edit_of(0, "A", "C"), (0, 1), "out_of_window"),  # shifted out
        (edit_of(23, "T", "C"), (-1, 0), "out_of_window"),
        (edit_of(-1, "T", "C"), (0,), "out_of_window"),
        (edit_of(24, "A", "C"), (0,), "out_of_window"),
        (edit_of(2, "", "GGG"), (0,), "out_of_window"),  # pushed out of the window in part
        (edit_of(3, "", "GGG"), (0,), None),
        (edit_of(22, "", "GGG"), (0,), "out_of_window"),
        (edit_of(21, "", "GGG"), (0,), None),
        (edit_of(20, "GTACG", ""), (0,), "out_of_window"),  # reaches beyond the window
        (edit_of(10, "GTACGTACGTAC", ""), (0,), None),  # draws in the whole flank
        (edit_of(10, "GTACGTACGTACG", ""), (0,), "no_flank"),  # would need one base more than there is
    ],
)
def test_what_fits(edit: Edit, shifts: tuple[int, ...], status: str | None) -> None:
    record = wide(SEQUENCE, slice(FLANK + UPSTREAM, FLANK + UPSTREAM + 20))
    assert unfit(reference(record, FLANK, LENGTH, edit), edit, shifts) == status


def test_without_a_tss_the_middle_stays() -> None:
    record = GeneRecord(gene="G", codes=SEQUENCE)
    for edit, moved in ((edit_of(3, "CG", ""), True), (edit_of(20, "AC", ""), False)):
        ref, alt = windows(record, edit)
        assert (alt.start != ref.start) is moved
        middle = LENGTH // 2
        assert alt.crop()[0][middle] == ref.crop()[0][middle]
        assert alt.record().tss is None
