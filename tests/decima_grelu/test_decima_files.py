"""Attribution files cross between decima_core and Decima's own tools, number by number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from decima_core import Attribution, GeneRecord, Interpretation, Locus, MotifHits, Peaks
from decima_core.outputs.attribution_file import AttributionFile

pytest.importorskip("decima", reason="needs Decima: pip install 'decima-core[decima]'")

WINDOW = 524_288  # Decima's tools read no other
GENES = pd.DataFrame(
    {"chrom": ["chr11"], "strand": ["-"], "gene_start": [47_351_057], "gene_end": [47_378_547]}, index=["SPI1"]
)
FORMATS = Path(__file__).resolve().parents[2] / "docs" / "formats.md"


def result(gene: str, start: int, seed: int, unknown: int = 0) -> Interpretation:
    """A gene with random bases, the first few of them unknown, and random attributions."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, WINDOW, dtype=np.int8)
    codes[:unknown] = 4
    mask = np.zeros(WINDOW, dtype=np.float32)
    mask[start : start + 9_000] = 1
    locus = Locus(chrom="chr11", start=46_000_000, end=46_000_000 + WINDOW, strand="-")
    record = GeneRecord(gene=gene, codes=codes, mask=mask, tss=start, locus=locus)
    values = rng.normal(size=(4, WINDOW)).astype(np.float32)
    attribution = Attribution(
        gene=gene, values=values, tss=start, method="input-x-gradient", target="a", prediction=1.0
    )
    return Interpretation(
        record=record, attribution=attribution, peaks=Peaks.empty(WINDOW), hits=MotifHits.empty(WINDOW), seconds={}
    )


def write(path: Path, results: Sequence[Interpretation]) -> str:
    genes, attributes = [r.record.gene for r in results], {"model_name": "v1_rep0", "genome": "hg38"}
    file = AttributionFile(path, genes, attributes, metadata={"target": "a"})
    for one in results:
        file.write(one)
    file.finish()
    return str(path)


@pytest.fixture(scope="module")
def results() -> list[Interpretation]:
    return [result("SPI1", 163_840, 0, unknown=50), result("CD68", 200_000, 1)]


@pytest.fixture(scope="module")
def ours(results: list[Interpretation], tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("ours") / "attributions.h5", results)


def test_decima_reads_our_file(ours: str, results: list[Interpretation]) -> None:
    from decima.core.attribution import AttributionResult

    with AttributionResult(ours, correct_grad=False, num_workers=1) as opened:
        assert (opened.model_name, opened.genome, list(opened.genes)) == ("v1_rep0", "hg38", ["SPI1", "CD68"])
        inputs, values = opened.load(["CD68", "SPI1"], gene_mask=True)
    for at, one in enumerate(reversed(results)):
        np.testing.assert_array_equal(values[at], one.attribution.values)
        np.testing.assert_array_equal(inputs[at], one.record.inputs())


def test_decima_cuts_our_file_around_the_tss_and_averages_two(
    ours: str, tmp_path: Path, results: list[Interpretation]
) -> None:
    import anndata
    from decima.core.attribution import AttributionResult
    from decima.core.result import DecimaResult

    others = [result("SPI1", 163_840, 2), result("CD68", 200_000, 3)]
    other = write(tmp_path / "attributions.h5", others)
    with AttributionResult(
        [ours, other], tss_distance=500, correct_grad=False, num_workers=1, agg_func="mean"
    ) as opened:
        _, values = opened.load(["SPI1"])
        explained = opened.load_attribution("SPI1", DecimaResult(anndata.AnnData(np.zeros((1, 1)), var=GENES)))
    pair = np.stack([r.attribution.values[:, 163_340:164_340] for r in (results[0], others[0])])
    np.testing.assert_allclose(values[0], pair.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(explained.attrs, pair.mean(axis=0), rtol=1e-6)
    assert (explained.gene_mask_start, explained.chrom, explained.end - explained.start) == (500, "chr11", 1_000)


def shared() -> dict[str, tuple[str, str]]:
    """Shape and type that docs/formats.md states for each dataset of ``attributions.h5``."""
    section = FORMATS.read_text(encoding="utf-8").partition("### attributions.h5")[2].partition("\n### ")[0]
    return {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| `(\w+)` \| \((.*?),?\) \| (\w+) \|", section, re.M)}


def test_decimas_own_file_has_the_layout_that_is_documented(
    ours: str, tmp_path: Path, results: list[Interpretation]
) -> None:
    import anndata
    from decima.core.result import DecimaResult
    from decima.utils.io import AttributionWriter

    path = tmp_path / "theirs.h5"
    known = DecimaResult(anndata.AnnData(np.zeros((1, 1)), var=GENES))
    with AttributionWriter(path, ["SPI1", "CD68"], "v1_rep0", known, bigwig=False, custom_genes=True) as writer:
        for one in results:
            start, end = one.record.mask_bounds
            writer.add(one.record.gene, one.record.one_hot(), one.attribution.values, start, end)
    sizes, stated = {"G": 2, "L": WINDOW, "4": 4}, shared()
    with h5py.File(path) as theirs, h5py.File(ours) as own:
        assert set(theirs) == {"genes", "attribution", "sequence", "gene_mask_start", "gene_mask_end"}
        assert set(theirs) <= set(stated)
        assert set(theirs.attrs) == {"model_name", "genome"} <= set(own.attrs)
        for name in theirs:
            shape, kind = stated[name]
            assert theirs[name].shape == own[name].shape == tuple(sizes[axis.strip()] for axis in shape.split(","))
            assert same_kind(theirs[name].dtype, kind), name
            assert same_kind(own[name].dtype, kind), name
            np.testing.assert_array_equal(theirs[name][:], own[name][:])


def same_kind(dtype: np.dtype[npt.NDArray[np.generic]], stated: str) -> bool:
    """Whether a dataset is of the stated type; whole numbers may have another width."""
    if stated == "text":
        return dtype.kind in "SO"
    return dtype == np.dtype(stated) or (dtype.kind == "i" == np.dtype(stated).kind and stated == "int64")
