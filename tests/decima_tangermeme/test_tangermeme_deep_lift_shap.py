"""DeepLIFT/SHAP: closed forms, tangermeme called directly, captum, rules, and what is left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from decima_core import Registry
from decima_core.errors import AttributionError, DataError, UnknownNameError
from decima_core.targets import Target
from decima_core.testing.samples import Convolution, random_sequence, target_of

pytest.importorskip("tangermeme", reason="tangermeme is not installed: pip install 'decima-core[tangermeme]'")

from tangermeme.deep_lift_shap import deep_lift_shap
from tangermeme.ersatz import dinucleotide_shuffle

Make = Callable[..., Any]
LENGTH = 40


def shuffles(x: torch.Tensor, n: int, seed: int) -> torch.Tensor:
    """``(B, n, 4, L)``: shuffle k is tangermeme's with the seed ``seed + k``."""
    return torch.cat([dinucleotide_shuffle(x, n=1, random_state=[seed + k] * len(x)) for k in range(n)], 1)


def test_on_a_linear_model_it_is_the_weights_times_the_difference(make: Make, linear: Make) -> None:
    model, x = linear(LENGTH), random_sequence(2, LENGTH)
    difference = x - shuffles(x, 4, 7).mean(1)
    expected = x * (model.weight * difference).sum(1, keepdim=True)
    scores = make("deep-lift-shap", n_shuffles=4, seed=7).attribute(model, x)
    torch.testing.assert_close(scores.values, expected, rtol=1e-4, atol=1e-5)
    assert scores.convergence_delta.abs().max() < 1e-4


