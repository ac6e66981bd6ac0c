"""docs/write-a-plugin.md shows the package that ``decima-core new-plugin`` writes, to the letter, and the messages it leads to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decima_core import Registry
from decima_core.new_plugin.write import write_plugin
from decima_core.testing import check_provider

DOC = (Path(__file__).parents[2] / "docs" / "write-a-plugin.md").read_text(encoding="utf-8")


def test_the_files_shown_are_those_written(tmp_path: Path) -> None:
    folder = write_plugin("peaks", "highest-first", tmp_path)
    shown = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```$", DOC, re.S | re.M)
    assert len(shown) == 4
    for name, text in shown:
        assert (folder / name).read_text(encoding="utf-8") == text, name


def test_the_mistake_shown_leads_to_the_message_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_plugin("peaks", "highest-first", tmp_path)
    caller = folder / "highest_first" / "caller.py"
    text = caller.read_text(encoding="utf-8")
    right, wrong = "threshold = self.options.z * spread", "threshold = self.options.z * track.std()"
    assert right in text
    assert wrong in DOC
    caller.write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    registry = Registry()
    registry.register(__import__("highest_first"), "highest_first")
    results = {r.check: r for r in check_provider("peaks", "highest-first", registry=registry)}
    message = results["check_peaks_survive_an_outlier"].message
    assert message
    assert message in " ".join(DOC.split())
