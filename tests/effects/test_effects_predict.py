"""Effects of variants on the prediction: closed-form on linear models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support import LinearModel, TrackModel, wrap
from torch import nn

from decima_core.datasets import VariantDataset
from decima_core.effects import variant_effects
from decima_core.errors import ConfigError, DataError, ModelError, UnknownNameError
from decima_core.models import WrappedModel
from decima_core.sections import TargetOptions
from decima_core.variants.alleles import Variant
from decima_core.variants.read import read_variants

LENGTH = 80
TASKS = ("a", "b", "c")


def snv(bases: str, pos: int) -> dict[str, Any]:
    ref = bases[pos - 1]
    return {"chrom": "chr1", "pos": pos, "ref": ref, "alt": "ACGT"[("ACGT".index(ref) + 1) % 4]}


@pytest.fixture
def table(bases: str) -> pd.DataFrame:
    indels = [
        {"chrom": "chr1", "pos": 111, "ref": bases[110:114], "alt": bases[110]},
        {"chrom": "chr1", "pos": 95, "ref": bases[94], "alt": bases[94] + "ACGTA"},
    ]
    rows = [
        snv(bases, 105),
        snv(bases, 118),
        *indels,
        snv(bases, 399),
        {"chrom": "chr1", "pos": 110, "ref": bases[109], "alt": "<DEL>"},
    ]
    wrong = snv(bases, 112)
    return pd.DataFrame([*rows, {**wrong, "ref": wrong["alt"], "alt": wrong["ref"]}])


def positive(seed: int = 0, channels: int = 5) -> WrappedModel:
    """A linear model whose predictions are above zero."""
    module = LinearModel(3, channels, LENGTH, seed)
    with torch.no_grad():
        module.weight.abs_()
    return wrap(module, tasks=TASKS)


def effects(source: Any, model: Any, table: Any, **arguments: Any) -> pd.DataFrame:
    return pd.concat(variant_effects(source, model, table, device="cpu", **arguments), ignore_index=True)


def predictions(source: Any, table: Any, module: nn.Module, shifts: tuple[int, ...] = (0,)) -> np.ndarray:
    """``(variants, 2, T)`` by hand: one item at a time."""
    dataset = VariantDataset(table, source, seq_len=LENGTH, shifts=shifts)
    with torch.no_grad():
        each = torch.cat([module(item[None]) for item in dataset]).double().numpy()
    return each.reshape(dataset.n_seqs, len(shifts), 2, -1).mean(axis=1)


def test_effects_are_those_of_the_items_one_by_one(source: Any, table: pd.DataFrame) -> None:
    model = positive()
    found = effects(source, model, table, batch_size=4)
    expected = predictions(source, table, model.module)
    ok = found[found["status"] == "ok"]
    for t, task in enumerate(TASKS):
        np.testing.assert_allclose(
            ok[f"difference:{task}"], expected[:, 1, t] - expected[:, 0, t], rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(
            ok[f"log2_ratio:{task}"], np.log2(expected[:, 1, t] / expected[:, 0, t]), rtol=1e-4, atol=1e-4
        )
    mean = expected.mean(axis=2)
    np.testing.assert_allclose(ok["prediction_ref"], mean[:, 0], rtol=1e-6)
    np.testing.assert_allclose(ok["prediction_alt"], mean[:, 1], rtol=1e-6)
    np.testing.assert_allclose(ok["difference"], mean[:, 1] - mean[:, 0], rtol=1e-4, atol=1e-4)


def test_there_is_a_row_for_each_variant_and_gene_with_its_status(source: Any, table: pd.DataFrame) -> None:
    found = effects(source, positive(), table)
    counts = found["status"].value_counts().to_dict()
    assert counts == {"ok": 8, "symbolic": 2, "ref_mismatch": 2, "out_of_window": 1}
    assert found.loc[found["status"] != "ok", ["difference", "log2_ratio:a", "prediction_ref"]].isna().all(axis=None)
    assert found.loc[found["status"] == "ok", ["difference", "log2_ratio:a"]].notna().all(axis=None)
    assert found["gene"].dropna().isin(["PLUS", "MINUS"]).all()
    assert found.columns[:11].tolist() == [
        "chrom", "pos", "ref", "alt", "gene", "strand", "rel_pos", "ref_tx", "alt_tx", "tss_dist", "status",
    ]  # fmt: skip


def test_a_substitution_changes_a_linear_model_by_the_difference_of_two_weights(source: Any, bases: str) -> None:
    model = positive()
    found = effects(source, model, pd.DataFrame([snv(bases, 110)]))
    for _, row in found.iterrows():
        weight = model.module.weight.detach()[:, :, row["rel_pos"]]
        change = weight[:, "ACGT".index(row["alt_tx"])] - weight[:, "ACGT".index(row["ref_tx"])]
        np.testing.assert_allclose([row[f"difference:{t}"] for t in TASKS], change, rtol=1e-3, atol=1e-5)


def test_shifts_and_replicates_are_averaged(source: Any, table: pd.DataFrame) -> None:
    models = [positive(0), positive(1)]
    shifts = (-3, 0, 2)
    found = effects(source, models, table, shifts=shifts)
    ok = found[found["status"] == "ok"]
    expected = np.mean([predictions(source, table, m.module, shifts) for m in models], axis=0)
    np.testing.assert_allclose(ok["difference:b"], expected[:, 1, 1] - expected[:, 0, 1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ok["log2_ratio:b"], np.log2(expected[:, 1, 1] / expected[:, 0, 1]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("batch_size", [2, 4, 64])
def test_the_batch_size_changes_nothing(source: Any, table: pd.DataFrame, batch_size: int) -> None:
    alone = effects(source, positive(), table, shifts=(-1, 0, 1))
    batched = effects(source, positive(), table, shifts=(-1, 0, 1), batch_size=batch_size)
    pd.testing.assert_frame_equal(alone, batched, rtol=1e-4, atol=1e-4)


def test_contrasted_tasks_are_subtracted_in_difference_and_ratio(source: Any, table: pd.DataFrame) -> None:
    target = TargetOptions(transform="specificity", tasks=("a",), off_tasks=("b", "c"))
    found = effects(source, positive(), table, target=target)
    ok = found[found["status"] == "ok"]
    p = predictions(source, table, positive().module)
    on, off = p[:, :, 0], p[:, :, 1:].mean(axis=2)
    np.testing.assert_allclose(ok["difference"], (on[:, 1] - on[:, 0]) - (off[:, 1] - off[:, 0]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        ok["log2_ratio"], np.log2(on[:, 1] / on[:, 0]) - np.log2(off[:, 1] / off[:, 0]), rtol=1e-4, atol=1e-4
    )
    assert [c for c in found.columns if ":" in c] == ["difference:a", "log2_ratio:a"]


def test_a_ratio_of_what_is_not_above_zero_is_empty(source: Any, bases: str) -> None:
    module = LinearModel(3, 5, LENGTH)
    with torch.no_grad():
        module.weight.abs_().neg_()
    found = effects(source, wrap(module), pd.DataFrame([snv(bases, 110)]))
    assert found["log2_ratio"].isna().all()
    assert found["difference"].notna().all()
    assert [c for c in found.columns if c.startswith("difference:")] == ["difference:0", "difference:1", "difference:2"]


def test_models_without_the_mask_and_with_positions_work(source: Any, table: pd.DataFrame) -> None:
    plain = effects(source, wrap(LinearModel(3, 4, LENGTH)), table)
    track = effects(source, wrap(TrackModel(3, 4, LENGTH)), table)
    pd.testing.assert_frame_equal(plain, track, rtol=1e-4, atol=1e-4)


def test_parts_of_a_long_list_know_each_others_duplicates(source: Any, bases: str) -> None:
    many = pd.DataFrame([snv(bases, 71 + i % 60) for i in range(600)])
    parts = list(variant_effects(source, positive(), many, device="cpu"))
    assert len(parts) > 1
    found = pd.concat(parts)
    ok = found[found["status"] == "ok"]
    assert not ok.duplicated(["chrom", "pos", "ref", "alt", "gene"]).any()
    assert (found["status"] == "duplicate").sum() == len(found) - len(ok) - (found["status"] == "out_of_window").sum()


def test_an_endless_list_is_read_as_it_goes(source: Any, bases: str) -> None:
    def endless() -> Iterator[Variant]:
        while True:
            yield Variant(**snv(bases, 105))

    first = next(variant_effects(source, positive(), endless(), device="cpu"))
    assert first["status"].tolist() == ["ok", "ok"] + ["duplicate"] * (len(first) - 2)


def test_genes_can_be_chosen(source: Any, table: pd.DataFrame) -> None:
    found = effects(source, positive(), table, genes=["MINUS"])
    assert set(found["gene"]) == {"MINUS"}
    with pytest.raises(UnknownNameError, match=r"no gene 'MINIS'.*Did you mean MINUS"):
        effects(source, positive(), table, genes=["MINIS"])


def test_strict_refuses(source: Any, table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"cannot be used \(.*2 ref_mismatch"):
        effects(source, positive(), table, strict=True)


def test_strict_refuses_before_anything_is_predicted(source: Any, bases: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a prediction was made")

    monkeypatch.setattr("decima_core.effects.predict.predict", never)
    places = [{**snv(bases, pos), "alt": alt} for pos in range(75, 145) for alt in "ACGT" if alt != bases[pos - 1]]
    rows = [*places, {**snv(bases, 101), "ref": "N"}]  # more than one part of the stream
    for given in (pd.DataFrame(rows), read_variants(pd.DataFrame(rows))):
        with pytest.raises(DataError, match=r"2 of 422 rows.*\(2 non_acgt\).*leave out strict"):
            effects(source, positive(), given, strict=True)


def test_the_models_are_left_as_found(source: Any, table: pd.DataFrame) -> None:
    model = positive()
    model.module.train()
    effects(source, model, table)
    assert model.module.training
    assert all(p.requires_grad for p in model.module.parameters())


def test_what_cannot_be_is_said(source: Any, table: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="batch_size is 3; both alleles"):
        effects(source, positive(), table, batch_size=3)
    with pytest.raises(ModelError, match="differ in their tasks; replicates must be alike"):
        effects(source, [positive(), wrap(LinearModel(3, 5, LENGTH), tasks=("x", "y", "z"))], table)

    class Broken(LinearModel):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * float("nan")

    with pytest.raises(ModelError, match=r"predicts NaN or infinity for variant .>. at position \d+ of gene"):
        effects(source, wrap(Broken(3, 5, LENGTH), tasks=TASKS), table)