def test_equals_tangermeme_called_directly(make: Make, net: Make, gene_mask: Make) -> None:
    model, x, mask = net(pool=nn.MaxPool1d(2)), random_sequence(3, LENGTH), gene_mask(3, LENGTH)

    class Column(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.model(x, mask)[:, None]

    direct = deep_lift_shap(Column().eval(), x, args=(mask,), n_shuffles=6, random_state=11, device="cpu")
    ours = make("deep-lift-shap", n_shuffles=6, seed=11).attribute(model, x, mask).values
    torch.testing.assert_close(ours, direct, rtol=1e-4, atol=1e-6)
    assert ours.abs().max() > 1e-3


def test_equals_captum_on_the_same_references(make: Make, gene_mask: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """captum leaves each base its own part; tangermeme puts a position's on the observed base."""
    import decima_captum.deep_lift
    from decima_captum import decima_attribution_methods
    from decima_captum.options import DeepLiftOptions

    x, mask = random_sequence(2, LENGTH), gene_mask(2, LENGTH)

    class TwoLayers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with torch.random.fork_rng():
                torch.manual_seed(3)
                self.layers = nn.Sequential(
                    nn.Conv1d(5, 8, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 8, 3), nn.ReLU()
                )

        def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.layers(torch.cat([sequence, mask], 1))
            return out.sum((1, 2))

    class Same:
        """The baselines of tangermeme."""

        def __init__(self, options: DeepLiftOptions, sequence: torch.Tensor) -> None:
            self.count = options.n_baselines
            self.shuffles = shuffles(sequence, self.count, options.seed)

        def stack(self, pairs: list[tuple[int, int]]) -> torch.Tensor:
            return torch.stack([self.shuffles[example, k] for example, k in pairs])

    monkeypatch.setattr(decima_captum.deep_lift, "Baselines", Same)
    model = TwoLayers().eval().requires_grad_(False)
    spec = next(s for s in decima_attribution_methods() if s.name == "deep-lift")
    theirs = spec.create(spec.options(baseline="shuffle", n_baselines=5, seed=2)).attribute(model, x, mask)
    ours = make("deep-lift-shap", n_shuffles=5, seed=2).attribute(model, x, mask)
    torch.testing.assert_close(ours.values.sum(1), theirs.values.sum(1), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(ours.convergence_delta, theirs.convergence_delta, rtol=0, atol=1e-4)
    assert ours.values.abs().max() > 0.1


@pytest.mark.parametrize("unknown", [(), (0, 5, 6, 7, 39)])
def test_the_delta_is_what_the_sum_misses(make: Make, net: Make, gene_mask: Make, unknown: tuple[int, ...]) -> None:
    """With GELU through a function the values do not sum to the change; the delta says by how much."""

    class Plain(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.gelu(x)

    from decima_tangermeme.references import shuffle_known

    model, x, mask = net(Plain()), random_sequence(2, LENGTH), gene_mask(2, LENGTH)
    x[:, :, list(unknown)] = 0
    scores = make("deep-lift-shap", n_shuffles=3, seed=5).attribute(model, x, mask)
    references = [shuffle_known(x[i : i + 1], random_state=5 + k)[0] for i in range(2) for k in range(3)]
    change = model(x, mask) - model(torch.cat(references), mask.repeat_interleave(3, 0)).reshape(2, 3).mean(1)
    torch.testing.assert_close(scores.convergence_delta, scores.values.sum((1, 2)) - change, rtol=1e-3, atol=1e-5)
    assert scores.convergence_delta.abs().max() > 1e-3


def test_unknown_bases_stay_in_place_and_completeness_holds(make: Make, net: Make, gene_mask: Make) -> None:
    from decima_tangermeme.references import shuffle_known

    x = random_sequence(2, LENGTH)
    x[0, :, 10:14] = 0
    x[0, :, 0] = 0
    x[1, :, 2:] = 0
    shuffled = shuffle_known(x[:1], n=3, random_state=4)
    assert shuffled.shape == (1, 3, 4, LENGTH)
    known = x[0].any(0)
    assert torch.equal(shuffled.any(2)[0], known.expand(3, -1))
    cut = dinucleotide_shuffle(x[:1, :, known], n=3, random_state=4)
    assert torch.equal(shuffled[..., known], cut)
    assert not torch.equal(shuffled[0, 0], x[0])
    assert torch.equal(shuffle_known(x[1:], random_state=4)[0, 0], x[1]), "two bases have no shuffle"
    mask = gene_mask(2, LENGTH)
    scores = make("deep-lift-shap").attribute(net(), x, mask)
    assert not scores.values[0][:, ~known].any()
    assert scores.convergence_delta.abs().max() < 1e-5
    assert scores.values[0].any()
    assert not scores.values[1].any(), "it is its own reference"


@pytest.mark.parametrize("size", [2, 3, 10, 64])
def test_the_internal_batch_size_changes_nothing_else(make: Make, net: Make, gene_mask: Make, size: int) -> None:
    x, mask = random_sequence(3, LENGTH), gene_mask(3, LENGTH)
    usual = make("deep-lift-shap", n_shuffles=5).attribute(net(), x, mask)
    other = make("deep-lift-shap", n_shuffles=5, internal_batch_size=size).attribute(net(), x, mask)
    torch.testing.assert_close(other.values, usual.values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other.convergence_delta, usual.convergence_delta, rtol=0, atol=1e-5)


def test_at_most_the_internal_batch_size_goes_through_at_once(make: Make) -> None:
    seen = []

    class Watching(nn.Module):
        def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            seen.append(len(sequence))
            return sequence[:, 0].sum(1)

    make("deep-lift-shap", n_shuffles=7, internal_batch_size=6).attribute(Watching().eval(), random_sequence(2, 30))
    assert max(seen) == 6
    assert sum(seen) == 2 * 2 * 7, "nothing is evaluated for the delta alone"


def test_the_seed_decides_and_the_global_state_stays(make: Make, net: Make, gene_mask: Make) -> None:
    x, mask = random_sequence(1, LENGTH), gene_mask(1, LENGTH)
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, again, other = (
        make("deep-lift-shap", seed=seed).attribute(net(), x, mask).values for seed in (3, 3, 2**40 + 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


class Halved(nn.ReLU):
    """A subclass, which tangermeme hooks but has no rule for."""


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(inplace=True), nn.GELU(), nn.SiLU(), nn.Softplus(), nn.ELU(), nn.Sigmoid(), nn.Tanh(), Halved()],
    ids=lambda a: type(a).__name__,
)
@pytest.mark.parametrize("pool", [nn.Identity(), nn.MaxPool1d(5, stride=1), nn.LayerNorm(LENGTH)], ids=str)
def test_complete_for_modules_with_a_rule_used_twice(
    make: Make, net: Make, gene_mask: Make, caplog: pytest.LogCaptureFixture, activation: nn.Module, pool: nn.Module
) -> None:
    model = net(activation, pool)
    scores = make("deep-lift-shap", n_shuffles=3).attribute(model, random_sequence(2, LENGTH), gene_mask(2, LENGTH))
    assert scores.values.abs().max() > 1e-4
    assert scores.convergence_delta.abs().max() < 1e-4
    assert caplog.records == []


class QuickGelu(nn.Module):
    """An activation tangermeme does not know."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(1.702 * x) * x


def test_a_module_without_a_rule_is_reported_and_can_be_integrated(
    make: Make, net: Make, gene_mask: Make, caplog: pytest.LogCaptureFixture
) -> None:
    model, x, mask = net(QuickGelu()), random_sequence(2, LENGTH), gene_mask(2, LENGTH)
    with caplog.at_level(logging.WARNING, logger="decima_tangermeme"):
        off = make("deep-lift-shap").attribute(model, x, mask).convergence_delta
    (record,) = caplog.records
    assert "completeness does not hold" in record.getMessage()
    assert "no rule for QuickGelu" in record.getMessage()
    caplog.clear()
    near = make("deep-lift-shap", integrate="QuickGelu", nodes=12).attribute(model, x, mask).convergence_delta
    assert near.abs().max() < 0.01 * off.abs().max()
    assert caplog.records == []
    with pytest.raises(UnknownNameError, match=r"no module class 'QuickGLU' .* Did you mean QuickGelu\?"):
        make("deep-lift-shap", integrate="QuickGLU").attribute(model, x, mask)


def test_a_functional_activation_is_reported(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with torch.random.fork_rng():
                torch.manual_seed(0)
                self.conv = nn.Conv1d(4, 8, 5)

        def forward(self, sequence: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            return torch.relu(self.conv(sequence)).sum((1, 2))

    with caplog.at_level(logging.WARNING, logger="decima_tangermeme"):
        make("deep-lift-shap").attribute(Functional().eval().requires_grad_(False), random_sequence(1, LENGTH))
    (record,) = caplog.records
    assert "functional activations such as torch.relu(x)" in record.getMessage()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit")
@pytest.mark.parametrize("how", ["script", "trace"])
def test_torchscript_is_refused_in_words(make: Make, how: str) -> None:
    module, x = Convolution().eval().requires_grad_(False), random_sequence(1, LENGTH)
    scripted = torch.jit.script(module) if how == "script" else torch.jit.trace(module, x)
    with pytest.raises(AttributionError, match="cannot see the activations of a TorchScript model"):
        make("deep-lift-shap").attribute(Target(scripted, on=None, off=None).eval(), x)


def test_an_exported_program_works_and_is_reported(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its activations are functions."""
    x = random_sequence(1, LENGTH)
    torch.export.save(torch.export.export(Convolution().eval(), (x,)), tmp_path / "net.pt2")
    model = Registry.discover().create("model", "torch", path=str(tmp_path / "net.pt2"))
    with caplog.at_level(logging.WARNING, logger="decima_tangermeme"):
        scores = make("deep-lift-shap", n_shuffles=3).attribute(target_of(model.module), x)
    assert scores.values.any()
    assert "completeness does not hold" in caplog.text
    # What needs no rule is right for it, too.
    mutated = make("saturation-mutagenesis")
    exported, eager = (mutated.attribute(target_of(m), x).values for m in (model.module, Convolution()))
    torch.testing.assert_close(exported, eager, rtol=1e-3, atol=1e-5)


def snapshot(model: nn.Module) -> dict[tuple[str, str], object]:
    return {
        (name, key): dict(value) if isinstance(value, dict) else value
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if key != "calls"
    }


@pytest.mark.parametrize("fail_at", [-1, 1, 2, 3])
@pytest.mark.parametrize("inplace", [False, True])
def test_nothing_is_left_behind(make: Make, net: Make, gene_mask: Make, fail_at: int, inplace: bool) -> None:
    model = net(nn.ReLU(inplace=inplace), nn.MaxPool1d(2))
    seen: list[int] = []
    model.activation.register_forward_hook(lambda *_: seen.append(1))
    model.fail_at = fail_at
    before = snapshot(model)
    method = make("deep-lift-shap", n_shuffles=4, internal_batch_size=2)
    if fail_at > 0:
        with pytest.raises(ValueError, match="the model broke"):
            method.attribute(model, random_sequence(1, LENGTH), gene_mask(1, LENGTH))
    else:
        method.attribute(model, random_sequence(1, LENGTH), gene_mask(1, LENGTH))
    assert snapshot(model) == before
    assert seen or fail_at == 1
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("old", [False, True])
def test_a_backward_hook_of_the_users_does_not_switch_a_rule_off(
    make: Make, net: Make, gene_mask: Make, caplog: pytest.LogCaptureFixture, old: bool
) -> None:
    model = net()
    if old:
        handle = model.activation.register_backward_hook(lambda *_: None)
    else:
        handle = model.activation.register_full_backward_hook(lambda *_: None)
    before = snapshot(model)
    scores = make("deep-lift-shap").attribute(model, random_sequence(1, LENGTH), gene_mask(1, LENGTH))
    assert scores.convergence_delta.abs().max() < 1e-5
    assert snapshot(model) == before
    handle.remove()
    assert not model.activation._backward_hooks


@pytest.mark.parametrize(("name", "value"), [("handles", []), ("input", torch.zeros(1))])
def test_an_attribute_that_tangermeme_would_delete_is_refused(
    make: Make, net: Make, gene_mask: Make, name: str, value: object
) -> None:
    model = net()
    setattr(model.head, name, value)
    with pytest.raises(AttributionError, match=f"head' has an attribute '{name}'"):
        make("deep-lift-shap").attribute(model, random_sequence(1, LENGTH), gene_mask(1, LENGTH))
    assert getattr(model.head, name) is value


def test_bad_input_is_refused_in_words(make: Make, linear: Make) -> None:
    method = make("deep-lift-shap")
    with pytest.raises(AttributionError, match=r"\(batch, 4, length\)"):
        method.attribute(linear(LENGTH), random_sequence(1, LENGTH)[0])
    soft = random_sequence(1, LENGTH)
    soft[:, :, 3] = 0.25
    with pytest.raises(DataError, match="Column 3 of the sequence is neither one-hot nor zero"):
        method.attribute(linear(LENGTH), soft)
    assert method.attribute(linear(LENGTH), torch.zeros(0, 4, LENGTH)).values.shape == (0, 4, LENGTH)


def test_a_target_of_the_mask_alone_gets_zero_and_a_cut_gradient_an_error(make: Make, gene_mask: Make) -> None:
    class MaskOnly(nn.Module):
        def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return mask.mean((1, 2))

    class Cut(nn.Module):
        def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return sequence.detach()[:, 0].sum(1)

    x, mask = random_sequence(1, LENGTH), gene_mask(1, LENGTH)
    assert not make("deep-lift-shap").attribute(MaskOnly().eval(), x, mask).values.any()
    with pytest.raises(AttributionError, match="has no gradient"):
        make("deep-lift-shap").attribute(Cut().eval(), x, mask)
