"""Writing attributions: seconds and bytes of a gene in each layout, beside Decima's ``AttributionWriter``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.area import Area, main
from benchmarks.bench import Bench, Disagreement
from benchmarks.inputs import write_genome
from benchmarks.results import OURS

LAYOUTS = ("full", "projected", "float16")


def write_attributions(path: Path, genes: int, length: int) -> Path:
    """Codes, and the value of the base that is there: heavy tails, as attributions have."""
    rng = np.random.default_rng(0)
    values = rng.standard_t(3, (genes, length)).astype(np.float32) * np.float32(1e-3)
    np.savez(path, codes=rng.integers(0, 4, (genes, length), dtype=np.int8), values=values)
    return path


def alike(ours: Any, theirs: Any) -> str:
    """Values read back are the same, or of half precision."""
    if np.array_equal(ours, theirs):
        return ""
    if np.allclose(ours, theirs, rtol=2**-11, atol=0):
        return "values rounded to 11 bits"
    raise Disagreement("values read back differ")


def measure(bench: Bench) -> None:
    genes, length = bench.size(4, 2), bench.size(524_288, 3_000)
    inputs = write_attributions(bench.folder / "attributions.npz", genes, length)
    # Decima's writer has its window's length built in, and wants some metadata.
    theirs = None if bench.settings.tiny else bench.peer("decima", "decima_writing", ("decima", "grelu", "h5py"))
    metadata = write_genome(bench.folder, 1, 10, 2)[1]
    bench.about = {"bases": f"{length:,}", "genes in a file": genes}
    ours = bench.ours("ours_writing")
    bench.table("A gene's attributions and sequence in one HDF5 file")
    for layout in LAYOUTS:
        paths = {OURS: bench.folder / f"{layout}.h5", "decima": bench.folder / "decima.h5"}
        own = {
            OURS: {"path": str(paths[OURS]), "layout": layout},
            "decima": {"path": str(paths["decima"]), "metadata": str(metadata)},
        }
        row = bench.compare(
            f"layout `{layout}`", "write", [ours, theirs], {"inputs": str(inputs)}, own=own, agree=alike, per=genes
        )
        sizes = {label: [paths[label].stat().st_size / genes] for label in row.figures}
        bench.row(f"layout `{layout}`, size", sizes, unit="bytes")


AREA = Area("writing", measure)

if __name__ == "__main__":
    main([AREA])
