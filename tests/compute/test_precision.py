"""Other number formats: float32 in and out, gradients that do not vanish, and what they change measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deep_models import Residual
from torch import nn

from decima_core import ConfigError, GeneRecord, Registry
from decima_core.compute import computed
from decima_core.compute.precision import check_precision, tensor_cores
from decima_core.deviation import Deviation, Difference, measure_deviation
from decima_core.guard import left_as_found
from decima_core.models import wrap_module
from decima_core.sections import ComputeOptions, TargetOptions
from decima_core.targets import make_target
from decima_core.testing.samples import random_codes

CPU = torch.device("cpu")
LENGTH = 100


def record() -> GeneRecord:
    mask = np.zeros(LENGTH)
    mask[20:60] = 1
    return GeneRecord(gene="G", codes=random_codes(LENGTH), mask=mask, tss=20)


def deviation(module: nn.Module, precision: str, method: str = "input-x-gradient") -> Deviation:
    model, found = wrap_module(module, channels=5), Registry.discover().create("method", method)
    with computed(model, ComputeOptions(precision=precision), CPU) as computation:
        target = make_target(model, TargetOptions(tasks=["0"]), module=computation.module)
        with left_as_found(target):
            return measure_deviation(record(), model, target, found, CPU, computation)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_what_it_changes_is_measured(precision):
    found = deviation(Residual(), precision)
    for difference in (found.prediction, found.attribution):
        assert difference.correlation == pytest.approx(1, abs=0.05)
        assert 0 < difference.largest < 0.2
    assert Deviation.of(found.facts()) == found
    assert str(found).startswith(f"In {precision} instead of float32, on gene 'G': attribution with correlation ")


def test_float32_differs_in_nothing():
    found = deviation(Residual(), "float32")
    for each in (found.attribution, found.prediction):
        assert each.largest == 0
        assert each.correlation == pytest.approx(1, abs=1e-12)


class Faint(nn.Module):
    """Its gradients lie far below what half precision holds."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv1d(5, 8, 3, padding=1), nn.Conv1d(8, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The mean over positions and 2,000 more: each position's gradient is 1e-7 or so.
        return self.second(torch.relu(self.first(x))).mean(dim=2) / 2_000


def test_small_gradients_survive_fp16():
    assert deviation(Faint(), "fp16").attribution.correlation > 0.99


def test_input_and_output_stay_float32():
    seen: list[torch.dtype] = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(4, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.conv(x).mean(dim=2)
            seen.append(out.dtype)
            return out

    with computed(wrap_module(Spy(), channels=4), ComputeOptions(precision="bf16"), CPU) as computation:
        inputs = torch.rand(1, 4, 20, requires_grad=True)
        output = computation.module(inputs)
        (slope,) = torch.autograd.grad(output.sum(), inputs)
        with computation.in_float32():
            computation.module(inputs)
        computation.module(inputs)
    assert (output.dtype, slope.dtype) == (torch.float32, torch.float32)
    assert seen == [torch.bfloat16, torch.float32, torch.bfloat16]


@pytest.mark.parametrize("allowed", [False, True])
def test_whether_tf32_is_used_is_put_back(allowed):
    def flags() -> tuple[bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    before = flags()

    def failing() -> None:
        with tensor_cores(allowed):
            assert flags() == (allowed, allowed)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert flags() == before


def test_tf32_without_a_gpu_is_told():
    with pytest.raises(ConfigError, match="tf32 is one of CUDA GPUs, and the device is 'cpu'; use --precision float32"):
        check_precision("tf32", CPU)
    check_precision("tf32", torch.device("cuda"))


def test_a_gpu_without_bf16_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: False)
    with pytest.raises(ConfigError, match="The GPU 'cuda' does not compute in bf16; use --precision fp16"):
        check_precision("bf16", torch.device("cuda"))


def test_differences_of_what_does_not_vary():
    assert Difference.of([2.0], [2.5]) == Difference(correlation=None, largest=0.25)
    assert Difference.of([0.0, 0.0], [0.0, 0.0]) == Difference(correlation=None, largest=None)
    assert Difference.of([0.0, 4.0], [1.0, 4.0]) == Difference(correlation=pytest.approx(1), largest=0.25)
