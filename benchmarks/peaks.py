"""Peak calling: beside ``scipy.signal.find_peaks``, and beside the attribution whose peaks are called."""

from __future__ import annotations

import numpy as np

from benchmarks.area import Area, main
from benchmarks.bench import Bench
from benchmarks.results import Target

SCIPY, ATTRIBUTION = "scipy", "its attribution"


def measure(bench: Bench) -> None:
    length, width = bench.size(524_288, 4_096), bench.size(32, 4)
    path = bench.folder / "track.npy"
    np.save(path, track(length))
    bench.about = {"window": f"{length:,} bases", "channels of the network": width}
    ours = bench.ours("ours_peaks", packages=("numpy", "scipy"))
    scipy = bench.ours("floor_peaks", label=SCIPY, packages=("numpy", "scipy"))
    attribution = bench.ours("floor_attribution", label=ATTRIBUTION, packages=("torch",))
    bench.table("All summits above a height")
    for height in (0.5, 0.1):
        bench.compare(
            f"summits above {height}, {np.mean(np.load(path) > height):.1%} of the bases",
            "summits",
            [ours, scipy],
            {"path": str(path), "height": height, "distance": 6},
            times=bench.size(10, 1),
            note="ours sums the four bases and orders the peaks as well",
        )
    bench.table("A gene, as a run does it")
    bench.compare(
        "peaks of a gene",
        "gene",
        [ours, attribution],
        {"length": length, "width": width},
        own={ours.label: {"path": str(path)}},
        agree=None,
        targets=[Target(against=ATTRIBUTION, at_most=0.02)],
        times={ours.label: bench.size(10, 1)},
        rounds=max(1, bench.settings.rounds // 2),
        note="the attribution is one forward and one backward pass of bare torch",
    )


def track(length: int) -> np.ndarray:
    """Noise, and a bump every thousand bases."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.06, length)
    for centre in range(500, length - 20, 1_000):
        values[centre - 15 : centre + 16] += rng.uniform(0.3, 2) * np.exp(-0.5 * (np.arange(-15, 16) / 4) ** 2)
    return values.astype(np.float32)


AREA = Area("peaks", measure)

if __name__ == "__main__":
    main([AREA])
