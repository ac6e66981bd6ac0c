"""``--tasks`` by query, on the command line and in files: commas of a query stay in it, and a run is repeated from its record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from decima_core.cli.flags import listed

QUERY = "cell_type in ['B cell', 'T cell, CD4+']"


@pytest.fixture(autouse=True)
def task_table(workspace: Path) -> None:
    """The two tasks of support:MotifDetector."""
    (workspace / "tasks.tsv").write_text(
        "task\tcell_type\tage\non\tT cell, CD4+\t50\noff\tmonocyte\t3\n", encoding="utf-8"
    )


def test_commas_of_a_query_do_not_part() -> None:
    assert listed("--tasks", (f"{QUERY}, CD14", "x")) == [QUERY, "CD14", "x"]


def test_a_query_is_what_its_tasks_are(workspace: Path, run: Callable[..., Any]) -> None:
    table = ("-O", "model.task_table=tasks.tsv")
    query = "cell_type == 'T cell, CD4+'"
    assert run(*table, "--tasks", query, "--off-tasks", "age < 10", "-o", "queried").code == 0
    assert run(*table, "--tasks", "on", "--off-tasks", "off", "-o", "named").code == 0
    with h5py.File("queried/attributions.h5") as a, h5py.File("named/attributions.h5") as b:
        np.testing.assert_array_equal(a["attribution"], b["attribution"])
    record = json.loads(Path("queried/run.json").read_text(encoding="utf-8"))
    assert record["target"].startswith(
        f"mean prediction of tasks on ({query}) - mean prediction of tasks off (age < 10)"
    )
    assert "tasks.tsv" in {Path(file["path"]).name for file in record["inputs"]}
    again = run("queried/run.json", "-o", "again", "--tasks", query)
    assert again.code == 0, again.err


def test_queries_in_a_file(workspace: Path, decima: Callable[..., Any]) -> None:
    Path("run.toml").write_text(
        'source = "genes.h5"\noutput = "out"\ngenes = ["SPI1"]\n[model]\npath = "support:MotifDetector"\ntask_table = "tasks.tsv"\n'
        '[target]\ntasks = "cell_type in [\'monocyte\']"\n[motifs]\npath = "motifs.meme"\n',
        encoding="utf-8",
    )
    result = decima("run", "run.toml", "--device", "cpu")
    assert result.code == 0, result.err
    assert json.loads(Path("out/run.json").read_text(encoding="utf-8"))["target"].startswith(
        "mean prediction of tasks off ("
    )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("cell_type == 'monocytes'", "There is no cell_type 'monocytes' in the task table of model 'support:MotifDetector'. Did you mean monocyte?"),
        ("cel_type == 'monocyte'", "There is no column 'cel_type' in the task table of model 'support:MotifDetector'. Did you mean cell_type?"),
        ("cell_type = 'monocyte'", "cannot be understood (equal is written ==)"),
        ("age > 90", "The query 'age > 90' holds for none of the 2 tasks"),
        ("onn", "There is no task 'onn' in model 'support:MotifDetector'. Did you mean on?"),
    ],
)  # fmt: skip
def test_a_query_that_fails_is_one_line(query: str, said: str, run: Callable[..., Any]) -> None:
    result = run("-O", "model.task_table=tasks.tsv", "--tasks", query)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert said in result.err
    assert not Path("results/run.json").exists()


def test_a_query_without_a_table_is_one_line(run: Callable[..., Any]) -> None:
    result = run("--tasks", QUERY)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "give one with the option model.task_table" in result.err
