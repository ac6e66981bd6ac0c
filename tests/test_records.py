"""What travels between the stages: every invariant, coordinates on both strands, and arrays nobody can change."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core import (
    Attribution,
    AttributionError,
    DataError,
    GeneRecord,
    Locus,
    Motif,
    MotifError,
    MotifHits,
    PeakError,
    Peaks,
)
from decima_core.sequence import encode, reverse_complement

STRANDS = st.sampled_from("+-")


@st.composite
def loci(draw: st.DrawFn) -> Locus:
    start = draw(st.integers(0, 10_000))
    return Locus(chrom="chr1", start=start, end=start + draw(st.integers(1, 500)), strand=draw(STRANDS))


@st.composite
def loci_with_interval(draw: st.DrawFn) -> tuple[Locus, int, int]:
    locus = draw(loci())
    start = draw(st.integers(0, len(locus) - 1))
    return locus, start, draw(st.integers(start + 1, len(locus)))


def record(**changes: Any) -> GeneRecord:
    parts: dict[str, Any] = {"gene": "SPI1", "codes": encode("ACGTN"), "mask": [0, 0, 1, 1, 0], "tss": 2}
    return GeneRecord(**(parts | changes))


def peaks(**changes: Any) -> Peaks:
    parts: dict[str, Any] = {"position": [5, 2], "start": [4, 0], "end": [7, 3], "height": [-3.0, 2.0], "length": 10}
    return Peaks(**(parts | changes))


def hits(**changes: Any) -> MotifHits:
    parts: dict[str, Any] = {
        "motif_id": ["MA1", "MA2"],
        "motif_name": ["one", "two"],
        "start": [0, 4],
        "end": [3, 10],
        "strand": ["+", "-"],
        "score": [3.0, 4.0],
        "p_value": [1e-3, 1.0],
        "q_value": [0.1, 1.0],
        "peak": [0, -1],
        "site_attr_score": [0.1, -0.1],
        "motif_attr_score": [0.1, -0.1],
        "length": 10,
    }
    return MotifHits(**(parts | changes))


# --- Locus ------------------------------------------------------------------------------------------------------------


@given(loci_with_interval())
def test_locus_round_trip(case: tuple[Locus, int, int]) -> None:
    locus, start, end = case
    genome_start, genome_end = locus.to_genome(start, end)
    assert locus.start <= genome_start < genome_end <= locus.end
    assert genome_end - genome_start == end - start
    # the map is its own inverse: the same rule, from the genome back to the window
    if locus.strand == "+":
        assert (genome_start - locus.start, genome_end - locus.start) == (start, end)
    else:
        assert (locus.end - genome_end, locus.end - genome_start) == (start, end)


@given(loci_with_interval(), st.data())
def test_crop_keeps_every_base_in_place(case: tuple[Locus, int, int], data: st.DataObject) -> None:
    locus, start, end = case
    crop = locus.crop(start, end - start)
    assert (len(crop), crop.strand, crop.chrom) == (end - start, locus.strand, locus.chrom)
    inner = data.draw(st.integers(0, len(crop) - 1))
    assert crop.to_genome(inner, inner + 1) == locus.to_genome(start + inner, start + inner + 1)


def test_locus_maps_arrays() -> None:
    minus = Locus(chrom="chr1", start=100, end=110, strand="-")
    start, end = minus.to_genome(np.array([0, 4]), np.array([3, 10]))
    assert start.tolist() == [107, 100]
    assert end.tolist() == [110, 106]
    assert minus.to_genome_strand([True, False]).tolist() == ["-", "+"]
    plus = attrs.evolve(minus, strand="+")
    assert plus.to_genome_strand([True, False]).tolist() == ["+", "-"]
    assert str(plus.to_genome_strand(False)) == "-"


@given(st.text("ACGT", min_size=1, max_size=40), st.data())
def test_flip_a_gene_and_its_reverse_complement_lie_on_the_same_bases(genome: str, data: st.DataObject) -> None:
    """One stretch of genome read as a + window and as a - window: a feature found in either is the same place."""
    plus = Locus(chrom="chr1", start=1000, end=1000 + len(genome), strand="+")
    minus = attrs.evolve(plus, strand="-")
    forward = encode(genome)
    backward = reverse_complement(forward)
    start = data.draw(st.integers(0, len(genome) - 1))
    end = data.draw(st.integers(start + 1, len(genome)))
    flipped = len(genome) - end, len(genome) - start
    assert plus.to_genome(start, end) == minus.to_genome(*flipped)
    np.testing.assert_array_equal(reverse_complement(backward[slice(*flipped)]), forward[start:end])
    # a + hit in the one is a - hit in the other, and both are + on the genome
    assert str(plus.to_genome_strand(True)) == str(minus.to_genome_strand(False)) == "+"
    # so too for crops
    assert plus.crop(start, end - start).start == minus.crop(flipped[0], end - start).start


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strand": "."}, r"The strand of chr1:5-9 is '\.', not '\+' or '-'"),
        ({"strand": "plus"}, "not '\\+' or '-'"),
        ({"end": 5}, "The window chr1:5-5 is empty"),
        ({"end": 4}, "its end must lie after its start"),
    ],
)
def test_bad_loci(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Locus(**({"chrom": "chr1", "start": 5, "end": 9, "strand": "+"} | changes))


# --- GeneRecord -------------------------------------------------------------------------------------------------------


def test_gene_record() -> None:
    locus = Locus(chrom="chr1", start=0, end=5, strand="-")
    gene = record(locus=locus, split="test")
    assert len(gene) == 5
    assert gene.mask_bounds == (2, 4)
    assert gene.one_hot().tolist() == [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    inputs = gene.inputs()
    assert inputs.dtype == np.float32
    assert inputs.shape == (5, 5)
    np.testing.assert_array_equal(inputs[:4], gene.one_hot())
    np.testing.assert_array_equal(inputs[4], gene.mask)


def test_a_crop_may_miss_the_gene_and_its_start() -> None:
    gene = record(mask=np.zeros(5), tss=-7)
    assert gene.mask_bounds == (0, 0)
    assert gene.tss == -7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": [], "mask": []}, r"has shape \(0,\); it must be one row of bases"),
        ({"codes": [[0, 1]]}, r"has shape \(1, 2\)"),
        ({"mask": [0, 1]}, r"5 bases of sequence but a mask of shape \(2,\)"),
        ({"mask": 1.0}, r"a mask of shape \(\)"),
        ({"mask": np.ones((1, 5))}, r"a mask of shape \(1, 5\)"),
        ({"codes": [0, 1, 2, 3, 5]}, "holds code 5; codes are 0-3 for A, C, G, T and 4 for N"),
        ({"codes": [0, 1, 2, 3, -1]}, "holds code -1;"),
        ({"codes": [0, 1, 2, 3, 260]}, "holds code 260;"),
        ({"codes": [0, 1, 2, 3, 0.5]}, r"holds code 0\.5;"),
        ({"codes": [0, 1, 2, 3, np.nan]}, "holds code nan;"),
        ({"mask": [0, 0, np.nan, 1, 0]}, "mask of gene 'SPI1' holds NaN or infinity"),
        ({"mask": [0, 0, 1e300, 1, 0]}, "mask of gene 'SPI1' holds NaN or infinity"),
        ({"locus": Locus(chrom="1", start=0, end=6, strand="+")}, "window of 5 bases, but its genome interval spans 6"),
    ],
)
def test_bad_gene_records(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        record(**changes)
    assert "SPI1" in str(caught.value)


# --- Attribution ------------------------------------------------------------------------------------------------------


def test_attribution_track_sums_the_bases() -> None:
    attribution = Attribution(gene="SPI1", values=np.arange(8).reshape(4, 2))
    assert len(attribution) == 2
    assert attribution.values.dtype == np.float32
    assert attribution.track().tolist() == [12, 16]


def test_a_track_that_overflows_is_refused() -> None:
    values = np.full((4, 3), np.finfo(np.float32).max, dtype=np.float32)
    with pytest.raises(AttributionError, match="gene 'huge' are too large to be summed over the bases"):
        Attribution(gene="huge", values=values).track()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 3)), r"Attributions of gene 'SPI1' have shape \(5, 3\); they must be \(4, length\)"),
        (np.zeros(4), r"have shape \(4,\)"),
        (np.zeros((1, 4, 3)), r"have shape \(1, 4, 3\)"),
        ([[0, 0], [0, np.nan], [0, 0], [0, 0]], "by 'ig' hold NaN or infinity, first at position 1;"),
        ([[0, 0], [-np.inf, 0], [0, 0], [0, 0]], "first at position 0;"),
        ([[0, 1e300], [0, 0], [0, 0], [0, 0]], "first at position 1;"),
    ],
)
def test_bad_attributions(values: Any, message: str) -> None:
    with pytest.raises(AttributionError, match=message):
        Attribution(gene="SPI1", values=values, method="ig")


# --- Peaks ------------------------------------------------------------------------------------------------------------


def test_peaks() -> None:
    found = peaks(extra={"p_value": np.array([0.1, 0.2])})
    assert len(found) == 2
    assert found.sign.tolist() == [-1, 1]
    empty = Peaks.empty(10)
    assert len(empty) == 0
    assert empty.length == 10
    assert empty.position.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": [4]}, "Column 'start' of the peaks has 1 values for 2 peaks"),
        ({"extra": {"p_value": [0.1]}}, "Column 'p_value' of the peaks has 1 values for 2 peaks"),
        ({"position": 5, "start": 4, "end": 7, "height": 1.0}, r"Column 'position' of the peaks has shape \(\)"),
        ({"position": [5.5, 2]}, "Column 'position' of the peaks holds a number that is not whole"),
        ({"start": [-1, 0]}, r"Peak 0 has summit 5 and extent \[-1, 7\) in a window of 10 bases"),
        ({"end": [11, 3]}, "Peak 0 has summit 5"),
        ({"end": [7, 2]}, r"Peak 1 has summit 2 and extent \[0, 2\)"),
        ({"start": [6, 0]}, "Peak 0 has summit 5"),
        ({"height": [np.nan, 0.0]}, "height is NaN or infinite"),
        ({"height": [np.inf, 0.0]}, "height is NaN or infinite"),
        ({"height": [2.0, -3.0]}, "not sorted: the one with the largest absolute height comes first"),
    ],
)
def test_bad_peaks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PeakError, match=message):
        peaks(**changes)


def test_equal_heights_are_sorted() -> None:
    assert len(peaks(height=[2.0, -2.0])) == 2


# --- Motif ------------------------------------------------------------------------------------------------------------


def test_motif_width() -> None:
    assert Motif(id="MA1", name="one", ppm=np.full((4, 7), 0.25)).width == 7


@pytest.mark.parametrize("column", [[0.34, 0.33, 0.33, 0.01], [0.33, 0.33, 0.33, 0.0]])
def test_a_matrix_rounded_to_two_decimals_is_taken(column: list[float]) -> None:
    assert Motif(id="MA1", name="one", ppm=np.array([column]).T).width == 1


@pytest.mark.parametrize(
    ("ppm", "message"),
    [
        (np.full((7, 4), 0.25), r"has shape \(7, 4\); it must be \(4, width\)\. Transpose it: bases are rows\."),
        (np.zeros((4, 0)), r"has shape \(4, 0\); it must be \(4, width\)\.$"),
        (np.zeros(4), r"has shape \(4,\)"),
        ([[0.5], [0.5], [0.5], [-0.5]], "a negative or non-finite probability"),
        ([[np.nan], [0.5], [0.5], [0]], "a negative or non-finite probability"),
        (
            [[0.25, 3], [0.25, 4], [0.25, 0], [0.25, 1]],
            r"Column 1 of motif 'MA1' does not sum to 1; give probabilities",
        ),
    ],
)
def test_bad_motifs(ppm: Any, message: str) -> None:
    with pytest.raises(MotifError, match=message) as caught:
        Motif(id="MA1", name="one", ppm=ppm)
    assert "MA1" in str(caught.value)


# --- MotifHits --------------------------------------------------------------------------------------------------------


def test_hits() -> None:
    found = hits()
    assert len(found) == 2
    assert found.strand.tolist() == ["+", "-"]
    empty = MotifHits.empty(10)
    assert len(empty) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": [1.0]}, "Column 'score' of the hits has 1 values for 2 hits"),
        ({"motif_id": [["a"], ["b"]]}, r"Column 'motif_id' of the hits has shape \(2, 1\)"),
        ({"start": [0.5, 4]}, "Column 'start' of the hits holds a number that is not whole"),
        ({"start": [-1, 4]}, "lies outside the window of 10 bases"),
        ({"end": [3, 11]}, "lies outside the window of 10 bases"),
        ({"end": [0, 10]}, "lies outside the window"),
        ({"strand": ["+", "."]}, r"neither '\+' nor '-'"),
        ({"strand": ["+", "-x"]}, r"neither '\+' nor '-'"),
        ({"p_value": [0.0, 1.0]}, r"A p_value of the motif hits lies outside \(0, 1\]"),
        ({"p_value": [np.nan, 1.0]}, "A p_value of"),
        ({"q_value": [0.5, 1.01]}, "A q_value of"),
        ({"score": [np.nan, 1.0]}, "A score of the motif hits is NaN or infinite"),
        ({"site_attr_score": [0.0, np.inf]}, "A site_attr_score of"),
        ({"motif_attr_score": [0.0, np.nan]}, "A motif_attr_score of"),
        ({"peak": [0, -2]}, "names a peak below -1"),
    ],
)
def test_bad_hits(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MotifError, match=message):
        hits(**changes)


# --- arrays -----------------------------------------------------------------------------------------------------------

RECORDS = [
    record(),
    Attribution(gene="SPI1", values=np.zeros((4, 3))),
    peaks(extra={"p_value": np.array([0.1, 0.2])}),
    Motif(id="MA1", name="one", ppm=np.full((4, 2), 0.25)),
    hits(),
]


def arrays_of(thing: Any) -> dict[str, np.ndarray]:
    values = {f.name: getattr(thing, f.name) for f in attrs.fields(type(thing))}
    values |= values.pop("extra", {})
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("thing", RECORDS, ids=lambda r: type(r).__name__)
def test_records_cannot_be_changed(thing: Any) -> None:
    columns = arrays_of(thing)
    assert columns
    for array in columns.values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array
    name = attrs.fields(type(thing))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(thing, name, None)


@pytest.mark.parametrize("thing", RECORDS, ids=lambda r: type(r).__name__)
def test_records_are_picklable(thing: Any) -> None:
    copy = pickle.loads(pickle.dumps(thing))
    for name, array in arrays_of(thing).items():
        np.testing.assert_array_equal(arrays_of(copy)[name], array)


@pytest.mark.parametrize("thing", RECORDS, ids=lambda r: type(r).__name__)
def test_given_arrays_are_left_as_found(thing: Any) -> None:
    given = {f.name: getattr(thing, f.name) for f in attrs.fields(type(thing))}
    own = {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in given.items()}
    before = {name: v.copy() for name, v in own.items() if isinstance(v, np.ndarray)}
    type(thing)(**own)
    for name, array in before.items():
        assert own[name].flags.writeable, "a caller's array stays the caller's"
        np.testing.assert_array_equal(own[name], array)


def test_large_arrays_are_not_copied() -> None:
    codes, mask = np.zeros(8, np.int8), np.ones(8, np.float32)
    gene = record(codes=codes, mask=mask)
    assert np.shares_memory(gene.codes, codes)
    assert np.shares_memory(gene.mask, mask)


@pytest.mark.parametrize("name", ["", "#x", "a\tb", "a\nb"])
def test_gene_names_that_would_break_the_tables_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="would break the tables"):
        GeneRecord(gene=name, codes=[0, 1])


@pytest.mark.parametrize("name", ["gene", "sign", "best_motif_name", "p value", "P", "x\ty"])
def test_extra_columns_cannot_replace_the_tables_own(name: str) -> None:
    with pytest.raises(PeakError, match="extra column cannot be called"):
        Peaks(position=[1], start=[0], end=[2], height=[1.0], length=5, extra={name: [1]})


def test_a_record_without_a_gene_has_no_tss() -> None:
    record = GeneRecord(gene="scores", codes=[0, 1, 2])
    assert record.tss is None
    assert not record.mask.any()
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert Attribution(gene="scores", values=values).projected(record).track().tolist() == [0.0, 4.0, 8.0]
