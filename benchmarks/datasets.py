"""Items of genes: ``HDF5Dataset`` item by item and through loaders, beside Decima's class and the floor."""

from __future__ import annotations

from benchmarks.area import Area, main
from benchmarks.bench import Bench
from benchmarks.inputs import write_genes
from benchmarks.results import OURS, Target

LOADERS = (("DataLoader", 0), ("loader", 0), ("DataLoader", 1), ("loader", 1), ("DataLoader", 2), ("loader", 2))


def measure(bench: Bench) -> None:
    length, pad, genes = bench.size(524_288, 3_000), bench.size(5_000, 30), bench.size(20, 3)
    path = write_genes(bench.folder / "genes.h5", genes, length, pad)
    ours = bench.ours("ours_items")
    # Decima's class has its window's length built in.
    theirs = None if bench.settings.tiny else bench.peer("decima", "decima_items", ("decima", "grelu", "torch"))
    floor = bench.ours("floor_items", label="floor")
    bench.about = {"bases": f"{length:,} of {length + 2 * pad:,}", "genes": genes, "labels": "100 tasks"}
    given = {"genes": str(path)}
    bench.table("`HDF5Dataset`, contiguous file")
    bench.compare(
        "items in process",
        "one_by_one",
        [ours, theirs, floor],
        given,
        per=genes,
        targets=[Target(against="decima", better=6)],
    )
    for route, workers in LOADERS[: 3 if bench.settings.tiny else None]:
        bench.compare(
            f"`{route}`, {workers} workers",
            "through",
            [ours, theirs],
            {**given, "workers": workers},
            own={OURS: {"route": route}, "decima": {"route": "DataLoader"}},
            per=genes,
        )


AREA = Area("datasets", measure)

if __name__ == "__main__":
    main([AREA])
