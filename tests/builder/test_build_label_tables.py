"""Labels from text tables: every column keeps its own values, whatever its name holds."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from decima_core import DataError
from decima_core.builder.labels import Labels


def read(path: Path, text: str, genes: list[str]) -> tuple[tuple[str, ...], list[list[float]]]:
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    labels = Labels(path)
    return tuple(labels.tasks), [values[:, 0].tolist() for values in labels.read(genes)]


@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz"])
@pytest.mark.parametrize("lead", ["", "# made by hand\n## twice\n", "#"])
def test_a_hash_in_a_name_is_a_letter(tmp_path: Path, name: str, lead: str) -> None:
    text = f"{lead}gene,CD4 T #1,B cell\nX,1,2\nNA,3,4\n"
    assert read(tmp_path / name, text, ["NA", "X"]) == (("CD4 T #1", "B cell"), [[3.0, 4.0], [1.0, 2.0]])


@pytest.mark.parametrize("missing", ["", "NA", "nan", "None"])
def test_a_missing_value_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(DataError, match=r"label of gene 'NA' for task 'B' in '.*' is NaN or infinite"):
        read(tmp_path / "labels.csv", f"gene,A,B\nX,1,2\nNA,3,{missing}\n", ["X", "NA"])


def test_a_name_made_of_digits_stays_as_it_is(tmp_path: Path) -> None:
    assert read(tmp_path / "labels.csv", "gene,A\n007,1\n1e3,2\n", ["1e3", "007"]) == (("A",), [[2.0], [1.0]])


def test_a_task_named_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name the task 'A' twice"):
        read(tmp_path / "labels.csv", "gene,A,A\nX,1,2\n", ["X"])


def test_a_header_that_is_too_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 3 values under a header of 2 columns"):
        read(tmp_path / "labels.csv", "A,B\nX,1,2\n", ["X"])


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="are empty; give a header"):
        read(tmp_path / "labels.tsv", "", ["X"])
