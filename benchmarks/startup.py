"""Start-up: how long until the command line answers, beside a bare interpreter and the peers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.area import Area, main
from benchmarks.bench import Bench
from benchmarks.inputs import write_genes
from benchmarks.processes import Ran, environment, run
from benchmarks.results import OURS, Target

MODEL = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv1d(5, 8, 15, padding=7), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 2))
"""
OURS_CLI = [sys.executable, "-c", "from decima_core.cli import main; main()"]
BARE = "bare Python"


class Programs:
    """Programs that take turns in being started."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._variables = environment(bench.folder)

    def compare(
        self,
        what: str,
        commands: Mapping[str, Sequence[str]],
        *,
        until: Mapping[str, str] | None = None,
        targets: Sequence[Target] = (),
        rounds: int | None = None,
        memory: bool = False,
    ) -> None:
        """Start each once, to compile its bytecode, then in turn; a row of seconds, and one of memory if asked."""
        found: dict[str, list[Ran]] = {label: [] for label in commands}
        for number in range(1 + (rounds or self._bench.settings.rounds)):
            for label, command in commands.items():
                ran = run(command, self._variables, self._bench.folder, (until or {}).get(label))
                if number:
                    found[label].append(ran)
        seconds = {label: [ran.seconds for ran in runs] for label, runs in found.items()}
        self._bench.row(what, seconds, targets=targets)
        if memory:
            peaks = {label: [ran.peak_mib for ran in runs] for label, runs in found.items()}
            self._bench.row(f"{what}, memory", peaks, unit="MiB")


def measure(bench: Bench) -> None:
    programs, bare = Programs(bench), [sys.executable, "-c", "pass"]
    bench.used(OURS, ("click", "attrs", "pluggy", "torch"))
    bench.table("Commands that compute nothing")
    many = bench.size(3 * bench.settings.rounds, 1)
    for what, command, at_most in (
        ("`decima-core --help`", [*OURS_CLI, "--help"], 5),
        ("`decima-core plugins`", [*OURS_CLI, "plugins"], 12),
        ("`decima-core run --help`", [*OURS_CLI, "run", "--help"], None),
        ("`import decima_core`", [sys.executable, "-c", "import decima_core"], None),
    ):
        targets = [] if at_most is None else [Target(against=BARE, at_most=at_most)]
        programs.compare(what, {OURS: command, BARE: bare}, targets=targets, rounds=many)
    _peers(bench, programs)
    _first_gene(bench, programs)


def _peers(bench: Bench, programs: Programs) -> None:
    bench.table("Beside Decima's command line")
    python = bench.interpreter("decima", ("decima", "grelu"))
    if python is None:
        return
    rounds = bench.size(3, 1)
    script = str(Path(python).with_name("decima"))
    commands = {OURS: [*OURS_CLI, "--help"], "decima": [script, "--help"]}
    programs.compare("`--help`", commands, rounds=rounds, memory=True)
    imports = {OURS: [sys.executable, "-c", "import decima_core"], "decima": [python, "-c", "import decima"]}
    programs.compare("`import`", imports, rounds=rounds)


def _first_gene(bench: Bench, programs: Programs) -> None:
    bench.table("`decima-core run`, up to its first gene")
    genes = write_genes(bench.folder / "genes.h5", 2, 2_000, 20, tasks=2)
    (bench.folder / "my_model.py").write_text(MODEL, encoding="utf-8")
    options = ["--source", str(genes), "--model", "my_model:build", "--transform", "aggregate", "--device", "cpu"]
    results = ["--output", str(bench.folder / "results"), "--overwrite"]
    needed = "import torch, captum.attr, h5py, pandas, llvmlite.binding"
    commands = {
        OURS: [*OURS_CLI, "run", *options, *results],
        "import torch": [sys.executable, "-c", "import torch"],
        "imports needed": [sys.executable, "-c", needed],
    }
    programs.compare("2 genes of 2,000 bases", commands, until={OURS: "G0:"}, memory=True)


AREA = Area("startup", measure)

if __name__ == "__main__":
    main([AREA])
