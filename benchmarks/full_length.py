"""Seconds and peak memory of each stage on whole genes.

    python benchmarks/full_length.py GENES.h5 [--method NAME] [--region summits|window]

Explains every gene of the file with a small seeded five-channel network and all vertebrate motifs of JASPAR 2026. Peak memory is
the process's resident high-water mark, reset before each stage (Linux only); it includes what the stages before left alive.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from decima_core import Registry, TargetOptions, wrap_module
from decima_core.attribute import explain
from decima_core.device import resolve_device
from decima_core.guard import left_as_found
from decima_core.outputs.run_folder import RunFolder
from decima_core.pipeline import call_peaks, scan_motifs
from decima_core.records import Interpretation
from decima_core.targets import make_target


def network() -> nn.Module:
    """Three convolutions, 64 bases of pooling, two tasks."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv1d(5, 32, 15, padding=7), nn.ReLU(), nn.MaxPool1d(8)),
        *(nn.Conv1d(32, 32, 9, padding=4), nn.ReLU(), nn.MaxPool1d(8)),
        *(nn.Conv1d(32, 64, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 2)),
    )


def peak_memory() -> float:
    """MiB of the high-water mark since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


@contextmanager
def measured(rows: dict[str, list[tuple[float, float]]], stage: str) -> Iterator[None]:
    Path("/proc/self/clear_refs").write_text("5")
    started = time.perf_counter()
    yield
    rows.setdefault(stage, []).append((time.perf_counter() - started, peak_memory()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("genes")
    parser.add_argument("--method", default="input-x-gradient")
    parser.add_argument("--region", default="window")
    arguments = parser.parse_args()
    rows: dict[str, list[tuple[float, float]]] = {}
    registry, device = Registry.discover(), resolve_device("cpu")
    create: Callable[..., object] = registry.create
    with measured(rows, "create"):
        source = registry.create("source", "hdf5", path=arguments.genes)
        model = wrap_module(network(), name="benchmark")
        method = create("method", arguments.method)
        caller, scanner = create("peaks", "scipy"), create("motifs", "jaspar", region=arguments.region)
    target = make_target(model, TargetOptions(tasks=["0"]))
    genes = list(source.genes())
    with TemporaryDirectory() as folder, left_as_found(target, device):
        attributes = {"model_name": model.name, "genome": "unknown"}
        with RunFolder(Path(folder) / "out", genes, metadata={}, attributes=attributes) as results:
            for gene in genes:
                with measured(rows, "read"):
                    record = source.read(gene)
                with measured(rows, "attribute"):
                    attribution = explain(record, model, target, method, device, arguments.method)
                with measured(rows, "peaks"):
                    peaks = call_peaks(caller, attribution)
                with measured(rows, "motifs"):
                    hits = scan_motifs(scanner, record, attribution, peaks)
                with measured(rows, "write"):
                    results.write(Interpretation(record=record, attribution=attribution, peaks=peaks, hits=hits))
                print(f"{gene}: {len(record):,} bases, {len(peaks)} peaks, {len(hits):,} hits")
    print(f"\n{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, {arguments.method}")
    print("stage\tseconds a gene\tpeak MiB")
    for stage, figures in rows.items():
        seconds, memory = zip(*figures, strict=True)
        print(f"{stage}\t{sum(seconds) / len(seconds):.2f}\t{max(memory):.0f}")


if __name__ == "__main__":
    main()
