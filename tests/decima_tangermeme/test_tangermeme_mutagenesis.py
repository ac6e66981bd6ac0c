"""Saturation mutagenesis: closed form, base by base, tangermeme called directly, spans and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from decima_core.errors import AttributionError, DataError
from decima_core.testing.samples import random_sequence

pytest.importorskip("tangermeme", reason="tangermeme is not installed: pip install 'decima-core[tangermeme]'")

from tangermeme.saturation_mutagenesis import saturation_mutagenesis

from decima_tangermeme import spans

Make = Callable[..., Any]
LENGTH = 40
NAME = "saturation-mutagenesis"


@pytest.mark.parametrize("masked", [False, True])
def test_on_a_linear_model_it_is_the_weight_less_the_mean_of_the_others(
    make: Make, linear: Make, gene_mask: Make, masked: bool
) -> None:
    model, x = linear(LENGTH), random_sequence(2, LENGTH)
    mask = gene_mask(2, LENGTH) if masked else None
    weight = model.weight * (1.0 if mask is None else 0.5 + 0.5 * mask)
    here = (weight * x).sum(1, keepdim=True)
    expected = x * (here - (weight.sum(-2, keepdim=True) - here) / 3)
    values = make(NAME).attribute(model, x, mask).values
    torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-5)


def test_base_by_base(make: Make, net: Make, gene_mask: Make) -> None:
    model, x, mask = net(nn.GELU()), random_sequence(1, LENGTH), gene_mask(1, LENGTH)
    expected = torch.zeros_like(x)
    for i in range(LENGTH):
        others = [b for b in range(4) if not x[0, b, i]]
        losses = []
        for base in others:
            mutant = x.clone()
            mutant[0, :, i] = 0
            mutant[0, base, i] = 1
            losses.append(model(x, mask) - model(mutant, mask))
        expected[0, :, i] = x[0, :, i] * torch.cat(losses).mean()
    values = make(NAME, internal_batch_size=5).attribute(model, x, mask).values
    torch.testing.assert_close(values, expected, rtol=1e-3, atol=1e-6)


def test_is_four_thirds_of_tangermemes_own(make: Make, linear: Make) -> None:
    model, x = linear(LENGTH), random_sequence(2, LENGTH)

    class Column(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = model(x)
            return out[:, None]

    direct = saturation_mutagenesis(Column().eval(), x, device="cpu", fast=False)
    torch.testing.assert_close(make(NAME).attribute(model, x).values, direct * 4 / 3, rtol=1e-4, atol=1e-5)


class Counting(nn.Module):
    """A weight for each base and position, and how many sequences it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, LENGTH, generator=torch.Generator().manual_seed(2)))
        self.seen = 0

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        self.seen += len(sequence)
        return (sequence * self.weight).sum((1, 2))


@pytest.mark.parametrize("copies", [1, 3 * 4 * LENGTH * 7, spans.COPIES])
def test_only_known_bases_of_the_span_are_mutated(make: Make, monkeypatch: pytest.MonkeyPatch, copies: int) -> None:
    """However few positions fit in memory at a time; an unknown base has nothing to be replaced."""
    monkeypatch.setattr(spans, "COPIES", copies)
    model, x = Counting().eval().requires_grad_(False), random_sequence(1, LENGTH)
    x[:, :, [3, 12, 20, 21, 30]] = 0
    whole = make(NAME).attribute(model, x).values
    model.seen = 0
    part = make(NAME, start=10, end=31).attribute(model, x).values
    inside = torch.zeros(LENGTH, dtype=torch.bool)
    inside[10:31] = True
    assert torch.equal(part[:, :, ~inside], torch.zeros_like(part[:, :, ~inside]))
    torch.testing.assert_close(part[:, :, inside], whole[:, :, inside], rtol=1e-4, atol=1e-6)
    known = int(x[0].any(0)[inside].sum())
    assert known == 17
    assert bool((part[0].abs().sum(0) > 0).sum() == known)
    calls = len(list(spans.parts(x[0].any(0), 10, 31, 4 * LENGTH)))
    assert model.seen == 3 * known + calls


def test_around_the_tss(make: Make, net: Make, gene_mask: Make) -> None:
    x, mask = random_sequence(2, LENGTH), gene_mask(2, LENGTH)
    whole = make(NAME).attribute(net(), x, mask).values
    part = make(NAME, around_tss=4).attribute(net(), x, mask).values
    for i in range(2):
        tss = LENGTH // 3 + i
        torch.testing.assert_close(part[i, :, tss - 4 : tss + 4], whole[i, :, tss - 4 : tss + 4])
        assert not part[i, :, : tss - 4].any()
        assert not part[i, :, tss + 4 :].any()
    clipped = make(NAME, around_tss=10_000).attribute(net(), x, mask).values
    assert torch.equal(clipped, whole)


@pytest.mark.parametrize(
    ("options", "masked", "message"),
    [
        ({"around_tss": 4}, False, "because the model reads no gene mask; give start and end"),
        ({"start": 40}, True, "mutate positions 40 to 40, but the window has 40 bases"),
        ({"end": 41}, True, "mutate positions 0 to 41"),
        ({"max_predictions": 119}, True, "of 40 bases needs 120 predictions, more than the 119 of max_predictions"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    make: Make, linear: Make, gene_mask: Make, options: dict[str, int], masked: bool, message: str
) -> None:
    mask = gene_mask(1, LENGTH) if masked else None
    with pytest.raises(AttributionError, match=message):
        make(NAME, **options).attribute(linear(LENGTH), random_sequence(1, LENGTH), mask)


def test_a_window_without_a_masked_base_has_no_tss(make: Make, linear: Make) -> None:
    with pytest.raises(AttributionError, match="the window holds no masked base"):
        make(NAME, around_tss=4).attribute(linear(LENGTH), random_sequence(1, LENGTH), torch.zeros(1, 1, LENGTH))


def test_a_full_window_is_refused_before_the_first_prediction_unless_asked_for(make: Make) -> None:
    class Never(nn.Module):
        def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            raise KeyError("it was called")

    x = random_sequence(1, 524_288)
    with pytest.raises(AttributionError, match="524,288 bases needs 1,572,864 predictions"):
        make(NAME).attribute(Never().eval(), x)
    with pytest.raises(KeyError, match="it was called"):
        make(NAME, max_predictions=None).attribute(Never().eval(), x)


def test_soft_sequences_are_refused(make: Make, linear: Make) -> None:
    with pytest.raises(DataError, match="neither one-hot nor zero"):
        make(NAME).attribute(linear(LENGTH), torch.full((1, 4, LENGTH), 0.25))
