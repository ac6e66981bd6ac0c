"""A file that is not there is told in one sentence, with what is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decima_core.errors import DataError
from decima_core.files import existing_file


def test_a_file_that_exists_is_given_back_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "genes.h5").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert existing_file("genes.h5", "gene file") == tmp_path / "genes.h5"
    assert existing_file("~/genes.h5", "gene file") == tmp_path / "genes.h5"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "genes.h5").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for name, words in {
        "gones.h5": "gones.h5' does not exist; did you mean genes.h5?",
        "none": "none' does not exist; check the path.",
        "absent/genes.h5": "does not exist, nor does its folder",
        "genes.h5/genes.h5": "does not exist, nor does its folder",
        ".": "is a folder",
        "pipe": "is a pipe or a device",
        "x" * 400: "cannot be read",
    }.items():
        with pytest.raises(DataError) as told:
            existing_file(tmp_path / name, "gene file")
        assert words in str(told.value)
        assert str(told.value).startswith("The gene file '")
