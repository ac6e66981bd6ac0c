"""docs/checks.md lists the checks that there are, each with its promise in the words of its docstring."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from decima_core.providers import KINDS
from decima_core.testing import checks_of
from decima_core.testing.common_checks import CHECKS as COMMON

DOC = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")


def test_the_page_lists_every_check() -> None:
    checks = [*COMMON, *(check for kind in KINDS for check in checks_of(kind.stage) if check not in COMMON)]
    expected = [(check.__name__, " ".join((inspect.getdoc(check) or "").split())) for check in checks]
    assert re.findall(r"^\| `(check_\w+)` \| (.*) \|$", DOC, re.M) == expected
