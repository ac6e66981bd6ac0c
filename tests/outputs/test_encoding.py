"""Genes that are encoded apart and stored later are the file that HDF5 itself would write."""

from __future__ import annotations

from pathlib import Path

import attrs
import h5py
import numpy as np
import pytest

from decima_core.attribution_layout import StoredAttributions
from decima_core.errors import OutputError
from decima_core.outputs.attribution_file import AttributionFile
from decima_core.outputs.encoding import CHUNK, encode
from decima_core.records import Attribution, GeneRecord, Interpretation, Locus, MotifHits, Peaks


def result(gene: str, length: int, *, hypothetical: bool = False, locus: Locus | None = None) -> Interpretation:
    rng = np.random.default_rng(len(gene) + length)
    record = GeneRecord(gene=gene, codes=rng.integers(0, 5, length).astype(np.int8), tss=3, locus=locus)
    values = rng.normal(size=(4, length)).astype(np.float32)
    attribution = Attribution(
        gene=gene, values=values, hypothetical=2 * values if hypothetical else None, prediction=0.1
    )
    return Interpretation(
        record=record, attribution=attribution, peaks=Peaks.empty(length), hits=MotifHits.empty(length)
    )


@pytest.mark.parametrize("length", [1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
@pytest.mark.parametrize("hypothetical", [False, True])
def test_every_length_is_read_back(tmp_path: Path, length: int, hypothetical: bool) -> None:
    results = [result(gene, length, hypothetical=hypothetical) for gene in ("A", "BB")]
    file = AttributionFile(tmp_path / "a.h5", ["A", "BB"], {}, {})
    for encoded in [encode(each) for each in results]:
        file.append(encoded)
    file.finish()
    with h5py.File(tmp_path / "a.h5") as found:
        for row, each in enumerate(results):
            np.testing.assert_array_equal(found["attribution"][row], each.attribution.values)
            np.testing.assert_array_equal(found["sequence"][row], each.record.codes)
            if hypothetical:
                np.testing.assert_array_equal(found["hypothetical"][row], each.attribution.hypothetical)
        assert ("hypothetical" in found) == hypothetical
        np.testing.assert_array_equal(found["prediction"][:], [0.1, 0.1])
        assert np.isnan(found["convergence_delta"][:]).all()


def test_the_chunks_are_those_of_hdf5_itself(tmp_path: Path) -> None:
    length = CHUNK + 100
    each = result("A", length)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        values = file.create_dataset(
            "x", data=each.attribution.values, chunks=(4, CHUNK), compression="gzip", compression_opts=1, shuffle=True
        )
        for number, chunk in enumerate(encode(each).arrays["attribution"]):
            mask, stored = values.id.read_direct_chunk((0, number * CHUNK))
            assert mask == 0
            # Two builds of zlib may pack differently, but not by much.
            assert abs(len(stored) - len(chunk)) < 0.02 * len(stored)


def test_places_are_kept_where_some_are_known(tmp_path: Path) -> None:
    placed = result("BB", 50, locus=Locus(chrom="chr1", start=10, end=60, strand="-"))
    file = AttributionFile(tmp_path / "a.h5", ["A", "BB"], {}, {})
    file.write(result("A", 50))
    file.write(placed)
    file.finish()
    with h5py.File(tmp_path / "a.h5") as found:
        assert list(found["chrom"].asstr()) == ["", "chr1"]
        assert list(found["strand"].asstr()) == ["", "-"]
        assert found["start"][:].tolist() == [0, 10]
        assert found["end"][:].tolist() == [0, 60]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (result("BB", 51), "The window of gene 'BB' has 51 bases and that of 'A' 50"),
        (
            result("BB", 50, hypothetical=True),
            "hypothetical scores for some genes and none for others, 'BB' among them",
        ),
        (result("CCC", 50), "Gene 'CCC' came where 'BB' was expected"),
    ],
)
def test_a_gene_that_does_not_fit_is_refused(tmp_path: Path, second: Interpretation, words: str) -> None:
    file = AttributionFile(tmp_path / "a.h5", ["A", "BB"], {}, {})
    file.write(result("A", 50))
    with pytest.raises(OutputError, match=words):
        file.write(second)
    file.close()


@pytest.mark.parametrize("length", [7, CHUNK + 1])
def test_a_smaller_layout_is_read_back(tmp_path: Path, length: int) -> None:
    each = result("A", length)
    one_hot = each.record.one_hot()
    each = attrs.evolve(each, attribution=attrs.evolve(each.attribution, values=each.attribution.values * one_hot))
    for layout, exact in (("projected", 0.0), ("float16", 2.0**-11)):
        file = AttributionFile(tmp_path / f"{layout}.h5", ["A"], {}, {})
        file.append(encode(each, layout))
        file.finish()
        with h5py.File(tmp_path / f"{layout}.h5") as found:
            stored = StoredAttributions(found)
            np.testing.assert_allclose(stored.values(0), each.attribution.values, rtol=exact, atol=exact / 2**20)
            assert ("projected_scale" in found) == (layout == "float16")
