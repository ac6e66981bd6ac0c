"""Reading one gene: ``extract_gene_data`` and ``get_gene_idx``, beside Decima's functions of these names and the floor."""

from __future__ import annotations

from benchmarks.area import Area, main
from benchmarks.bench import Bench
from benchmarks.inputs import STORAGE, write_genes
from benchmarks.results import Target


def measure(bench: Bench) -> None:
    length, pad = bench.size(524_288, 3_000), bench.size(5_000, 30)
    genes, listed = bench.size(20, 3), bench.size(19_000, 50)
    ours = bench.ours("ours_genes")
    theirs = bench.peer("decima", "decima_genes", ("decima", "grelu", "torch"))
    floor = bench.ours("floor_items", label="floor")
    bench.about = {"genes": genes, "bases": f"{length:,} of {length + 2 * pad:,}", "genes listed": f"{listed:,}"}
    for storage in STORAGE:
        bench.table(f"A gene of {length:,} bases, {storage} file")
        path = str(write_genes(bench.folder / f"{storage}.h5", genes, length, pad, storage=storage))
        bench.compare(
            "`extract_gene_data`",
            "extract",
            [ours, theirs, floor if storage == "contiguous" else None],
            {"path": path, "length": length, "genes": genes},
            per=genes,
            targets=[Target(against="decima", better=6), Target(against="floor", at_most=2.5)]
            if storage == "contiguous"
            else [],
        )
    bench.table("Looking up the row of a gene")
    path = str(write_genes(bench.folder / "many.h5", listed, 10, tasks=1))
    calls = bench.size(2_000, 3)
    bench.compare(
        f"`get_gene_idx`, {listed:,} genes",
        "look_up",
        [ours, theirs],
        {"path": path, "gene": f"G{listed - 1}"},
        times={ours.label: calls},
        targets=[Target(against="decima", better=1_000)],
    )


AREA = Area("genes", measure)

if __name__ == "__main__":
    main([AREA])
