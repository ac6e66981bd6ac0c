"""The record of a run: inputs by their digests, and whether it can be repeated."""

from __future__ import annotations

import hashlib

import numpy as np

from decima_core.outputs.manifest import InputHashes, is_plain, plain


def collect(*paths: object) -> list[dict]:
    hashes = InputHashes([str(p) for p in paths])
    try:
        return hashes.collect()
    finally:
        hashes.close()


def test_files_are_described_by_size_and_digest(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"ACGT" * 1000)
    (row,) = collect(file, file)
    assert row == {"path": str(file), "bytes": 4000, "sha256": hashlib.sha256(b"ACGT" * 1000).hexdigest()}


def test_folders_are_described_by_their_files_and_names(tmp_path):
    store = tmp_path / "genes.zarr"
    (store / "sub").mkdir(parents=True)
    (store / "sub" / "0").write_bytes(b"abc")
    (first,) = collect(store)
    assert first["bytes"] == 3
    (store / "sub" / "0").rename(store / "sub" / "1")
    (second,) = collect(store)
    assert second["sha256"] != first["sha256"]


def test_an_input_that_went_away_is_recorded_and_costs_nothing_else(tmp_path):
    file = tmp_path / "here"
    file.write_bytes(b"x")
    gone, here = collect(tmp_path / "gone", file)
    assert gone == {"path": str(tmp_path / "gone"), "error": "No such file or directory"}
    assert here["bytes"] == 1


def test_what_json_cannot_hold_is_told_apart_and_not_repeatable():
    config = {"motifs": {"motifs": {"m": np.eye(4)}}, "tasks": ("a", 1, None, 0.5, True)}
    assert not is_plain(config)
    assert plain(config)["motifs"]["motifs"]["m"]["shape"] == [4, 4]
    assert is_plain({"tasks": ("a", 1, None, 0.5, True)})
