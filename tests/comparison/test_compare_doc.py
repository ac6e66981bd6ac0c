"""What the page on comparing shows: its tables are the program's, its commands and its example run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support import ROOT, plant, random_codes, write_gene_file

from decima_core.cli import main
from decima_core.comparison.measures import UNDEFINED
from decima_core.comparison.table import COLUMNS, PAIR_COLUMNS
from decima_core.options import describe
from decima_core.sections import CompareOptions

PAGE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
MODEL = """
from support import MotifDetector

class build(MotifDetector):
    tasks = ("CD14", "CD19")
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    codes = random_codes(0, 2, 200)
    for row in codes:
        plant(row, "GATAAG", 90)
    write_gene_file(tmp_path / "genes.h5", codes, names=["SPI1", "CD68"], tasks=["CD14", "CD19"])
    (tmp_path / "my_model.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "pipeline.toml").write_text(
        'source = "genes.h5"\nmodel = "my_model:build"\n[target]\ntasks = ["CD14"]\n', encoding="utf-8"
    )
    return tmp_path


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table after this text."""
    after = PAGE[PAGE.index(f"\n{heading}\n") :]
    (found,) = re.findall(r"^(?:\|.*\n)+", after, re.M)[:1]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def test_the_tables_are_the_programs() -> None:
    columns = rows("### comparison.tsv")
    assert [row[0] for row in columns] == list(COLUMNS)
    assert {row[0]: row[1] for row in columns if row[1]} == UNDEFINED
    assert [row[0] for row in rows("### comparison_pairs.tsv")] == list(PAIR_COLUMNS)


def test_the_options_are_the_programs() -> None:
    shown = [row for row in rows("In a file:") if row[0].startswith("compare.")]
    options = describe(CompareOptions)
    assert [row[0] for row in shown] == [f"compare.{option.name}" for option in options]
    assert [row[2] for row in shown] == [str(option.default or "none") for option in options]
    assert [row[3] for row in shown] == [option.help for option in options]


def test_the_commands_run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S)
    commands = [shlex.split(line) for line in shown.replace("\\\n", " ").splitlines()]
    assert len(commands) == 3
    for command in commands:
        main(command[1:])
        out = capsys.readouterr().out.splitlines()
        assert out[0].split("\t") == list(COLUMNS)
        assert {line.split("\t")[1] for line in out[1:]} == {"reference", "ok"}


def test_the_example_in_python_runs(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    exec(compile(code, "compare.md", "exec"), {})
    assert "many" in capsys.readouterr().out
