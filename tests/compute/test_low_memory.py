"""Low memory: the same numbers to the last bit, less held, and the model as it was afterwards."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from deep_models import MODELS, Residual, Unsplit, flat, nested
from torch import nn

from decima_core import Registry
from decima_core.compute.checkpoints import checkpointed
from decima_core.guard import left_as_found
from decima_core.joint_target import JointTarget
from decima_core.methods.batching import forward_bytes
from decima_core.methods.target import ScalarTarget
from decima_core.models import wrap_module
from decima_core.sections import TargetOptions
from decima_core.targets import make_target

LENGTH = 200
TARGETS = [TargetOptions(tasks=["0"]), TargetOptions(tasks=["1"]), TargetOptions(tasks=["0"], off_tasks=["1"])]
METHODS = ("input-x-gradient", "saliency", "integrated-gradients", "gradient-shap", "deep-lift", "feature-ablation")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def inputs(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    codes = torch.randint(0, 4, (batch, LENGTH), generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(batch, 1, LENGTH)
    mask[:, :, 50:90] = 1
    return nn.functional.one_hot(codes, 4).transpose(1, 2).float(), mask


def options_of(name: str) -> dict[str, Any]:
    return {"window": 50, "stride": 50} if name == "feature-ablation" else {}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_the_same_to_the_last_bit(name, model, registry, caplog):
    method = registry.create("method", name, **options_of(name))
    module = MODELS[model]()
    target = make_target(wrap_module(module, channels=5), TARGETS[2])
    with left_as_found(target):
        plain = method.attribute(target, *inputs())
        with checkpointed(module, "m"):
            twice = [method.attribute(target, *inputs()) for _ in range(2)]
    for found in twice:
        assert torch.equal(found.values, plain.values)
    assert plain.values.any()
    # DeepLIFT watches the layers that it knows, so the model is computed as it is, and that is said once.
    assert ("low_memory is without effect" in caplog.text) == (name == "deep-lift" and model != "flat")
    assert caplog.text.count("without effect") <= 1


@pytest.mark.parametrize("model", MODELS)
def test_several_targets_on_one_forward_pass_too(model, registry):
    method, module = registry.create("method", "input-x-gradient"), MODELS[model]()
    wrapped = wrap_module(module, channels=5)
    joint = JointTarget([make_target(wrapped, options) for options in TARGETS])
    with left_as_found(joint):
        plain = [scores.values for scores in method.attribute_many(joint, *inputs())]
        with checkpointed(module, "m"):
            twice = [scores.values for scores in method.attribute_many(joint, *inputs())]
    assert all(torch.equal(one, other) for one, other in zip(plain, twice, strict=True))


PEAK = """
import sys
import torch
from deep_models import MODELS
from decima_core.compute.checkpoints import checkpointed
from contextlib import nullcontext

def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

module = MODELS[sys.argv[1]](30).eval().requires_grad_(False)
sequence = torch.randn(1, 5, 100_000, requires_grad=True)
with checkpointed(module, "m"):  # loads what either way may need
    torch.autograd.grad(module(sequence[:, :, :100]).sum(), sequence)
before = peak()
with checkpointed(module, "m") if sys.argv[2] == "low" else nullcontext():
    torch.autograd.grad(module(sequence).sum(), sequence)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read as Linux tells it")
@pytest.mark.parametrize("model", MODELS)
def test_a_process_needs_less_memory(model):
    def peak(mode: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, model, mode],
            capture_output=True,
            text=True,
            check=True,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "OMP_NUM_THREADS": "1",
                "MALLOC_MMAP_THRESHOLD_": "1000000",
            },
        )
        return int(done.stdout)

    assert peak("low") < 0.6 * peak("plain")


