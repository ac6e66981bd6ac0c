"""The whole pipeline, gene by gene: read, attribute, call peaks, name motifs, write. Seconds a gene, and genes an hour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.area import Area, main
from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.inputs import write_genome
from benchmarks.results import OURS
from decima_core import ScanOptions, load_motifs

NETWORK = '''
"""Three convolutions over 64 bases of pooling, two tasks; small, so that what is around the model shows."""

import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv1d(5, 32, 15, padding=7), nn.ReLU(), nn.MaxPool1d(8)),
        *(nn.Conv1d(32, 32, 9, padding=4), nn.ReLU(), nn.MaxPool1d(8)),
        *(nn.Conv1d(32, 64, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 2)),
    ).eval()
'''
PARTS = "Decima's parts"
_HEAD = (
    "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n"
)


def write_motifs(path: Path, number: int | None) -> int:
    """The vertebrates' motifs of JASPAR 2024 in MEME's format, or the first few; how many there are."""
    motifs = load_motifs(ScanOptions(release="JASPAR2024"))[:number]
    blocks = [
        f"MOTIF {motif.id} {re.sub(r'[^A-Za-z0-9.:-]', '_', motif.name)}\n"
        f"letter-probability matrix: alength= 4 w= {motif.width} nsites= 100 E= 0\n"
        + "".join(" ".join(f"{p:.6f}" for p in column) + "\n" for column in motif.ppm.T)
        for motif in motifs
    ]
    path.write_text("\n".join([_HEAD, *blocks]), encoding="utf-8")
    return len(motifs)


def counted(ours: Any, theirs: Any) -> str:
    """Peaks and hits are of each program's own rules; only their numbers can be told."""
    return f"{ours[0]:,} peaks and {ours[1]:,} hits; theirs {theirs[0]:,} and {theirs[1]:,}"


def measure(bench: Bench) -> None:
    genes, length = bench.size(3, 2), bench.size(524_288, 3_000)
    _, metadata, path = write_genome(bench.folder, genes, length, bench.size(5_000, 20))
    motifs, network = bench.folder / "motifs.meme", bench.folder / "network.py"
    network.write_text(NETWORK, encoding="utf-8")
    bench.about = {
        "bases": f"{length:,}",
        "genes": genes,
        "motifs": write_motifs(motifs, bench.size(10_000, 20)),
        "network": "three convolutions, two tasks",
        "method": "input x gradient",
    }
    given = {"genes": str(path), "network": str(network), "motifs": str(motifs), "folder": str(bench.folder)}
    # Decima's pieces have its window's length built in.
    needed = ("decima", "grelu", "captum", "tangermeme", "memelite")
    theirs = None if bench.settings.tiny else bench.peer(PARTS, "decima_pipeline", needed)
    ours = bench.ours("ours_pipeline", packages=("torch", "captum", "scipy", "llvmlite"))
    bench.table("Seconds a gene, everything included")
    own: dict[str, dict[str, Any]] = {PARTS: {"metadata": str(metadata)}}
    _compare(bench, "a run, each with its defaults", [ours, theirs], given, own)
    if theirs is not None:
        peaks, _ = theirs.ask("run", answer=True, **given, **own[PARTS]).answer
        own[OURS] = {"peaks": peaks // genes}
        _compare(
            bench, "a run, with as many peaks, and sites at p ≤ 5e-4 anywhere in 36 bp", [ours, theirs], given, own
        )
    bench.table("Of which, ours alone")
    stages = [ours.ask("stages", answer=True, **given).answer for _ in range(bench.size(3, 1))]
    for stage in stages[0]:
        bench.row(stage, {OURS: [found[stage] / genes for found in stages]})
    bench.row("peak memory of the process", {OURS: [ours.ask("stages", **given).peak_mib or 0.0]}, unit="MiB")


def _compare(bench: Bench, what: str, contenders: Sequence[Contender | None], given: Any, own: Any) -> None:
    row = bench.compare(what, "run", contenders, given, own=own, agree=counted, per=bench.about["genes"], rounds=3)
    hourly = [f"{3600 / row.median(label):,.0f}" for label in row.figures]
    bench.remark(f"{hourly[0]} genes an hour" + (f", theirs {hourly[1]}" if hourly[1:] else ""))


AREA = Area("pipeline", measure)

if __name__ == "__main__":
    main([AREA])
