"""Real CTCF sites and a real CTCF model: a variant that breaks a site lowers the prediction and heads the lost motifs."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from support import DATA, ROOT, needs_real_data, write_gene_file

from decima_core.effects import explain_variants, variant_effects
from decima_core.naming import weight
from decima_core.pipeline import interpret
from decima_core.records import Motif
from decima_core.registry import Registry
from decima_core.sections import TargetOptions
from decima_core.sequence import decode

CTCF = ("MA0139", "MA1929", "MA1930")
LENGTH, FLANK, WINDOWS = 2114, 50, 6
# Two CTCF sites overlap here, one on each strand: three bases out of one leave the other whole, and the model sees it so.
BACKED_UP = "CD68_144500"
AGGREGATE = TargetOptions(transform="aggregate")

pytestmark = [needs_real_data, pytest.mark.slow]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The windows in which the model predicts most, with 50 bases of the genome on each side."""
    with h5py.File(DATA / "hg38_ctcf_windows.h5") as file:
        names = [name.decode() for name in file["genes"][:, 0]]
        best = np.argsort(-file["labels"][:, 0, 0])[:WINDOWS]
    rows = []
    with h5py.File(DATA / "hg38_genes.h5") as file:
        genes = [name.decode() for name in file["genes"][:, 0]]
        for name in (names[i] for i in best):
            gene, _, offset = name.rpartition("_")
            first = int(offset) - FLANK
            rows.append(file["sequences"][genes.index(gene), first : first + LENGTH + 2 * FLANK])
    path = write_gene_file(
        tmp_path_factory.mktemp("real") / "windows.h5",
        np.array(rows),
        names=[names[i] for i in best],
        mask=slice(1000, 1100),
        tasks=["counts"],
    )
    with h5py.File(path, "r+") as file:
        file["pad"][()], file["seq_len"][()] = FLANK, LENGTH
    return Registry.discover().create("source", "hdf5", path=str(path))


@pytest.fixture(scope="module")
def providers() -> dict[str, Any]:
    registry = Registry.discover()
    model = registry.create(
        "model", "torch", path=f"{ROOT}/examples/ctcf_bpnet.py:build", weights=str(DATA / "bpnet_ctcf_k562.safetensors")
    )
    return {
        "model": model,
        "method": registry.create("method", "input-x-gradient"),
        "caller": registry.create("peaks", "scipy"),
        "scanner": registry.create("motifs", "jaspar"),
    }


def strongest_site(source: Any, providers: dict[str, Any], gene: str) -> tuple[int, Motif, str]:
    """Start, matrix and strand of the site of CTCF's core motif with the most support."""
    result = next(interpret(source, *providers.values(), target=AGGREGATE, genes=[gene]))
    hits = result.hits
    ctcf = np.flatnonzero([motif.startswith(CTCF[0]) for motif in hits.motif_id])
    best = int(ctcf[weight(hits)[ctcf].argmax()])
    motif = next(m for m in providers["scanner"].motifs if m.id == hits.motif_id[best])
    return int(hits.start[best]), motif, str(hits.strand[best])


def breaking_variants(source: Any, providers: dict[str, Any], gene: str) -> tuple[pd.DataFrame, range]:
    """An SNV of the most informative base that matches, and a deletion of the three most informative neighbours; the site."""
    start, motif, strand = strongest_site(source, providers, gene)
    ppm = motif.ppm if strand == "+" else motif.ppm[::-1, ::-1]
    information = (ppm * np.log2(np.maximum(ppm, 1e-9) / 0.25)).sum(axis=0)
    codes = source.read(gene).codes[start : start + motif.width]
    matching = [i for i in np.argsort(-information) if ppm[:, i].argmax() == codes[i]]
    base = int(matching[0])
    three = int(np.convolve(information, np.ones(3), "valid").argmax())
    bases = decode(source.read(gene).codes)
    anchor = start + three - 1
    table = pd.DataFrame(
        [
            {
                "gene": gene,
                "rel_pos": start + base,
                "ref_tx": bases[start + base],
                "alt_tx": "ACGT"[ppm[:, base].argmin()],
            },
            {"gene": gene, "rel_pos": anchor, "ref_tx": bases[anchor : anchor + 4], "alt_tx": bases[anchor]},
        ]
    )
    return table, range(start, start + motif.width)


@pytest.mark.parametrize("number", range(WINDOWS))
def test_a_broken_ctcf_site_lowers_the_counts_and_heads_the_lost_motifs(
    source: Any, providers: dict[str, Any], number: int
) -> None:
    gene = source.genes()[number]
    table, site = breaking_variants(source, providers, gene)
    effects = pd.concat(variant_effects(source, providers["model"], table, target=AGGREGATE, device="cpu"))
    assert effects["status"].tolist() == ["ok", "ok"]
    assert (effects["difference"] < 0).all(), effects["difference"].tolist()
    if gene == BACKED_UP:
        table = table.iloc[:1]
    assert (effects["difference"].iloc[: len(table)] < -0.2).all(), effects["difference"].tolist()
    explained = explain_variants(
        source, providers["model"], providers["method"], providers["scanner"], table, target=AGGREGATE, device="cpu"
    )
    for each in explained:
        lost = each.motifs[each.motifs["change"] == "lost"]
        assert lost.iloc[0]["motif_id"].startswith(CTCF), lost[["motif_id", "motif_name", "support_change"]].head()
        assert lost.iloc[0]["support_change"] < 0
        assert lost.iloc[0]["touches"]
        # The site itself, in this matrix or another of CTCF's, and not another site of the window.
        first, last = lost.iloc[0][["start_ref", "end_ref"]]
        assert len(range(max(first, site.start), min(last, site.stop))) == min(last - first, len(site))
