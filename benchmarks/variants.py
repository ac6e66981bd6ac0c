"""Items of variants: both alleles, item by item and through loaders, beside Decima's ``VariantDataset`` and the floor."""

from __future__ import annotations

from benchmarks.area import Area, main
from benchmarks.bench import Bench
from benchmarks.datasets import LOADERS
from benchmarks.inputs import write_genome, write_snvs
from benchmarks.results import OURS, Target

FROM_FILE = f"{OURS}, gene file"


def measure(bench: Bench) -> None:
    length, pad, genes = bench.size(524_288, 2_000), bench.size(5_000, 20), bench.size(20, 2)
    fasta, metadata, file = write_genome(bench.folder, genes, length, pad)
    ours, from_file = bench.ours("ours_items"), bench.ours("ours_items", label=FROM_FILE)
    # Decima's class has its window's length built in.
    theirs = None if bench.settings.tiny else bench.peer("decima", "decima_items", ("decima", "grelu", "anndata"))
    floor = bench.ours("floor_items", label="floor")
    bench.about = {"bases": f"{length:,}", "genes": genes}

    def inputs(number: int, among: int) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
        path = bench.folder / f"{number}-{among}.tsv"
        changes = write_snvs(path, fasta, metadata, number, among)
        given = {"genes": None, "variants": str(path), "fasta": str(fasta), "metadata": str(metadata)}
        return given, {FROM_FILE: {"genes": str(file)}, "floor": {"genes": str(file), "variants": changes}}

    many = bench.size(1_000, 12)
    bench.table("Making a `VariantDataset`")
    given, own = inputs(many, genes)
    bench.compare(f"{many:,} SNVs in {genes} genes", "construct", [ours, from_file, theirs], given, own=own)
    bench.table("Its items")
    for number, among in ((bench.size(30, 4), bench.size(3, 2)), (bench.size(20, 2), bench.size(20, 2))):
        given, own = inputs(number, among)
        bench.compare(
            f"items in process, {number // among} SNV{'s' * (number > among)} a gene",
            "one_by_one",
            [ours, from_file, theirs, floor],
            given,
            own=own,
            per=2 * number,
            targets=[Target(against="decima", better=20)],
        )
    number = bench.size(30, 4)
    given, own = inputs(number, bench.size(3, 2))
    for route, workers in LOADERS[: 3 if bench.settings.tiny else None]:
        routes = {OURS: {"route": route}, "decima": {"route": "DataLoader"}}
        bench.compare(
            f"`{route}`, {workers} workers",
            "through",
            [ours, theirs],
            {**given, "workers": workers},
            own=routes,
            per=2 * number,
        )


AREA = Area("variants", measure)

if __name__ == "__main__":
    main([AREA])
