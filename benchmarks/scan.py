"""Scanning for motifs: the search alone and the whole table of ``jaspar``, beside memelite and lightmotif."""

from __future__ import annotations

import numpy as np

from benchmarks.area import Area, main
from benchmarks.bench import Bench, Disagreement
from benchmarks.results import Target
from decima_core import ScanOptions, load_motifs

# memelite rounds scores to tenths of a bit, so near the threshold its sites are others.
LEAST_SHARED = 0.85


def agree(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Which part of all sites both found; each site is one number."""
    shared = len(np.intersect1d(ours, theirs)) / max(len(np.union1d(ours, theirs)), 1)
    if shared < LEAST_SHARED:
        raise Disagreement(f"of {len(ours):,} and {len(theirs):,} sites, the part {shared:.3f} is shared")
    return f"{len(ours):,} and {len(theirs):,} sites, {shared:.1%} shared."


def measure(bench: Bench) -> None:
    length, genes, windows = bench.size(524_288, 5_000), bench.size(20, 2), bench.size(200, 5)
    names = () if not bench.settings.tiny else ("CTCF", "GATA1", "SPI1")
    motifs = load_motifs(ScanOptions(release="JASPAR2024", names=names))
    files = {name: str(bench.folder / name) for name in ("motifs.npz", "genes.npy", "windows.npy")}
    np.savez(files["motifs.npz"], **{f"{i:04}": motif.ppm for i, motif in enumerate(motifs)})
    random = np.random.default_rng(0)
    np.save(files["genes.npy"], random.integers(0, 4, (genes, length), dtype=np.int8))
    np.save(files["windows.npy"], random.integers(0, 4, (windows, 36), dtype=np.int8))
    packages = ("numpy", "llvmlite", "pyjaspar")
    ours = bench.ours("ours_scan", packages=packages)
    table = bench.ours("ours_table", label="ours, whole table", packages=packages)
    memelite = bench.peer("memelite", "memelite_scan", ("memelite", "numba", "numpy"))
    lightmotif = bench.peer("lightmotif", "lightmotif_scan", ("lightmotif", "numpy"))
    everyone = [ours, table, memelite, lightmotif]
    bench.about = {"motifs": len(motifs), "bases": f"{length:,}"}
    given = {"motifs": files["motifs.npz"], "path": files["genes.npy"], "p_threshold": 1e-4}

    bench.table(f"One window of {length:,} bases, p <= 1e-4, both strands")
    for what, kept, target in (("motif set made anew", False, 0.35), ("motif set kept", True, 0.12)):
        bench.compare(
            what,
            "scan",
            everyone,
            {**given, "sequences": 1, "kept": kept},
            agree=agree,
            targets=[Target(against="memelite", at_most=target)],
        )
    bench.table(f"{genes} windows of {length:,} bases, p <= 1e-4, both strands")
    bench.compare(
        "motif set kept",
        "scan",
        everyone,
        {**given, "sequences": genes, "kept": True},
        agree=agree,
        rounds=min(bench.settings.rounds, 3),
        targets=[Target(against="memelite", at_most=0.12)],
    )
    bench.table(f"{windows} windows of 36 bases, p <= 1e-3, both strands")
    small = {"motifs": files["motifs.npz"], "path": files["windows.npy"], "p_threshold": 1e-3}
    bench.compare(
        "motif set kept",
        "scan",
        [ours, memelite, lightmotif],
        {**small, "sequences": windows, "kept": True},
        agree=agree,
        targets=[Target(against="memelite", at_most=0.06)],
    )


AREA = Area("scan", measure)

if __name__ == "__main__":
    main([AREA])
