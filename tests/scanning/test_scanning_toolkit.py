"""The parts that scanners share: the example of docs/hooks.md is a scanner, and its numbers are jaspar's."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import decima_core
from decima_core import (
    Attribution,
    GeneRecord,
    GridScanner,
    MotifHits,
    MotifScanner,
    MotifScannerSpec,
    Peaks,
    Registry,
    ScanOptions,
    SiteScorer,
    hookimpl,
)
from decima_core.options import describe
from decima_core.testing import check_provider

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## A motif scanner from parts") :]
FEW = {"names": ("CTCF", "SPI1", "GATA1"), "p_threshold": 1e-3}


@pytest.fixture(scope="module")
def plain() -> Iterator[Any]:
    """The class of the example."""
    with pytest.MonkeyPatch.context() as patch:
        module = types.ModuleType("example_of_a_scanner")
        patch.setitem(sys.modules, module.__name__, module)
        (code,) = re.findall(r"^```python\n(.*?)\n```$", SECTION, re.S | re.M)
        exec(compile(code, module.__name__, "exec"), vars(module))
        yield module.PlainScanner


def window(length: int) -> tuple[GeneRecord, Attribution, Peaks]:
    random = np.random.default_rng(4)
    codes = random.integers(0, 4, length, dtype=np.int8)
    codes[length // 2 : length // 2 + 30] = 4
    values = random.normal(size=(4, length)).astype(np.float32)
    at = random.choice(length, 40, replace=False)
    peaks = Peaks(position=at, start=at, end=at + 1, height=np.ones(40), length=length)
    return GeneRecord(gene="g", codes=codes), Attribution(gene="g", values=values), peaks


def test_the_example_passes_every_check(plain: Any) -> None:
    class Plugin:
        @hookimpl
        def decima_motif_scanners(self) -> Iterator[MotifScannerSpec]:
            yield MotifScannerSpec(name="plain", summary="Looks everywhere.", options=ScanOptions, create=plain)

    registry = Registry()
    registry.register(Plugin(), "my_plugin")
    assert registry.failures == ()
    results = check_provider("motifs", "plain", FEW, registry=registry)
    assert [f"{r.check}: {r.message}" for r in results if not r.ok] == []


@pytest.mark.parametrize("region", ["summits", "peaks", "window"])
@pytest.mark.parametrize("both_strands", [True, False])
def test_a_plain_search_gives_the_table_of_jaspar(plain: Any, region: str, both_strands: bool) -> None:
    options = {**FEW, "region": region, "both_strands": both_strands, "p_threshold": 0.02}
    ours, jaspar = plain(ScanOptions(**options)), Registry.discover().create("motifs", "jaspar", **options)
    assert isinstance(ours, GridScanner)
    assert isinstance(ours, MotifScanner)
    assert isinstance(ours, SiteScorer)
    parts = window(3_000)
    tables = [scanner.scan(*parts) for scanner in (ours, jaspar)]
    assert len(tables[0]) > 50
    for field in attrs.fields(MotifHits):
        np.testing.assert_array_equal(*(getattr(table, field.name) for table in tables), err_msg=field.name)


def test_a_search_that_proposes_nothing_gives_an_empty_table() -> None:
    class Blind(GridScanner):
        def find(self, codes: Any) -> decima_core.Sites:
            return decima_core.Sites.none()

    scanner = Blind(ScanOptions(**FEW), bin_size=0.01)
    assert len(scanner.scan(*window(500))) == 0


def test_a_scanner_without_a_search_is_no_scanner() -> None:
    with pytest.raises(TypeError, match="find"):
        GridScanner(ScanOptions(**FEW), bin_size=0.01)  # type: ignore[abstract]


def test_the_page_lists_the_public_names_with_their_members(plain: Any) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", SECTION, re.M))
    public = {name for name, home in decima_core._HOME.items() if home.startswith("scanning.")}
    assert rows.keys() == public
    listed = set(re.findall(r"`(\w+)`", rows["ScanOptions"]))
    motif_set = {"motifs", "path", "release", "collection", "tax_group", "names"}
    assert listed == {option.name for option in describe(ScanOptions)} - motif_set
    scanner = plain(ScanOptions(**FEW))
    found = {"GridScanner": scanner, "StrandSet": scanner.strands, "Strand": scanner.strands.strands[0]}
    for name, value in {**found, "Sites": decima_core.Sites.none()}.items():
        members = set(re.findall(r"`(?:Sites\.)?([a-z_]+)(?:\([\w, ]*\))?`", rows[name]))
        assert len(members) >= 2
        assert {member for member in members if not hasattr(value, member)} == set()
