"""The attribution of a gene: beside bare torch and captum, several targets together and one by one, time and memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.area import Area, main
from benchmarks.bench import Bench, Disagreement
from benchmarks.contenders import Contender
from benchmarks.results import OURS, Target

TARGETS = 8
BARE, CAPTUM, APART, PLAIN = "torch.autograd", "captum", "one by one", "ours, plain"
# Freed memory goes back at once, for everybody: else glibc holds on to some, and what is measured is its habits.
RETURNED = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}


def near(ours: Any, theirs: Any) -> str:
    """Attributions agree if no value differs by more than float32 rounds, as a part of the largest."""
    gap = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    if not gap <= 1e-5:
        raise Disagreement(f"values differ by {gap:.1e} of the largest")
    return ""


def measure(bench: Bench) -> None:
    length, width = bench.size(131_072, 2_048), bench.size(64, 4)
    given = {"length": length, "width": width}
    bench.about = {"window": f"{length:,} bases", "channels": width, "targets": TARGETS}
    ours = bench.ours("ours_attribution", packages=("torch", "numpy"))
    bare = bench.ours("floor_attribution", label=BARE, packages=("torch",))
    captum = bench.ours("captum_attribution", label=CAPTUM, packages=("torch", "captum"))
    apart = bench.ours("ours_attribution", label=APART, packages=("torch",))
    bench.table("Time")
    bench.compare(
        "input x gradient, one target", "one", [ours, bare, captum], given, agree=near,
        targets=[Target(against=BARE, at_most=1.03)],
    )  # fmt: skip
    bench.compare(
        f"{TARGETS} targets",
        "several",
        [ours, apart],
        {**given, "targets": TARGETS},
        own={OURS: {"together": True}, APART: {"together": False}},
        agree=near,
        targets=[Target(against=APART, at_most=0.65)],
        rounds=max(1, bench.settings.rounds // 2),
    )
    plain = bench.ours("ours_attribution", label=PLAIN, packages=("torch",))
    bench.compare(
        "input x gradient, one target, `--low-memory`", "one", [ours, plain], given, agree=near,
        own={OURS: {"low_memory": True}}, targets=[Target(against=PLAIN, at_most=1.35)],
    )  # fmt: skip
    bench.compare(
        f"{TARGETS} targets, `--low-memory`", "several", [ours, plain], {**given, "targets": TARGETS, "together": True},
        agree=near, own={OURS: {"low_memory": True}}, targets=[Target(against=PLAIN, at_most=1.35)],
        rounds=max(1, bench.settings.rounds // 2),
    )  # fmt: skip
    for contender in (ours, bare, captum, apart, plain):
        contender.close()
    bench.table("Memory, beyond what a process holds before: the most at any time, each in a process of its own")
    rounds = range(max(1, bench.settings.rounds // 2))
    memory: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in rounds:
        memory[OURS].append(_taken(bench, "ours_attribution", "one", given))
        memory[BARE].append(_taken(bench, "floor_attribution", "one", given))
    target = Target(against=BARE, at_most=1.05)
    bench.row("input x gradient, one target", memory, unit="MiB", targets=[target])
    for name, task, own in (
        ("input x gradient, one target", "one", {}),
        (f"{TARGETS} targets", "several", {"targets": TARGETS, "together": True}),
    ):
        spare = {
            label: [_taken(bench, "ours_attribution", task, {**given, **own, "low_memory": low}) for _ in rounds]
            for label, low in ((OURS, True), (PLAIN, False))
        }
        bench.row(f"{name}, `--low-memory`", spare, unit="MiB", targets=[Target(against=PLAIN, at_most=0.40)])
    several = {
        label: [
            _taken(bench, "ours_attribution", "several", {**given, "targets": TARGETS, "together": together})
            for _ in rounds
        ]
        for label, together in ((OURS, True), (APART, False))
    }
    bench.row(f"{TARGETS} targets", several, unit="MiB")


def _taken(bench: Bench, script: str, task: str, given: Mapping[str, Any]) -> float:
    """MiB that a task takes in a process that has everything ready."""
    worker = Contender("memory", script, threads=bench.settings.threads, folder=bench.folder, variables=RETURNED)
    try:
        before = worker.ask("ready", length=given["length"], width=given["width"]).peak_mib
        after = worker.ask(task, **given).peak_mib
    finally:
        worker.close()
    return (after or 0.0) - (before or 0.0)


AREA = Area("attribution", measure)

if __name__ == "__main__":
    main([AREA])
