"""Attribution on a GPU, with a network of Decima's size at its full window: each way to compute, in time and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from benchmarks.area import Area, main
from benchmarks.attribution import APART, BARE, CAPTUM, PLAIN, TARGETS
from benchmarks.bench import Bench, Disagreement
from benchmarks.contenders import Contender
from benchmarks.results import OURS, Target

LOW: Mapping[str, Any] = {"low_memory": True}
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "`--precision tf32`": {"precision": "tf32"},
    "`--precision bf16`": {"precision": "bf16"},
    "`--compile`": {"compile": True},
}


def alike(ours: Any, theirs: Any) -> str:
    """Attributions agree if they differ by what rounding comes to, which so many layers of random weights make large."""
    gap = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    if not gap <= 2e-2:
        raise Disagreement(f"values differ by {gap:.1e} of the largest")
    return ""


def deviating(ours: Any, theirs: Any) -> str:
    """Another precision differs by nature; by how much is said."""
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise Disagreement("there are values that are not finite")
    correlation = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    gap = np.abs(ours - theirs).max() / np.abs(theirs).max()
    return f"correlation {correlation:.4f}, largest difference {gap:.2g} of the largest value"


def missing() -> str:
    """Why this cannot be measured here; nothing where it can."""
    import torch

    return "" if torch.cuda.is_available() else "there is no CUDA GPU here"


def measure(bench: Bench) -> None:
    given = {"length": bench.size(524_288, 1_024), "tiny": bench.settings.tiny}
    plain = _start(bench, PLAIN)
    card, cuda = plain.ask("card", answer=True).answer
    bench.about = {
        "GPU": f"{card}, CUDA {cuda}",
        "window": f"{given['length']:,} bases",
        "targets": TARGETS,
    }
    one: dict[str, Any] = {**given, "how": "ours"}
    several: dict[str, Any] = {**given, "targets": TARGETS, "together": True}
    ways = OTHERS if card != "none" else {"`--precision bf16`": OTHERS["`--precision bf16`"]}
    rows = [
        _Row("one target", "one", one, {}, {BARE: {"how": "bare"}, CAPTUM: {"how": "captum"}}, time=1.03, memory=1.05),
        _Row("one target, `--low-memory`", "one", one, {"compute": LOW}, {PLAIN: {}}, time=1.35, memory=0.40),
        *(
            _Row(f"one target, {name}", "one", one, {"compute": way}, {PLAIN: {}}, agree=deviating)
            for name, way in ways.items()
        ),
        _Row(f"{TARGETS} targets", "several", several, {}, {APART: {"together": False}}, time=0.65),
        _Row(
            f"{TARGETS} targets, `--low-memory`",
            "several",
            several,
            {"compute": LOW},
            {PLAIN: {}},
            time=1.35,
            memory=0.40,
        ),
    ]
    bench.table("Time")
    held = [_timed(bench, row, plain) for row in rows]
    if card == "none":  # a tiny run where there is no GPU
        return
    bench.table("Memory of the GPU beyond the weights, the most at any time")
    for row, figures in zip(rows, held, strict=True):
        bench.row(row.what, figures, unit="MiB", targets=row.target(row.memory))


@attrs.frozen
class _Row:
    """A task that ours does in some way, ``own``, and others in theirs; and what was aimed at, beside the first of them."""

    what: str
    task: str
    base: Mapping[str, Any]
    own: Mapping[str, Any]
    others: Mapping[str, Mapping[str, Any]]
    time: float | None = None
    memory: float | None = None
    agree: Callable[[Any, Any], str] = alike

    def target(self, at_most: float | None) -> list[Target]:
        return [] if at_most is None else [Target(against=next(iter(self.others)), at_most=at_most)]


def _timed(bench: Bench, row: _Row, plain: Contender) -> dict[str, list[float]]:
    """Fill a row of time, and return the memory that each takes. No more processes hold memory of the GPU than it takes."""
    there = [_start(bench, OURS), *(plain if label == PLAIN else _start(bench, label) for label in row.others)]
    ways = {OURS: row.own, **row.others}
    rounds = bench.settings.rounds if row.task == "one" else max(1, bench.settings.rounds // 2)
    bench.compare(
        row.what,
        row.task,
        there,
        row.base,
        own=ways,
        agree=row.agree,
        targets=row.target(row.time),
        rounds=rounds,
    )
    held = {
        each.label: [each.ask("most", answer=True, what=row.task, **{**row.base, **ways[each.label]}).answer]
        for each in there
    }
    for each in there:
        if each is not plain:
            each.close()
    return held


def _start(bench: Bench, label: str) -> Contender:
    return bench.ours("gpu_attribution", label=label, packages=("torch", "captum") if label == CAPTUM else ("torch",))


AREA = Area("gpu", measure, missing)

if __name__ == "__main__":
    main([AREA])
