"""What the source knows beyond windows: labels, places, flanks, and masks by their bounds."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import random_codes, write_gene_file

from decima_core import DataError, FlankedSource, LabelledSource, Locus, PlacedSource, Registry, UnknownNameError

W, PAD = 60, 7


def source(path: Path, **options: Any) -> Any:
    return Registry.discover().create("source", "hdf5", path=str(path), **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = write_gene_file(tmp_path / "genes.h5", random_codes(0, 3, W), mask=slice(20, 33))
    with h5py.File(written, "r+") as file:
        file["pad"][()], file["seq_len"][()] = PAD, W - 2 * PAD
        file["labels"] = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    return written


def add(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "r+") as file:
        for name, values in datasets.items():
            is_text = isinstance(values[0], str)
            file.create_dataset(
                name,
                data=np.array(values, dtype=object if is_text else np.int64),
                dtype=h5py.string_dtype() if is_text else None,
            )
    return path


PLACES = {"chrom": ["chr1", "chr2", ""], "start": [1000, 500, 0], "end": [1046, 546, 0], "strand": ["+", "-", "+"]}


def test_it_says_what_it_can(path: Path) -> None:
    found = source(path)
    assert isinstance(found, LabelledSource)
    assert isinstance(found, PlacedSource)
    assert isinstance(found, FlankedSource)


def test_labels_come_row_by_row(path: Path) -> None:
    found = source(path)
    assert found.labels("G1").tolist() == [[3], [4], [5]]
    assert found.labels("G1").dtype == np.float32
    with pytest.raises(UnknownNameError, match="no gene 'G7'"):
        found.labels("G7")
    found.close()
    with h5py.File(path, "r+") as file:
        del file["labels"]
    with pytest.raises(DataError, match="has no labels; write them with decima-core build --labels"):
        source(path).labels("G1")


@given(n=st.integers(1, W), flank=st.integers(0, 70))
def test_flanks_are_what_lies_beside_the_window(tmp_path_factory: pytest.TempPathFactory, n: int, flank: int) -> None:
    file = tmp_path_factory.getbasetemp() / "flanks.h5"
    if not file.exists():
        write_gene_file(file, random_codes(0, 2, W), mask=slice(20, 33))
    with source(file) as found:
        whole, window = found.read("G1", W), found.read("G1", n)
        wide, at = found.read_flanked("G1", n, flank)
        start = (W - n) // 2
        assert at == min(flank, start)
        assert len(wide) == at + n + min(flank, W - n - start)
        assert wide.codes[at : at + n].tolist() == window.codes.tolist()
        assert wide.codes.tolist() == whole.codes[start - at : start - at + len(wide)].tolist()
        assert wide.mask.tolist() == whole.mask[start - at : start - at + len(wide)].tolist()
        assert wide.tss == window.tss + at


def test_a_file_may_say_where_its_windows_lie(path: Path) -> None:
    found = source(add(path, **PLACES))
    assert found.locus("G0") == Locus(chrom="chr1", start=1000, end=1046, strand="+")
    assert found.read("G1", 40).locus == found.locus("G1", 40) == Locus(chrom="chr2", start=503, end=543, strand="-")
    assert found.locus("G1", W) == Locus(chrom="chr2", start=493, end=553, strand="-")
    assert found.locus("G2") is None
    assert found.contigs() == {"chr1": None, "chr2": None}
    wide, at = found.read_flanked("G1", 40, 3)
    assert (wide.locus, at) == (Locus(chrom="chr2", start=500, end=546, strand="-"), 3)


def test_places_given_with_the_run_win(path: Path, tmp_path: Path) -> None:
    bed = tmp_path / "windows.bed"
    bed.write_text("chr9\t0\t60\tG0\t0\t-\n", encoding="utf-8")
    found = source(add(path, **PLACES), loci=str(bed))
    assert found.locus("G0", W) == Locus(chrom="chr9", start=0, end=60, strand="-")
    assert found.locus("G1") is None


def test_bounds_stand_for_the_mask(path: Path) -> None:
    plain = source(path).read("G0", W)
    with h5py.File(path, "r+") as file:
        file["masks"][0] = 0  # not looked at
        file["masks"][1, 50] = 1  # two runs
    found = source(add(path, gene_mask_start=[13, -1, 13], gene_mask_end=[26, -1, 26]))
    for n in (W, 41, 10):
        record = found.read("G0", n)
        start = (W - n) // 2
        assert record.mask.tolist() == plain.mask[start : start + n].tolist()
        assert record.tss == plain.tss - start
    assert found.read("G1", W).mask.sum() == 14


def test_a_mask_is_read_once(path: Path) -> None:
    found = source(path)
    first = found.read("G0")
    with h5py.File(path, "r"):
        pass
    assert found._masks[0].values is None
    again = pickle.loads(pickle.dumps(found)).read("G0")
    assert again.mask.tolist() == found.read("G0").mask.tolist() == first.mask.tolist()


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        ({"chrom": ["chr1"] * 3}, "has the dataset chrom but not start; write both or neither"),
        ({"gene_mask_start": [1, 2, 3]}, "has the dataset gene_mask_start but not gene_mask_end"),
        ({**PLACES, "strand": ["+", ".", "+"]}, "place of gene 'G1' in the gene file .* is wrong"),
        ({**PLACES, "end": [1000, 546, 0]}, "place of gene 'G0' .* is empty"),
        (
            {**PLACES, "start": [1, 2]},
            r"'start' of the gene file .* has shape \(2,\); write one value for each of its 3 genes",
        ),
        ({"gene_mask_start": [1, 2, 3], "gene_mask_end": [2, 2, 4]}, "Row 1 .* gives the mask's bounds as 2 and 2"),
        ({"gene_mask_start": [1, 2], "gene_mask_end": [2, 3]}, r"has shape \(2,\); write \(3,\)"),
    ],
)
def test_what_does_not_fit_is_said(path: Path, datasets: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        source(add(path, **datasets)).genes()
