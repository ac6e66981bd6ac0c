"""Decima's HDF5, read as it is written by others, and by this program."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from score_files import read_all

from decima_core import ConfigError, DataError, Locus, UnknownNameError, open_scores

GENES = ("SPI1", "CD68", "MYC")


def write(windows, **changes) -> None:
    """The datasets that Decima writes and no more; ``changes`` replace or, if None, leave out some."""
    arrays = {
        "genes": np.array(GENES, dtype=object),
        "gene_mask_start": np.array([10, 12, 0]),
        "gene_mask_end": np.array([30, 40, 0]),
        "attribution": windows.scores,
        "sequence": windows.codes,
        **changes,
    }
    with h5py.File("attributions.h5", "w") as file:
        file.attrs.update(model_name="v1_rep0", genome="hg38")
        for name, array in arrays.items():
            if array is not None:
                dtype = h5py.string_dtype() if array.dtype == object else None
                file.create_dataset(name, data=array, dtype=dtype)


def test_genes_with_their_masks(windows):
    write(windows)
    with open_scores("attributions.h5") as scores:
        assert tuple(scores.names) == GENES
        facts = scores.facts
        assert (facts.model, facts.genome, facts.method, facts.target) == ("v1_rep0", "hg38", "unknown", "unknown")
        for i, name in enumerate(GENES):
            record, attribution = scores.read(name)
            np.testing.assert_array_equal(record.codes, windows.codes[i])
            # What each base contributes: some methods give absent bases a share, and the sum over bases counts it.
            np.testing.assert_array_equal(attribution.values, windows.scores[i])
            assert record.mask_bounds == [(10, 30), (12, 40), (0, 0)][i]
            assert record.tss == attribution.tss == [10, 12, None][i]
            assert record.locus is None
        assert "were left as they are" in scores.told()


def test_they_are_projected_if_asked(windows):
    write(windows)
    with open_scores("attributions.h5", values="hypothetical") as scores:
        np.testing.assert_array_equal(scores.read("MYC")[1].values, windows.projected()[2])


def test_hypothetical_scores_stand_beside(windows):
    write(windows, attribution=windows.projected(), hypothetical=windows.scores)
    with open_scores("attributions.h5") as scores:
        attribution = scores.read("MYC")[1]
    np.testing.assert_array_equal(attribution.values, windows.projected()[2])
    np.testing.assert_array_equal(attribution.hypothetical, windows.scores[2])
    write(windows, hypothetical=windows.scores[:, :, 1:])
    with pytest.raises(DataError, match=r"Dataset 'hypothetical' of '.*attributions\.h5' has shape"):
        open_scores("attributions.h5")


def test_what_this_programs_files_hold_beside(windows):
    place = {
        "chrom": np.array(["chr11", "", "chr8"], dtype=object),
        "start": np.array([100, 0, 500]),
        "end": np.array([140, 0, 540]),
        "strand": np.array(["-", "", "+"], dtype=object),
    }
    write(windows, tss=np.array([-7, 12, np.nan]), prediction=np.array([1.5, np.nan, 0]), **place)
    with open_scores("attributions.h5") as scores:
        record, attribution = scores.read("SPI1")
        assert (record.tss, attribution.tss, attribution.prediction) == (-7, -7, 1.5)
        assert record.locus == Locus(chrom="chr11", start=100, end=140, strand="-")
        assert scores.read("CD68")[0].locus is None
        assert scores.read("CD68")[1].prediction is None
        assert scores.read("MYC")[0].tss is None


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"sequence": None}, "lack the dataset sequence; it has attribution, gene_mask_end"),
        (
            {"genes": np.array(["A", "B"], dtype=object)},
            r"'genes' .* has shape \(2,\), but the attributions are of 3 genes",
        ),
        ({"genes": np.array(["A", "B", "A"], dtype=object)}, "name gene 'A' twice"),
        ({"genes": np.arange(3)}, "'genes' .* has type int64; it must hold text"),
        ({"genes": np.array(["A", "", "C"], dtype=object)}, "gene name '' would break"),
        ({"gene_mask_start": np.array(["a", "b", "c"], dtype=object)}, "'gene_mask_start' .* it must hold numbers"),
        (
            {"sequence": np.zeros((3, 39), np.int8)},
            r"'sequence' .* shape \(3, 39\), but the attributions are of 3 genes of 40",
        ),
        ({"sequence": np.full((3, 40), 7, np.int8)}, "holds code 7; .* It is row 0 of the scores '.*attributions.h5'"),
        ({"attribution": np.full((3, 4, 40), np.nan)}, "'attribution' .* holds NaN .* in window 'SPI1'"),
        ({"attribution": np.zeros((3, 40))}, r"'attribution' .* has shape \(3, 40\)"),
    ],
)
def test_what_is_wrong(windows, changes, match):
    write(windows, **changes)
    with pytest.raises(DataError, match=match):
        read_all("attributions.h5")


def test_what_has_no_use_is_refused(windows):
    write(windows)
    Path("regions.bed").write_text("chr1\t0\t40\n")
    with pytest.raises(ConfigError, match="name and place their genes themselves; leave out --regions"):
        open_scores("attributions.h5", regions="regions.bed")
    with open_scores("attributions.h5") as scores, pytest.raises(UnknownNameError, match="Did you mean SPI1"):
        scores.read("SPI")


def test_projected_values_are_spread_over_the_bases(windows):
    values = windows.projected().sum(axis=1)
    write(windows, attribution=None, projected=values)
    with open_scores("attributions.h5") as scores:
        for i, name in enumerate(GENES):
            np.testing.assert_array_equal(scores.read(name)[1].values, windows.projected()[i])
    write(windows, attribution=None, projected=values.astype(np.float16), projected_scale=np.array([1, 2, 0.5]))
    with open_scores("attributions.h5") as scores:
        found = scores.read("CD68")[1].values
    np.testing.assert_allclose(found, 2 * windows.projected()[1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"projected": np.zeros((3, 4, 40))}, r"'projected' .* has shape \(3, 4, 40\); it must be \(genes, bases\)"),
        (
            {"projected": np.zeros((3, 40)), "projected_scale": np.ones(2)},
            r"'projected_scale' .* has shape \(2,\); .* 3 genes",
        ),
        ({"projected": np.full((3, 40), np.nan)}, "'projected' .* holds NaN .* in window 'SPI1'"),
        ({}, "holds no scores that are known"),
    ],
)
def test_what_is_wrong_with_projected_values(windows, changes, match):
    write(windows, attribution=None, **changes)
    with pytest.raises((DataError, ConfigError), match=match):
        read_all("attributions.h5")
