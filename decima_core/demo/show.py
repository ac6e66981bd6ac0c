"""The demo from start to end: plant, train, run the ordinary pipeline, compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
from safetensors.torch import save_file

from decima_core.choice import StageChoice
from decima_core.config import Plan, RunConfig
from decima_core.demo.compare import Recovery, compare
from decima_core.demo.genome import (
    EFFECTS,
    TASKS,
    make_genome,
    sites_table,
    training_set,
    write_fasta,
    write_gene_file,
    write_windows,
)
from decima_core.demo.train import train
from decima_core.errors import MotifError
from decima_core.outputs.assembly import RunSummary
from decima_core.records import Motif
from decima_core.registry import Registry

TASK = TASKS[0]
EPOCHS = 14
TRAINING_SEQUENCES = 16_000
TRAINING_LENGTH = 120


@attrs.frozen(kw_only=True)
class DemoResult:
    """Where everything lies, what was found of what, and the table of planted sites."""

    folder: Path
    recovery: Recovery
    table: pd.DataFrame


def run_demo(
    folder: Path,
    *,
    seed: int,
    n_genes: int,
    registry: Registry,
    execute: Callable[[Plan], RunSummary],
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> DemoResult:
    """Make the demo's data in ``folder``, train, and call ``execute`` on an ordinary plan; repeatable from ``seed``."""
    data = folder / "data"
    config = demo_config(folder, seed, overwrite)
    plan = config.plan(registry)  # every provider is found before time is spent on training
    data.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    motifs = demo_motifs(registry)
    chromosome, genes = make_genome(rng, motifs, n_genes)
    write_fasta(data / "genome.fa", chromosome)
    write_gene_file(data / "genes.h5", genes)
    write_windows(data / "windows.bed", genes)
    planted = sites_table(genes)
    planted.to_csv(data / "planted.tsv", sep="\t", index=False)
    tell(f"planted {len(planted)} sites of {', '.join(m.name for m in motifs)} around {n_genes} genes on both strands")

    codes, labels = training_set(rng, motifs, TRAINING_SEQUENCES, TRAINING_LENGTH)
    network = registry.create("model", "demo", tasks=TASKS, seed=seed).module
    loss = train(network, codes, labels, epochs=EPOCHS, seed=seed)
    save_file(network.state_dict(), data / "model.safetensors")
    tell(
        f"trained the demo network on {TRAINING_SEQUENCES:,} sequences: "
        f"it explains {1 - loss / labels.var():.0%} of the variance"
    )

    summary = execute(plan)
    peaks = pd.read_csv(summary.output / "peaks.tsv", sep="\t", comment="#")
    hits = pd.read_csv(summary.output / "hits.tsv", sep="\t", comment="#")
    drivers = planted[planted[f"effect_{TASK}"] > 0]
    table, recovery = compare(drivers, peaks, hits)
    table.to_csv(folder / "found.tsv", sep="\t", index=False)
    return DemoResult(folder=folder, recovery=recovery, table=table)


def demo_config(folder: Path, seed: int, overwrite: bool) -> RunConfig:
    """The run of the demo: nothing but the defaults, and where its files are."""
    data = folder / "data"
    config = RunConfig(
        stages={
            "source": StageChoice("hdf5", {"path": str(data / "genes.h5"), "loci": str(data / "windows.bed")}),
            "model": StageChoice("demo", {"weights": str(data / "model.safetensors"), "tasks": TASKS}),
        },
        seed=seed,
        output=str(folder / "results"),
        device="cpu",
        overwrite=overwrite,
    )
    return config.with_changes(target={"tasks": (TASK,)})


def demo_motifs(registry: Registry) -> list[Motif]:
    """The real motifs that are planted, from the scanner's own set; the first matrix of each name.

    Raises
    ------
    MotifError
        If the set lacks one of them.
    """
    found = {m.name.upper(): m for m in reversed(registry.create("motifs", "jaspar", names=tuple(EFFECTS)).motifs)}
    missing = [name for name in EFFECTS if name not in found]
    if missing:
        raise MotifError(f"The motif set lacks {', '.join(missing)}, which the demo plants; update pyjaspar.")
    return [found[name] for name in EFFECTS]
