"""Lists of targets: what files mean, and the folders that results go to."""

from __future__ import annotations

from pathlib import Path

import pytest

from decima_core import ConfigError, OptionError, UnknownNameError
from decima_core.config import RunConfig
from decima_core.sections import TargetOptions
from decima_core.target_list import read_targets, target_folders

EXPECTED = {
    "blood": TargetOptions(tasks=("a", "cell == 'T, NK'"), off_tasks=("b",)),
    "all": TargetOptions(transform="aggregate", over_tasks="max"),
}
TOML = """
[targets.blood]
tasks = ["a", "cell == 'T, NK'"]
off_tasks = ["b"]
[targets.all]
transform = "aggregate"
over_tasks = "max"
"""
ROWS = [
    ("name", "tasks", "off_tasks", "transform", "over-tasks"),
    ("blood", "a,cell == 'T, NK'", "b", "", ""),
    ("all", "", "", "aggregate", "max"),
]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_toml_file_and_a_table_mean_the_same(tmp_path):
    assert read_targets(written(tmp_path, "t.toml", TOML)) == EXPECTED
    rows = "# a remark\n" + "\n".join("\t".join(row) for row in ROWS) + "\n\n"
    assert read_targets(written(tmp_path, "t.tsv", rows)) == EXPECTED
    cells = "\n".join(",".join(f'"{cell}"' for cell in row) for row in ROWS)
    assert read_targets(written(tmp_path, "t.csv", "\ufeff" + cells)) == EXPECTED


def test_a_run_is_described_with_them(tmp_path):
    assert RunConfig.from_toml(written(tmp_path, "run.toml", TOML)).targets == EXPECTED


@pytest.mark.parametrize(
    ("name", "text", "error", "said"),
    [
        ("t.toml", "[blood]\ntasks = ['a']", UnknownNameError, "table 'blood'"),
        ("t.toml", "targets = 3", OptionError, r"such as \[targets.blood\]"),
        ("t.toml", "[targets.a]\ntask = ['a']", UnknownNameError, "Did you mean tasks"),
        ("t.toml", "[targets", ConfigError, "not valid TOML"),
        ("t.toml", "", ConfigError, "is empty"),
        ("t.tsv", "tasks\na", ConfigError, "no column 'name'"),
        ("t.tsv", "name\ttasks\na\tb\na\tc", ConfigError, "The target 'a' is in .* twice"),
        ("t.tsv", "name\ttasks\na\tb\tc", ConfigError, "another number of cells"),
        ("t.tsv", "name\ttransform\na\tratio", OptionError, "must be one of specificity, aggregate"),
        ("t.xlsx", "", ConfigError, r"must end in .toml, .tsv"),
    ],
)
def test_what_is_wrong_is_named(name, text, error, said, tmp_path):
    with pytest.raises(error, match=said):
        read_targets(written(tmp_path, name, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_targets(tmp_path / "none.tsv")


def test_folders_are_names_that_file_systems_take():
    assert target_folders(["T cell: NK/ILC", "..b", "CD4+"]) == {
        "T cell: NK/ILC": "T_cell_NK_ILC",
        "..b": "b",
        "CD4+": "CD4+",
    }


@pytest.mark.parametrize("names", [["a b", "a/b"], ["NK", "nk"]])
def test_two_targets_in_one_folder_are_refused(names):
    with pytest.raises(ConfigError, match=f"'{names[0]}' and '{names[1]}' would go to one folder"):
        target_folders(names)


@pytest.mark.parametrize("name", ["", "..", "unfinished", "NUL"])
def test_names_that_are_taken_are_refused(name):
    with pytest.raises(ConfigError, match=f"cannot be called '{name}'"):
        target_folders([name])