def test_a_model_that_cannot_be_cut_keeps_less_all_the_same(caplog):
    """Its convolution keeps no input; and nothing is computed twice."""
    module = Unsplit().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(module(x).sum(), x)
    with caplog.at_level("INFO"), checkpointed(module, "small"):
        (spared,) = torch.autograd.grad(module(x).sum(), x)
    assert torch.equal(plain, spared)
    assert "0 % of its forward pass is computed twice" in caplog.text


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_code_that_is_sealed_is_told_so(caplog):
    with torch.no_grad():
        sealed = torch.jit.trace(flat(), torch.zeros(1, 5, LENGTH), check_trace=False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(sealed(x).sum(), x)
    with checkpointed(sealed, "script"):
        (found,) = torch.autograd.grad(sealed(x).sum(), x)
    assert torch.equal(plain, found)
    assert "--low-memory wins little with model 'script'" in caplog.text


def test_the_model_is_as_it_was_also_after_an_exception():
    module = Residual()
    forwards = [m.__dict__.get("forward") for m in module.modules()]

    def failing() -> None:
        with checkpointed(module, "m"):
            assert [m.__dict__.get("forward") for m in module.modules()] != forwards
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert [m.__dict__.get("forward") for m in module.modules()] == forwards


def test_what_is_won_is_told_once_and_the_plan_stays(caplog):
    module = nested().eval().requires_grad_(False)
    with caplog.at_level("INFO"), checkpointed(module, "deep"):
        for batch in (1, 3):
            x = torch.cat(inputs(batch), dim=1).requires_grad_()
            torch.autograd.grad(module(x).sum(), x)
    assert caplog.text.count("Low memory: model 'deep' takes about") == 1


class Shared(nn.Module):
    """One block of layers in a row, called again and again; and one that is called once."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.ReLU(inplace=True), nn.Conv1d(5, 8, 5, padding=2), nn.GELU())
        self.block = nn.Sequential(
            nn.GELU(), nn.Conv1d(8, 8, 5, padding=2), nn.GELU(), nn.Conv1d(8, 8, 5, padding=2), nn.GELU()
        )
        self.last = nn.Sequential(*[layer for _ in range(6) for layer in (nn.Conv1d(8, 8, 5, padding=2), nn.GELU())])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(1 * x)
        for _ in range(3):
            x = self.block(x)
        return self.last(x).mean(2)


def test_layers_that_are_called_in_several_places(caplog):
    module = Shared().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(module(x).sum(), x)
    with caplog.at_level("INFO"), checkpointed(module, "m"):
        (found,) = torch.autograd.grad(module(x).sum(), x)
    assert torch.equal(found, plain)
    assert "Low memory: model 'm' takes about" in caplog.text


def test_a_model_whose_first_layer_works_in_place_on_its_input(caplog):
    module = nn.Sequential(nn.ReLU(inplace=True), *flat()).eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(module(1 * x).sum(), x)
    with caplog.at_level("INFO"), checkpointed(module, "m"):
        (found,) = torch.autograd.grad(module(1 * x).sum(), x)
    assert torch.equal(found, plain)
    assert "cannot be watched" not in caplog.text


class Preactivated(nn.Module):
    """Its blocks work in place on what is added to their result: a quirk that low memory must not take away."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv1d(5, 8, 5, padding=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Identity(), nn.ReLU(inplace=True), nn.Conv1d(8, 8, 5, padding=2), nn.Tanh(), nn.Tanh())
            for _ in range(6)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return x.mean(2)


class BothStrands(nn.Module):
    """One row of layers, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.net = flat()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.net(1 * x) + self.net(x.flip(2))) / 2


class ByKeyword(nn.Module):
    """Calls its layers by keyword, and by one that a function of torch has too."""

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Conv1d(8, 8, 5, padding=2), nn.Tanh(), nn.Tanh())

        def forward(self, *, hidden_states: torch.Tensor, debug: float) -> torch.Tensor:
            return debug * self.inner(input=hidden_states)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv1d(5, 8, 5, padding=2)
        self.layers = nn.ModuleList(self.Layer() for _ in range(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = layer(hidden_states=x, debug=0.5)
        return x.mean(2)


@pytest.mark.parametrize("model", [Preactivated, BothStrands, ByKeyword])
def test_models_that_are_written_otherwise(model):
    module = model().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    plain = module(x)
    (slope,) = torch.autograd.grad(plain.sum(), x)
    with checkpointed(module, "m"):
        for _ in range(2):
            found = module(x)
            assert torch.equal(found, plain)
            assert torch.equal(torch.autograd.grad(found.sum(), x)[0], slope)


def test_a_prediction_first_is_no_plan(caplog):
    module = nested().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1)
    with caplog.at_level("INFO"), checkpointed(module, "deep"):
        module(x)
        assert not caplog.text
        module(x.requires_grad_())
    assert "Low memory: model 'deep' takes about" in caplog.text


class Shy(nn.Module):
    """Bears nobody who watches its operations, as some compiled ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = flat()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
            raise NotImplementedError("no rule for this mode")
        return self.layers(x)


def test_a_model_that_cannot_be_watched_is_computed_all_the_same(caplog):
    module = Shy().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(module(x).sum(), x)
    with checkpointed(module, "shy"):
        found = [torch.autograd.grad(module(x).sum(), x)[0] for _ in range(2)]
    assert all(torch.equal(each, plain) for each in found)
    assert caplog.text.count("model 'shy' cannot be watched (NotImplementedError: no rule for this mode)") == 1


def test_a_model_that_fails_is_told_as_such_alone(caplog):
    module = flat().eval().requires_grad_(False)
    with checkpointed(module, "m"), pytest.raises(RuntimeError, match="channels"):
        module(torch.zeros(1, 3, LENGTH, requires_grad=True))
    assert not caplog.text


def test_running_out_of_memory_after_the_plan_was_made_leaves_the_plan(caplog):
    module = nested().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(module(x).sum(), x)
    calls = itertools.count()

    def lack(*_: Any) -> None:
        if next(calls) == 1:  # the first is that of the plan
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    forward = module[1].forward
    module[1].forward = lambda value: (lack(), forward(value))[1]
    with caplog.at_level("INFO"), checkpointed(module, "m"):
        with pytest.raises(torch.cuda.OutOfMemoryError):
            module(x)
        (found,) = torch.autograd.grad(module(x).sum(), x)
    assert torch.equal(found, plain)
    assert caplog.text.count("Low memory: model 'm' takes about") == 1


def test_running_out_of_memory_while_planning_is_told_as_such_and_the_plan_made_later(caplog):
    module = flat().eval().requires_grad_(False)
    x = torch.cat(inputs(), dim=1).requires_grad_()
    plain = module.forward
    lacking = [True]

    def forward(value: torch.Tensor) -> torch.Tensor:
        if lacking.pop() if lacking else False:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return plain(value)

    module.forward = forward
    with caplog.at_level("INFO"), checkpointed(module, "m"):
        with pytest.raises(torch.cuda.OutOfMemoryError):
            module(x)
        module(x)
    assert "Low memory: model 'm' takes about" in caplog.text


def test_a_forward_pass_without_gradients_makes_no_plan(caplog):
    module = nested().eval().requires_grad_(False)
    with caplog.at_level("INFO"), checkpointed(module, "deep"), torch.no_grad():
        module(torch.cat(inputs(), dim=1))
    assert not caplog.text


def test_batches_go_by_what_low_memory_takes(registry):
    module = flat().eval().requires_grad_(False)
    target = ScalarTarget(make_target(wrap_module(module, channels=5), TARGETS[0]))
    sequence, mask = inputs(1)
    plain = forward_bytes(target, sequence, mask)
    with checkpointed(module, "m"):
        low = forward_bytes(target, sequence, mask)
        assert low < plain
        assert forward_bytes(target, sequence.repeat(1, 1, 3), mask.repeat(1, 1, 3)) == pytest.approx(3 * low, rel=0.01)


def test_a_layer_that_occurs_twice_is_called_twice():
    layer = nn.Conv1d(5, 5, 3, padding=1)
    module = nn.Sequential(layer, nn.GELU(), layer, nn.GELU(), layer, nn.GELU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    x = torch.cat(inputs(), dim=1).requires_grad_()
    (plain,) = torch.autograd.grad(module(x).sum(), x)
    with checkpointed(module, "m"):
        (twice,) = torch.autograd.grad(module(x).sum(), x)
    assert torch.equal(plain, twice)
