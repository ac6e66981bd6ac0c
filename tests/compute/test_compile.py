"""torch.compile: what it lacks is said at once, failures are one sentence, and the numbers are the same."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
from deep_models import Residual
from torch import nn

from decima_core import ConfigError, ModelError, OptionError, Registry
from decima_core.compute import computed
from decima_core.compute.compiling import Compiled, check_compiler
from decima_core.models import wrap_module
from decima_core.options import build
from decima_core.sections import ComputeOptions

CPU = torch.device("cpu")


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match=r"there is no 'no-such-compiler' on the PATH; .*leave out --compile"):
        check_compiler(CPU)


def test_a_gpu_needs_triton(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install triton"):
        check_compiler(torch.device("cuda"))


def test_low_memory_and_compile_exclude_each_other():
    with pytest.raises(OptionError, match="low_memory and compile cannot both be on"):
        build(ComputeOptions, {"low_memory": True, "compile": True}, "[compute]")


def test_a_failure_of_the_compiler_is_one_sentence(monkeypatch):
    from torch._dynamo.exc import TorchDynamoException

    def fail(*_: Any) -> Any:
        raise TorchDynamoException("no code\nmany lines")

    monkeypatch.setattr(torch, "compile", lambda model: fail)
    with pytest.raises(
        ModelError, match=r"^torch.compile failed: TorchDynamoException: no code. Leave out --compile.$"
    ):
        Compiled(Residual())(torch.zeros(1, 5, 20))


def test_a_method_that_watches_layers_gets_the_model_as_it_is(monkeypatch, caplog):
    def unhooked(*inputs: Any) -> Any:
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules()), (
            "compiled code calls no hooks"
        )
        return module(*inputs)

    module = Residual().eval()
    monkeypatch.setattr(torch, "compile", lambda model: unhooked)
    compiled = Compiled(module)
    method = Registry.discover().create("method", "deep-lift")
    target = _First(module, compiled)
    sequence = torch.eye(4)[torch.arange(40) % 4].T[None]
    mask = torch.ones(1, 1, 40)
    assert torch.equal(
        method.attribute(target, sequence, mask).values,
        method.attribute(_First(module, module), sequence, mask).values,
    )
    assert caplog.text.count("compile is without effect") == 1


class _First(nn.Module):
    def __init__(self, module: nn.Module, call: Any) -> None:
        super().__init__()
        self.module, self._call = module, (call,)
        self.eval()

    def forward(self, sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self._call[0](torch.cat([sequence, mask], dim=1))[:, 0]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        # There the backward pass has a thread of its own, which settings of this one do not reach.
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
        ),
    ],
)
def test_compiled_gradients_are_those_of_the_model_for_several_targets(device):
    from torch._functorch import config

    model = wrap_module(Residual(2).eval().requires_grad_(False).to(device), channels=5)
    with computed(model, ComputeOptions(compile=True), torch.device(device)) as computation:
        # Compiled anew, otherwise than at first, where the shape changes.
        for shape in ((1, 5, 60), (1, 5, 80), (3, 5, 80)):
            inputs = torch.rand(shape, device=device, requires_grad=True)
            plain, found = model.module(inputs), computation.module(inputs)
            assert torch.allclose(found, plain, atol=1e-5)
            for task in range(3):
                slopes = [
                    torch.autograd.grad(out[:, task].sum(), inputs, retain_graph=True)[0] for out in (plain, found)
                ]
                assert torch.allclose(*slopes, atol=1e-6)
    assert config.donated_buffer, "as it was found"
