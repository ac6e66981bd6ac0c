"""The attribution of a gene: beside bare torch and captum, several targets together and one by one, time and memory."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import attrs
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
    together = {**given, "targets": TARGETS, "together": True}
    bench.used(OURS, ("torch", "numpy"))
    for label, packages in (
        (BARE, ("torch",)),
        (CAPTUM, ("torch", "captum")),
        (APART, ("torch",)),
        (PLAIN, ("torch",)),
    ):
        bench.used(label, packages)
    ours = _Way("ours_attribution")
    ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("input x gradient, one target", "one", given),
        (f"{TARGETS} targets", "several", together),
    )
    bench.table("Time")
    rivals = {BARE: _Way("floor_attribution"), CAPTUM: _Way("captum_attribution")}
    _sit(bench, ways[0][0], "one", given, {OURS: ours, **rivals}, Target(against=BARE, at_most=1.03))
    apart = {OURS: ours, APART: _Way("ours_attribution", {"together": False})}
    _sit(bench, ways[1][0], "several", together, apart, Target(against=APART, at_most=0.65))
    low = {OURS: _Way("ours_attribution", {"low_memory": True}), PLAIN: ours}
    for name, task, asked in ways:
        _sit(bench, f"{name}, `--low-memory`", task, asked, low, Target(against=PLAIN, at_most=1.35))
    bench.table("Memory, beyond what a process holds before: the most at any time, each in a process of its own")
    rounds = range(max(1, bench.settings.rounds // 2))
    memory: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in rounds:
        memory[OURS].append(_taken(bench, "ours_attribution", "one", given))
        memory[BARE].append(_taken(bench, "floor_attribution", "one", given))
    target = Target(against=BARE, at_most=1.05)
    bench.row("input x gradient, one target", memory, unit="MiB", targets=[target])
    for name, task, asked in ways:
        spare = {
            label: [_taken(bench, "ours_attribution", task, {**asked, "low_memory": low}) for _ in rounds]
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


@attrs.frozen
class _Way:
    """A worker script, and what is asked of it beyond what all are asked."""

    script: str
    own: Mapping[str, Any] = attrs.field(factory=dict)


def _sit(
    bench: Bench, what: str, task: str, given: Mapping[str, Any], ways: Mapping[str, _Way], target: Target
) -> None:
    """Fill a row of time, each figure the median of three turns of processes that start anew.

    The same code takes up to a third more in one process than in another of the same kind, as the system places its memory: such large
    tensors are mapped anew each time. So no process stands for a contender.
    """
    figures: dict[str, list[float]] = {label: [] for label in ways}
    for _ in range(max(1, bench.settings.rounds - 2)):
        there = {
            label: Contender(label, way.script, threads=bench.settings.threads, folder=bench.folder)
            for label, way in ways.items()
        }
        try:
            asked = {label: {**given, **way.own} for label, way in ways.items()}
            answers = {label: each.ask(task, answer=True, **asked[label]).answer for label, each in there.items()}
            for label in list(ways)[1:]:
                near(answers[OURS], answers[label])
            turns = [
                {label: each.ask(task, **asked[label]).seconds for label, each in there.items()}
                for _ in range(bench.size(3, 1))
            ]
        finally:
            for each in there.values():
                each.close()
        for label, seconds in figures.items():
            seconds.append(statistics.median(turn[label] for turn in turns))
    bench.row(what, figures, targets=[target])


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
