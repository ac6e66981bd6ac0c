"""The hits of ``memelite`` beside those of ``jaspar``: where they differ, rounding explains it.

``jaspar`` puts a motif's scores on a grid of 0.01 bits, memelite on one of 0.1. A site of W bases moves by half a step a base at most,
on either grid; so a site that only one of them lists lies that near to the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from support import DATA, needs_real_data

from decima_core import Attribution, GeneRecord, MotifHits, Peaks, Registry

pytest.importorskip("memelite", reason="the package memelite is not installed")

Site = tuple[str, int, str]
GRID = 0.01  # of jaspar, in bits


@attrs.frozen
class Comparison:
    """The hits of both scanners on one window; ``rows`` of ``hits`` by site."""

    hits: dict[str, MotifHits]
    rows: dict[str, dict[Site, int]]
    distance: np.ndarray  # of each site that one of them lists alone: from jaspar's threshold, in bits
    bound: np.ndarray  # how far rounding can move it
    p_value: np.ndarray  # as jaspar scores it

    @property
    def jaccard(self) -> float:
        ours, theirs = (set(rows) for rows in self.rows.values())
        return len(ours & theirs) / len(ours | theirs)


def compare(
    make: Callable[..., Any], record: GeneRecord, summits: Any = (), bin_size: float = 0.1, **options: Any
) -> Comparison:
    length = len(record)
    values = np.random.default_rng(0).normal(size=(4, length)).astype(np.float32)
    attribution = Attribution(gene=record.gene, values=values)
    at = np.asarray(summits, dtype=np.int64)
    peaks = Peaks(position=at, start=at, end=at + 1, height=np.ones(len(at)), length=length)
    jaspar = make("jaspar", **options)
    scanners = {"jaspar": jaspar, "memelite": make("memelite", bin_size=bin_size, **options)}
    hits = {name: scanner.scan(record, attribution, peaks) for name, scanner in scanners.items()}
    rows = {
        name: {site: i for i, site in enumerate(zip(h.motif_id, h.start.tolist(), h.strand.tolist(), strict=True))}
        for name, h in hits.items()
    }
    alone = sorted(rows["jaspar"].keys() ^ rows["memelite"].keys())
    motif, start, strand = zip(*alone, strict=True)
    number = {m.id: i for i, m in enumerate(jaspar.motifs)}
    which = np.array([jaspar.strands.index(number[m], s == "+") for m, s in zip(motif, strand, strict=True)])
    loss = jaspar.measure(record.codes, which, np.array(start)).loss
    width = jaspar.strands.width[which]
    return Comparison(
        hits=hits,
        rows=rows,
        distance=np.abs(loss - jaspar.strands.threshold[which]) * GRID,
        # Half a step a base on memelite's grid; on jaspar's, once for the threshold and once for the site; and a step of each,
        # for a threshold is the first one of the grid that suffices.
        bound=width * (bin_size / 2 + GRID) + bin_size + GRID,
        p_value=jaspar.score_sites(record, attribution, motif, start, strand).p_value,
    )


def assert_shared_sites_agree(found: Comparison) -> None:
    """Sites that both list have the same place, score and attribution scores, and p-values that rounding explains."""
    ours, theirs = found.hits["jaspar"], found.hits["memelite"]
    shared = found.rows["jaspar"].keys() & found.rows["memelite"].keys()
    i, j = np.array([(found.rows["jaspar"][site], found.rows["memelite"][site]) for site in shared]).T
    for name in ("end", "site_attr_score", "motif_attr_score"):
        np.testing.assert_array_equal(getattr(ours, name)[i], getattr(theirs, name)[j], err_msg=name)
    np.testing.assert_array_equal(ours.score[i], theirs.score[j])
    ratio = np.log2(theirs.p_value[j] / ours.p_value[i])
    assert np.median(np.abs(ratio)) < 0.15


def random_record(length: int) -> GeneRecord:
    return GeneRecord(gene="random", codes=np.random.default_rng(1).integers(0, 4, length, dtype=np.int8))


def test_all_of_jaspar_on_random_dna(make: Callable[..., Any]) -> None:
    found = compare(make, random_record(60_000))
    assert len(found.rows["jaspar"]) > 8_000
    assert 0.92 < found.jaccard < 0.96
    assert (found.distance <= found.bound).all()
    assert 4e-5 < found.p_value.min() < 1e-4 < found.p_value.max() < 2e-4
    assert_shared_sites_agree(found)


def test_finer_bins_bring_them_together(make: Callable[..., Any]) -> None:
    found = compare(make, random_record(20_000), bin_size=GRID)
    assert found.jaccard > 0.98
    assert (found.distance <= found.bound).all()


@pytest.mark.parametrize("region", ["summits", "peaks"])
def test_around_summits_too(make: Callable[..., Any], region: str) -> None:
    found = compare(make, random_record(30_000), summits=range(0, 30_000, 30), region=region)
    assert 0.9 < found.jaccard < 0.97
    assert (found.distance <= found.bound).all()


@needs_real_data
@pytest.mark.slow
@pytest.mark.parametrize("gene", ["CD68", "SPI1"])
def test_all_of_jaspar_on_a_gene(make: Callable[..., Any], gene: str) -> None:
    """The full window of 524,288 bases, on which 156,000 and 153,000 sites are found."""
    with Registry.discover().create("source", "hdf5", path=str(DATA / "hg38_genes.h5")) as source:
        record = source.read(gene)
    found = compare(make, record)
    assert len(found.rows["memelite"]) == {"CD68": 156_095, "SPI1": 152_816}[gene]
    assert 0.94 < found.jaccard < 0.96
    assert (found.distance <= found.bound).all()
    assert 5e-5 < found.p_value.min() < 1e-4 < found.p_value.max() < 1.5e-4
    assert_shared_sites_agree(found)
