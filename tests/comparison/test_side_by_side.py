"""Several contenders on the same genes: shared work once, the reference first, and a failure that stays its own."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from support import LinearModel, wrap

from decima_core import (
    CompareOptions,
    ConfigError,
    DecimaError,
    MotifError,
    MotifHits,
    TargetOptions,
    compare,
    comparison_table,
    interpret,
)
from decima_core.comparison.measures import MEASURES

TARGET = TargetOptions(tasks=["a"])


def providers(registry: Any, stage: str, **settings: dict[str, Any]) -> dict[str, Any]:
    name = {"methods": ("method", "gradient"), "callers": ("peaks", "top"), "scanners": ("motifs", "counted")}[stage]
    return {label: registry.create(*name, **options) for label, options in settings.items()}


def stages(registry: Any, methods: Any = None, callers: Any = None, scanners: Any = None) -> dict[str, Any]:
    return {
        "methods": providers(registry, "methods", **(methods or {"m": {}})),
        "callers": providers(registry, "callers", **(callers or {"c": {}})),
        "scanners": providers(registry, "scanners", **(scanners or {"s": {}})),
        "target": TARGET,
    }


def test_each_stage_is_done_once(source, model, registry, counting, monkeypatch):
    read = []
    original = source.read
    monkeypatch.setattr(source, "read", lambda gene, length=None: (read.append(gene), original(gene, length))[1])
    given = stages(
        registry,
        methods={"m1": {}, "m2": {"factor": 2}},
        callers={"c1": {}, "c2": {"offset": 1}, "c3": {"offset": 2}},
        scanners={"s1": {}, "s2": {}},
    )
    results = list(compare(source, model, **given))
    assert read == ["G0", "G1", "G2"]
    assert dict(counting.calls) == {"attribute": 2 * 3, "peaks": 2 * 3 * 3, "motifs": 2 * 3 * 2 * 3}
    assert len(results[0].results) == 12
    assert len(results[0].agreements) == 12 * 11
    assert results[0].contenders[:3] == ("m1 + c1 + s1", "m1 + c1 + s2", "m1 + c2 + s1")
    first = results[0].results
    assert first["m1 + c1 + s1"].attribution is first["m1 + c3 + s2"].attribution
    assert first["m1 + c1 + s1"].seconds["attribute"] == first["m1 + c3 + s2"].seconds["attribute"] > 0


def test_genes_come_one_at_a_time(source, model, registry, monkeypatch):
    read = []
    original = source.read
    monkeypatch.setattr(source, "read", lambda gene, length=None: (read.append(gene), original(gene, length))[1])
    stream = compare(source, model, **stages(registry, methods={"a": {}, "b": {}}))
    next(stream)
    assert read == ["G0"]
    stream.close()


def test_a_contender_finds_what_it_finds_alone(source, model, registry):
    given = stages(registry, methods={"a": {}, "b": {"factor": 3}})
    together = [each.results["b"] for each in compare(source, model, **given)]
    alone = interpret(
        source, model, given["methods"]["b"], given["callers"]["c"], given["scanners"]["s"], target=TARGET
    )
    for mine, other in zip(together, alone, strict=True):
        assert np.array_equal(mine.attribution.values, other.attribution.values)
        assert np.array_equal(mine.peaks.position, other.peaks.position)
        assert mine.hits.start.tolist() == other.hits.start.tolist()
        assert mine.attribution.method == "b"


def test_the_same_twice_agrees_in_all_and_scale_changes_nothing(source, model, registry):
    given = stages(registry, methods={"a": {}, "same": {}, "scaled": {"factor": 1000}})
    table = comparison_table(compare(source, model, **given)).set_index("contender")
    assert table["status"].tolist() == ["reference", "ok", "ok"]
    assert table.loc["a", list(MEASURES)].isna().all()
    for label in ("same", "scaled"):
        defined = table.loc[label, list(MEASURES)].astype(float).fillna(1)
        assert (defined == 1).all()
        assert table.loc[label, "spearman"] == 1
        assert table.loc[label, "peaks_jaccard"] == 1
    assert table["genes"].tolist() == [3, 3, 3]
    assert table["peaks"].tolist() == [15, 15, 15]


def test_the_opposite_has_nothing_in_common(source, model, registry):
    given = stages(registry, methods={"a": {}, "opposite": {"factor": -1}})
    row = comparison_table(compare(source, model, **given, options=CompareOptions(distance=0))).iloc[1]
    assert row["spearman"] == pytest.approx(-1)
    assert row["peaks_found"] == row["peaks_jaccard"] == 0
    assert math.isnan(row["same_name"])
    assert "same_name is undefined in 3 of 3 genes: no paired peak has a name" in row["note"]


def test_constant_tracks_have_no_correlation_and_the_table_says_so(source, model, registry):
    given = stages(registry, methods={"a": {}, "nothing": {"factor": 0}}, callers={"c": {"number": 0}})
    row = comparison_table(compare(source, model, **given)).iloc[1]
    assert row[list(MEASURES)].isna().all()
    assert row["note"].split("; ")[:2] == [
        "spearman is undefined in 3 of 3 genes: a track is the same at every position",
        "peaks_found is undefined in 3 of 3 genes: the reference has no peak",
    ]


def test_the_options_of_the_measures_matter(source, model, registry):
    given = stages(registry, callers={"c": {}, "moved": {"offset": 3}})
    near = comparison_table(compare(source, model, **given, options=CompareOptions(distance=3))).iloc[1]
    far = comparison_table(compare(source, model, **given, options=CompareOptions(distance=2))).iloc[1]
    assert near["spearman"] == far["spearman"] == 1
    assert near["peaks_found"] == 1
    assert far["peaks_found"] < 1


def test_a_method_that_fails_is_left_out_and_leaves_nothing_behind(source, model, registry, counting, caplog):
    given = stages(
        registry, methods={"a": {}, "breaks": {"fails_on": 2}, "b": {}}, callers={"c": {}, "d": {"offset": 1}}
    )
    results = list(compare(source, model, **given))
    assert [len(r.results) for r in results] == [6, 4, 4]
    assert results[0].failures == {}
    sentence = "The method 'breaks' on gene 'G1' failed: RuntimeError: no gradient today"
    assert results[1].failures == results[2].failures == {"breaks + c": sentence, "breaks + d": sentence}
    assert all(r.agreements["a + c", "b + c"].spearman == 1 for r in results)
    assert counting.calls["attribute"] == 3 + 2 + 3  # it is not asked again
    assert [r.getMessage() for r in caplog.records] == [f"A contender is left out: {sentence}"]
    table = comparison_table(results).set_index("contender")
    assert table["status"].tolist() == ["reference", "ok", "failed", "failed", "ok", "ok"]
    failed = table.loc["breaks + c"]
    assert (failed["note"], failed["genes"]) == (sentence, 1)
    assert failed[[*MEASURES, "peaks", "hits", "attribute_s"]].isna().all()


def test_what_a_failed_method_held_is_let_go(source, model, registry):
    held = []

    class Hungry:
        def attribute(self, target: Any, sequence: torch.Tensor, mask: Any = None) -> Any:
            memory = torch.zeros(10)
            held.append(weakref.ref(memory))
            raise MemoryError("out of memory")

    given = stages(registry, methods={"a": {}, "b": {}})
    given["methods"] = {"a": given["methods"]["a"], "hungry": Hungry(), "b": given["methods"]["b"]}
    stream = compare(source, model, **given)
    first = next(stream)
    assert list(first.failures) == ["hungry"]
    gc.collect()
    assert held[0]() is None
    stream.close()


def test_a_scanner_that_fails_takes_only_its_own_contenders(source, model, registry):
    given = stages(registry, callers={"c": {}, "d": {"offset": 1}})

    class Misplacing:
        motifs = ()

        def scan(self, record: Any, attribution: Any, peaks: Any) -> MotifHits:
            numbers = ("score", "p_value", "q_value", "site_attr_score", "motif_attr_score")
            columns = {"motif_id": ["M"], "motif_name": ["m"], "start": [0], "end": [5], "strand": ["+"], "peak": [99]}
            return MotifHits(**columns, **{name: [1.0] for name in numbers}, length=len(record))

    given["scanners"]["misplacing"] = Misplacing()
    last = list(compare(source, model, **given))[-1]
    assert set(last.results) == {"c + s", "d + s"}
    assert set(last.failures) == {"c + misplacing", "d + misplacing"}
    assert "under peak 99, but there are 5 peaks" in last.failures["d + misplacing"]
    method, caller = given["methods"]["m"], given["callers"]["c"]
    with pytest.raises(MotifError, match="under peak 99"):
        list(interpret(source, model, method, caller, Misplacing(), target=TARGET))


def test_when_the_reference_fails_there_is_nothing_to_compare_with(source, model, registry):
    given = stages(registry, methods={"breaks": {"fails_on": 2}, "a": {}})
    stream = compare(source, model, **given)
    assert next(stream).gene == "G0"
    with pytest.raises(DecimaError, match=r"no gradient today This was the reference, 'breaks', with which"):
        next(stream)


def test_when_all_others_failed_it_ends(source, model, registry, counting):
    given = stages(registry, methods={"a": {}, "breaks": {"fails_on": 1}})
    (only,) = compare(source, model, **given)
    assert (only.gene, list(only.results), list(only.failures)) == ("G0", ["a"], ["breaks"])
    assert counting.calls["attribute"] == 2


def test_the_model_is_left_as_found(source, registry):
    module = LinearModel(3, 5, 160).train()
    given = stages(registry, methods={"a": {}, "breaks": {"fails_on": 1}})
    list(compare(source, wrap(module), **given))
    assert module.training
    assert module.weight.requires_grad
    assert torch.isfinite(module(torch.ones(1, 5, 160))).all()


def test_one_contender_is_not_enough(source, model, registry):
    with pytest.raises(ConfigError, match=r"only one contender, 'm \+ c \+ s'; name several for a stage"):
        list(compare(source, model, **stages(registry)))
    with pytest.raises(ConfigError, match="There is no contender"):
        list(compare(source, model, {}, {}, {}))
