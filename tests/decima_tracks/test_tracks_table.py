"""The table of tracks: read as its authors publish it, held against the model, and chosen from."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_track_models import write_table

from decima_core.errors import DataError, UnknownNameError
from decima_tracks.table import choose_tracks, read_tracks, task_names


@pytest.mark.parametrize("name", ["targets.txt", "targets.tsv", "targets.csv"])
@pytest.mark.parametrize("first", [0, 5313])
def test_a_table_is_read(tmp_path: Path, name: str, first: int) -> None:
    table = read_tracks(write_table(tmp_path / name, 3, first=first), 3, "the head")
    assert list(table["identifier"]) == ["ENC000", "ENC001", "ENC002"]
    assert list(table["index"]) == [first, first + 1, first + 2]
    assert list(table["clip"]) == [384, 384, 384]


def test_a_column_without_a_name_numbers_the_tracks(tmp_path: Path) -> None:
    path = tmp_path / "targets.txt"
    path.write_text("\tidentifier\tdescription\n0\tA+\tCAGE:x\n1\tA-\tCAGE:x\n")
    assert list(read_tracks(path, 2, "the head").columns) == ["index", "identifier", "description"]


def test_names_that_look_like_numbers_or_nothing_stay_text(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.tsv", 3, identifier=["007", "NA", "1e5"])
    assert list(read_tracks(path, 3, "the head")["identifier"]) == ["007", "NA", "1e5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\tname\n0\tA\n1\tB\n", r"has no column 'identifier'; it has index, name\."),
        (
            "index\tidentifier\n0\tA\n",
            r"has 1 rows, and the human head has 2 tracks; give the table that belongs to it\.",
        ),
        (
            "index\tidentifier\n0\tA\n2\tB\n",
            r"numbers row 1 as 2, not 1; it must list the model's tracks in their order",
        ),
        ("index\tidentifier\n1\tB\n0\tA\n", r"numbers row 1 as 0, not 2; it must list"),
        ("index\tidentifier\nx\tB\ny\tA\n", r"numbers row 0 as x, not 0; it must list"),
        ("", r"cannot be read \(EmptyDataError"),
        ("identifier\tb\nA\tB\nC\tD\tE\tF\n", r"cannot be read \(ParserError"),
    ],
)
def test_a_table_that_is_not_the_models_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "targets.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_tracks(path, 2, "the human head")
    assert str(path) in str(caught.value)


def test_a_missing_and_a_binary_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'nowhere.txt' cannot be read \(FileNotFoundError"):
        read_tracks(Path("nowhere.txt"), 2, "the head")
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"t\.txt' cannot be read \(UnicodeDecodeError"):
        read_tracks(tmp_path / "t.txt", 2, "the head")


def test_repeated_names_get_the_tracks_number(tmp_path: Path) -> None:
    table = read_tracks(
        write_table(tmp_path / "t.txt", 4, description=["RNA:liver", "RNA:lung", "RNA:liver", " RNA:skin "]),
        4,
        "the head",
    )
    assert task_names(table, "description", "'t'") == ["RNA:liver [0]", "RNA:lung", "RNA:liver [2]", "RNA:skin"]


def test_names_that_cannot_be_told_apart(tmp_path: Path) -> None:
    table = read_tracks(write_table(tmp_path / "t.txt", 3, identifier=["A", "A", "A [0]"]), 3, "the head")
    with pytest.raises(DataError, match=r"two tracks called 'A \[0\]'; rename one"):
        task_names(table, "identifier", "'t'")
    table = read_tracks(write_table(tmp_path / "t.txt", 2, identifier=["A", ""]), 2, "the head")
    with pytest.raises(DataError, match="has no identifier for track 1; fill it in"):
        task_names(table, "identifier", "'t'")
    with pytest.raises(DataError, match=r"has no column 'description'; name the tasks by another: model\.names"):
        task_names(table.drop(columns="description"), "description", "'t'")


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (["3", "0"], [0, 3]),
        (["B+"], [2]),
        (["CAGE:mono [x], pool"], [2, 3]),
        (["cage:mono*"], [2, 3]),
        (["*[x]*", "A"], [0, 2, 3]),
        (["?+"], [2]),
        (["007"], [4]),
        (["RNA:liver [1]"], [1]),
        (["*"], [0, 1, 2, 3, 4]),
    ],
)
def test_tracks_are_chosen(tmp_path: Path, wanted: list[str], numbers: list[int]) -> None:
    kinds = ["RNA:liver", "RNA:liver", "CAGE:mono [x], pool", "CAGE:mono [x], pool", "DNASE:a"]
    path = write_table(tmp_path / "t.txt", 5, identifier=["A", "A2", "B+", "B-", "007"], description=kinds)
    table = read_tracks(path, 5, "the head")
    table.index = task_names(table, "description", "'t'")
    assert choose_tracks(wanted, table, "'t'") == numbers


@pytest.mark.parametrize("wanted", ["5", "-1", "ENC00", "CAGE:*"])
def test_a_track_that_does_not_exist(tmp_path: Path, wanted: str) -> None:
    table = read_tracks(write_table(tmp_path / "t.txt", 5), 5, "the head")
    table.index = task_names(table, "identifier", "'t'")
    with pytest.raises(UnknownNameError, match=r"There is no track .* in 't'"):
        choose_tracks(["ENC001", wanted], table, "'t'")
