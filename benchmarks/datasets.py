"""Items a second of the datasets, beside the floor and beside the original package's way.

    python benchmarks/datasets.py [--genes 40] [--variants 1000] [--original PYTHON]

Writes gene files of random bases, contiguous and compressed, into a temporary folder, and reads them with ``HDF5Dataset`` and
``VariantDataset``: item by item, and with no, one and two workers of a ``DataLoader`` and of ``loader``. Every line of
the table is a process of its own. *Cold* is its first pass, with the file dropped from the system's cache where that is
permitted; *warm* is what follows. A pass includes the start of its workers when cold and not when warm.

The *floor* is the least that any dataset must do: one ``pread`` of the bases and the mask from a contiguous file, and the one-hot
form. ``--original`` names the interpreter of an environment with the package ``decima``; its classes then read the same files in
``original_datasets.py``, which says what it stands for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pandas as pd

LENGTH, PAD, TASKS = 524_288, 5_000, 100
ROUTES = ("in process", "DataLoader 0", "DataLoader 1", "DataLoader 2", "loader 0", "loader 1", "loader 2")
STORAGE: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "compressed": {"chunks": (1, 65_536), "compression": "gzip", "compression_opts": 4, "shuffle": True},
}


def write_genes(path: Path, n_genes: int, storage: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    width = LENGTH + 2 * PAD
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        file["genes"] = np.array([(f"G{g}", "train") for g in range(n_genes)], dtype=text)
        file["tasks"] = np.array([f"task {t}" for t in range(TASKS)], dtype=text)
        file["labels"] = rng.normal(size=(n_genes, TASKS, 1)).astype(np.float32)
        for key, value in (("pad", PAD), ("seq_len", LENGTH), ("padded_seq_len", width)):
            file[key] = value
        sequences = file.create_dataset("sequences", (n_genes, width), np.int8, **storage)
        masks = file.create_dataset("masks", (n_genes, width), np.float32, **storage)
        for g in range(n_genes):
            sequences[g] = rng.integers(0, 4, width, dtype=np.int8)
            mask = np.zeros(width, dtype=np.float32)
            mask[PAD + 163_840 : PAD + 163_840 + int(rng.integers(5_000, 300_000))] = 1
            masks[g] = mask


def write_variants(path: Path, genes: Path, n: int) -> None:
    """SNVs anywhere in the windows, sorted by gene as in a sorted VCF."""
    rng = np.random.default_rng(1)
    with h5py.File(genes) as file:
        n_genes = len(file["genes"])
        rows, places = np.sort(rng.integers(0, n_genes, n)), rng.integers(0, LENGTH, n)
        refs = [int(file["sequences"][row, PAD + at]) for row, at in zip(rows, places, strict=True)]
    alts = [(ref + int(rng.integers(1, 4))) % 4 for ref in refs]
    letters = "ACGT"
    pd.DataFrame(
        {
            "gene": [f"G{row}" for row in rows],
            "rel_pos": places,
            "ref_tx": [letters[ref] for ref in refs],
            "alt_tx": [letters[alt] for alt in alts],
        }
    ).to_csv(path, sep="\t", index=False)


def forget(path: Path) -> bool:
    """Drop a file from the system's cache; False where the system does not."""
    if not hasattr(os, "posix_fadvise"):
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def timed(passes: Callable[[], Iterable[Any]], n_items: int, repeats: int) -> list[float]:
    """Milliseconds an item of each pass over the first ``n_items``."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        n = sum(1 for _ in islice(passes(), n_items))
        found.append((time.perf_counter() - started) / n * 1e3)
    return found


def measure(kind: str, route: str, genes: str, table: str, n_items: int) -> dict[str, Any]:
    """One line of the table, in this process."""
    if route == "floor":
        return {"ms": timed(lambda: floor(genes), n_items, 4)}
    from torch.utils.data import DataLoader

    from decima_core.datasets import HDF5Dataset, VariantDataset, loader

    variants = pd.read_csv(table, sep="\t")
    started = time.perf_counter()
    dataset: Any = HDF5Dataset(None, genes) if kind == "genes" else VariantDataset(variants, genes)
    made = time.perf_counter() - started
    name, _, number = route.partition(" ")
    if name == "in":
        return {"made": made, "ms": timed(lambda: (dataset[i] for i in range(len(dataset))), n_items, 4)}
    if name == "loader" and not hasattr(dataset, "compact"):
        return {}
    workers = {"num_workers": int(number), "persistent_workers": number != "0"}
    batches = loader(dataset, **workers) if name == "loader" else DataLoader(dataset, **workers)
    return {"made": made, "ms": timed(lambda: batches, n_items, 4)}


def floor(genes: str) -> Iterable[np.ndarray]:
    """Items of a contiguous file with the least work; ``HDF5Dataset`` gives the same, without labels."""
    from decima_core.sequence import one_hot

    with h5py.File(genes) as file:
        (n_genes, width), sequences, masks = file["sequences"].shape, file["sequences"].id, file["masks"].id
        at_codes, at_masks = sequences.get_offset(), masks.get_offset()
    handle = os.open(genes, os.O_RDONLY)
    try:
        for row in range(n_genes):
            item = np.empty((5, LENGTH), dtype=np.float32)
            start = row * width + PAD
            codes = np.frombuffer(os.pread(handle, LENGTH, at_codes + start), dtype=np.int8)
            one_hot(codes, out=item[:4])
            os.preadv(handle, [item[4].data], at_masks + 4 * start)
            yield item
    finally:
        os.close(handle)


def line(label: str, python: str, script: Path, arguments: list[str], genes: Path) -> None:
    forget(genes)
    done = subprocess.run([python, str(script), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{label:<52} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    if not found:
        print(f"{label:<52} not possible yet")
        return
    cold, warm = found["ms"][0], min(found["ms"][1:])
    made = f"{found['made'] * 1e3:>10.0f}" if "made" in found else f"{'':>10}"
    print(f"{label:<52}{made}{cold:>10.2f}{warm:>10.2f}{1e3 / warm:>10.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=40)
    parser.add_argument("--variants", type=int, default=1_000)
    parser.add_argument("--items", type=int, default=200, help="variant items in a pass")
    parser.add_argument("--storage", choices=list(STORAGE), action="append")
    parser.add_argument("--original", help="interpreter of an environment with the package decima")
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        kind, route, genes, table, n_items = given.measure
        print(json.dumps(measure(kind, route, genes, table, int(n_items))))
        return
    here = Path(__file__).resolve()
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    print(f"{given.genes} genes of {LENGTH:,} + 2 x {PAD:,} bases, {TASKS} tasks, {given.variants:,} SNVs")
    print(f"{'':<52}{'made ms':>10}{'cold ms':>10}{'warm ms':>10}{'items/s':>10}")
    with TemporaryDirectory() as folder:
        for storage in given.storage or STORAGE:
            genes, table = Path(folder) / f"{storage}.h5", Path(folder) / f"{storage}.tsv"
            write_genes(genes, given.genes, STORAGE[storage])
            write_variants(table, genes, given.variants)
            jobs = [("genes", "floor", given.genes)] if storage == "contiguous" else []
            jobs += [("genes", route, given.genes) for route in ROUTES]
            jobs += [("variants", route, given.items) for route in ROUTES]
            for kind, route, n in jobs:
                arguments = ["--measure", kind, route, str(genes), str(table), str(n)]
                line(f"{storage}, {kind}, {route}", sys.executable, here, arguments, genes)
            if given.original:
                for kind, n in (("genes", given.genes), ("variants", given.items)):
                    for route in ROUTES[:4]:
                        arguments = [kind, route, str(genes), str(table), str(n)]
                        script = here.with_name("original_datasets.py")
                        line(f"{storage}, {kind}, original, {route}", given.original, script, arguments, genes)
            genes.unlink()


if __name__ == "__main__":
    main()
