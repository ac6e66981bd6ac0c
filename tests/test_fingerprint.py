"""Where two runs differ, in words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from decima_core.fingerprint import differences, same_or_why

RECORD: dict[str, Any] = {
    "decima_core": "1.0",
    "config": {"seed": 0, "output": "a", "device": "auto", "target": {"tasks": ["x"]}, "source": {"path": "g.h5"}},
    "providers": {"peaks": {"provider": "scipy", "version": "1.0", "options": {"number": 10}}},
    "target": "mean of x",
    "device": "cuda:0",
    "software": {"python": "3.11", "platform": "Linux", "torch": "2.4"},
    "genes": ["A", "B", "C"],
    "inputs": [{"path": "/a/g.h5", "bytes": 3, "sha256": "abc"}],
    "started": "today",
    "counts": {"genes": 3},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    *folders, name = path.split(".")
    place = record
    for folder in folders:
        place = place[folder]
    place[name] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("decima_core", "1.1", ["decima_core was '1.0' and is '1.1'"]),
        ("config.seed", 1, ["seed was 0 and is 1"]),
        ("config.bigwig", True, ["bigwig was not given and is True"]),
        ("config.target.tasks", ["y"], ["target.tasks was ['x'] and is ['y']"]),
        ("providers.peaks.options.number", 3, ["the peaks options number was 10 and is 3"]),
        ("providers.peaks.version", "2.0", ["the peaks version was '1.0' and is '2.0'"]),
        ("software.torch", "2.5", ["the version of torch was '2.4' and is '2.5'"]),
        ("device", "cpu", ["the device was 'cuda' and is 'cpu'"]),
        ("genes", ["A", "C"], ["the genes are others (without B)"]),
        ("genes", ["A", "B", "D"], ["the genes are others (without C, with D)"]),
        ("genes", ["B", "A", "C"], ["the genes are others (in another order)"]),
        ("inputs", [], ["there were 1 input files and are 0"]),
        ("inputs", [{"path": "/b/g.h5", "bytes": 3, "sha256": "abd"}], ["the input '/b/g.h5' has changed"]),
        ("inputs", [{"path": "/b/g.h5", "error": "gone"}], ["the input '/b/g.h5' has changed"]),
        # What changes nothing in the results.
        ("config.output", "b", []),
        ("config.device", "cuda", []),
        ("config.genes", ["A", "B", "C"], []),
        ("device", "cuda:1", []),
        ("software.python", "3.12", []),
        ("started", "tomorrow", []),
        ("counts.genes", 2, []),
        ("inputs", [{"path": "/b/g.h5", "bytes": 3, "sha256": "abc"}], []),
    ],
)
def test_every_difference_is_named(path: str, value: Any, words: list[str]) -> None:
    assert differences(RECORD, changed(path, value)) == words


def test_many_differences_are_not_all_told() -> None:
    other = {**changed("config", {"a": 1, "b": 2}), "target": "y", "genes": ["Z"]}
    why = same_or_why(RECORD, other)
    assert why.count(" was ") == 3
    assert why.endswith("; and 3 more")


def test_files_may_be_left_for_later() -> None:
    assert same_or_why(RECORD, changed("inputs", None), inputs=False) == ""
