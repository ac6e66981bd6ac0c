"""docs/hooks.md and the docstrings of the hooks say the same, and what they show works."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import decima_core
from decima_core import GeneRecord, MotifHits, PluginError, Registry, hookspecs, interpret, providers
from decima_core.providers import KINDS
from decima_core.sequence import encode

DOC = (Path(__file__).parent.parent / "docs" / "hooks.md").read_text(encoding="utf-8")
HOOKS = [kind.hook for kind in KINDS]


def section(hook: str) -> str:
    """The part of the page under this hook's heading."""
    found = re.search(rf"^## {hook}\n(.*?)(?=^## |\Z)", DOC, re.S | re.M)
    assert found, f"docs/hooks.md has no section {hook}"
    return found[1]


def example(hook: str) -> str:
    """The example in the hook's docstring."""
    doc = inspect.getdoc(getattr(hookspecs, hook)) or ""
    _, mark, code = doc.partition("Example::\n")
    assert mark
    return textwrap.dedent(code).strip()


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], types.ModuleType]:
    """``plugin(hook)`` is a module made of the hook's example."""

    def make(hook: str) -> types.ModuleType:
        module = types.ModuleType(f"example_of_{hook}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(example(hook), module.__name__, "exec"), vars(module))
        return module

    return make


def test_every_hook_is_documented_and_no_other() -> None:
    specified = [name for name, value in vars(hookspecs).items() if hasattr(value, "decima_core_spec")]
    assert specified == HOOKS
    assert re.findall(r"^## (decima_\w+)$", DOC, re.M) == HOOKS


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.hook)
def test_the_page_says_what_the_code_says(kind: Any) -> None:
    text = section(kind.hook)
    signature = inspect.signature(getattr(hookspecs, kind.hook))
    assert f"`{kind.hook}{str(signature).replace(chr(39), '')}`" in text
    members = [m for m in vars(kind.protocol) if not m.startswith("_") or m in ("__enter__", "__exit__")]
    for member in members:
        assert re.search(rf"`{member}[`(]", text), f"{kind.protocol.__name__}.{member} is not documented"
    own = {f.name for f in attrs.fields(kind.spec)} - {f.name for f in attrs.fields(kind.spec.__bases__[0])}
    for field in own:
        assert f"`{field}`" in text, f"{kind.spec.__name__}.{field} is not documented"
    blocks = re.findall(r"^```python\n(.*?)\n```$", text, re.S | re.M)
    assert blocks == [example(kind.hook)]
    row = f"| [`{kind.hook}`](#{kind.hook}) | `{kind.spec.__name__}` | `{kind.stage}` | `{kind.protocol.__name__}` |"
    assert row in DOC


def test_every_field_of_a_spec_is_documented() -> None:
    table = DOC[DOC.index("## Specs") : DOC.index("## Options")]
    base = KINDS[0].spec.__bases__[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == [f.name for f in attrs.fields(base)]


def test_what_some_providers_can_do_more_is_documented() -> None:
    abilities = [
        v for v in vars(providers).values() if getattr(v, "_is_protocol", False) and v.__module__ == providers.__name__
    ]
    for ability in abilities:
        assert ability.__name__ in decima_core.__all__
        assert f"`{ability.__name__}`" in DOC, f"{ability.__name__} is not documented"
        for member in (m for m in vars(ability) if not m.startswith("_")):
            assert re.search(rf"`{member}[`(]", DOC), f"{ability.__name__}.{member} is not documented"


def test_names_on_the_page_exist() -> None:
    for names in re.findall(r"from decima_core import ([\w, ]+)", DOC):
        assert set(names.split(", ")) <= set(decima_core.__all__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.hook)
def test_every_example_is_a_plugin(kind: Any, plugin: Callable[[str], types.ModuleType]) -> None:
    registry = Registry()
    registry.register(plugin(kind.hook), "my_plugin")
    assert registry.failures == ()
    (provider,) = registry.providers()
    assert provider.kind is kind
    assert provider.spec.options()


@pytest.mark.parametrize(
    ("hook", "needs"),
    [
        ("decima_data_sources", "No module named 'my_plugin'"),
        ("decima_models", "No module named 'my_plugin'"),
        ("decima_motif_scanners", r"needs MOODS, which is not installed; pip install 'my-plugin\[moods\]'"),
    ],
)
def test_examples_that_lack_their_library_say_so(
    hook: str, needs: str, plugin: Callable[[str], types.ModuleType]
) -> None:
    registry = Registry()
    registry.register(plugin(hook), "my_plugin")
    (provider,) = registry.providers()
    with pytest.raises(PluginError, match=needs):
        provider.create()


class OneGene:
    """A data source of one gene."""

    tasks = ("one", "two")
    files = ()

    def genes(self, split: str | None = None) -> tuple[str, ...]:
        return ("SPI1",)

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        return GeneRecord(gene=gene, codes=encode("ACGTACGTACGTTTTGGGCA"), mask=np.ones(20), tss=0)


class NoMotifs:
    """A motif scanner that finds nothing."""

    motifs = ()

    def scan(self, record: GeneRecord, attribution: object, peaks: object) -> MotifHits:
        return MotifHits.empty(len(record))


def test_the_self_contained_examples_run_end_to_end(plugin: Callable[[str], types.ModuleType]) -> None:
    import torch

    from decima_core.models import wrap_module
    from decima_core.sections import TargetOptions

    registry = Registry()
    for hook in ("decima_attribution_methods", "decima_peak_callers"):
        registry.register(plugin(hook), hook)
    method = registry.create("method", "smooth-gradient", samples=2)
    caller = registry.create("peaks", "highest", flank=3)

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv1d(4, 2, 1, bias=False))
    parts = (OneGene(), wrap_module(network), method, caller, NoMotifs())
    (found,) = interpret(*parts, target=TargetOptions(tasks=("0",)), device="cpu")  # type: ignore[arg-type]

    # The network is linear, so the noise changes no gradient: the observed base's weight, task 0 less task 1.
    weight = network[0].weight[:, :, 0].detach().numpy()
    expected = (weight[0] - weight[1])[:, None] * found.record.one_hot()
    np.testing.assert_allclose(found.attribution.values, expected, rtol=1e-5)
    track = found.attribution.track()
    assert track.max() > 0
    assert found.peaks.position.tolist() == [int(track.argmax())]
    assert len(found.hits) == 0
