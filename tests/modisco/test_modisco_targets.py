"""One target's folder of a run with several: TF-MoDISco gets what a run of that target alone would hand over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted_motifs import WORDS, Command, motif, write_planted

from decima_core import read_modisco_patterns

RUN = (
    "run", "--source", "genes.h5", "--model", "planted_motifs:EachWord", "--device", "cpu", "-O", "motifs.names=CTCF",
    "-O", "method.hypothetical=true",
)  # fmt: skip
ALONE = {"first": "0", "second": "1"}


def planted_run(folder: Path, decima: Command, *, genes: int, per_gene: int, more: tuple[str, ...] = ()) -> None:
    """``several``, the run of two targets, one for each word."""
    write_planted(folder / "genes.h5", genes=genes, per_gene=per_gene)
    rows = ["name\ttasks\ttransform", *(f"{name}\t{task}\taggregate" for name, task in ALONE.items())]
    (folder / "targets.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = decima(folder, *RUN, *more, "--targets", "targets.tsv", "-o", "several")
    assert done.returncode == 0, done.stderr


def test_what_is_handed_over_is_that_of_the_target_alone(tmp_path: Path, decima: Command) -> None:
    planted_run(tmp_path, decima, genes=4, per_gene=2)
    tables = {}
    for name, task in ALONE.items():
        done = decima(tmp_path, *RUN, "--tasks", task, "--transform", "aggregate", "-o", f"alone-{name}")
        assert done.returncode == 0, done.stderr
        for run, found in ((f"several/{name}", f"found-{name}"), (f"alone-{name}", f"found-alone-{name}")):
            done = decima(tmp_path, "modisco", run, "--width", "200", "-o", found)
            assert (done.returncode, done.stderr) == (0, "")
        one, other = tmp_path / f"found-{name}", tmp_path / f"found-alone-{name}"
        for file in ("one_hot.npz", "hypothetical.npz"):
            # Targets that share a forward pass add up in another order.
            np.testing.assert_allclose(np.load(one / file)["arr_0"], np.load(other / file)["arr_0"], atol=1e-6)
        tables[name] = pd.read_csv(one / "windows.tsv", sep="\t", comment="#")
        pd.testing.assert_frame_equal(tables[name], pd.read_csv(other / "windows.tsv", sep="\t", comment="#"))
    assert not tables["first"].equals(tables["second"]), "each has peaks of its own"


def test_the_folder_above_them_is_told_to_hold_several(tmp_path: Path, decima: Command) -> None:
    planted_run(tmp_path, decima, genes=2, per_gene=1)
    done = decima(tmp_path, "modisco", "several", "-o", "found")
    assert done.returncode == 1
    assert done.stderr == (
        "decima-core: error: The run in 'several' has several targets, each with a folder of its own; give one of them, such as "
        "'several/first'.\n"
    )
    assert not (tmp_path / "found").exists()


@pytest.mark.slow
def test_the_patterns_of_a_target_are_its_own_word(tmp_path: Path, decima: Command) -> None:
    pytest.importorskip("modiscolite", reason='TF-MoDISco is not installed; pip install "decima-core[modisco]"')
    planted_run(tmp_path, decima, genes=40, per_gene=5, more=("-O", "peaks.number=20"))
    for name, word, other in (("first", *WORDS), ("second", *reversed(WORDS))):
        done = decima(tmp_path, "modisco", f"several/{name}", "--width", "200", "--run", "-o", f"found-{name}")
        assert done.returncode == 0, done.stderr
        patterns = read_modisco_patterns(tmp_path / f"found-{name}" / "modisco.h5")
        assert min(apart(pattern.motif.ppm, word) for pattern in patterns) < 0.15
        assert min(apart(pattern.motif.ppm, other) for pattern in patterns) > 0.5


def apart(found: np.ndarray, word: str) -> float:
    """The largest difference between a PPM and a planted one in the nearer orientation; infinite for other widths."""
    expected = motif(word)
    if found.shape != expected.shape:
        return float("inf")
    return min(float(np.abs(found - e).max()) for e in (expected, expected[::-1, ::-1]))
