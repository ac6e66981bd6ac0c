"""What only a GPU can tell: the same numbers as on the CPU, and the memory that is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from deep_models import MODELS, Residual
from spared_operations import OPERATIONS, gradients
from torch import nn

from decima_core import Registry
from decima_core.compute.checkpoints import checkpointed
from decima_core.guard import left_as_found
from decima_core.models import wrap_module
from decima_core.sections import TargetOptions
from decima_core.targets import make_target

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")

GPU = torch.device("cuda")
METHODS = ("input-x-gradient", "saliency", "integrated-gradients", "gradient-shap", "deep-lift")
WIDE = 200_000


@pytest.fixture(autouse=True)
def one_way_to_compute() -> Iterator[None]:
    """Else cuDNN may choose kernels that add in another order each time."""
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False):
        yield


def inputs(length: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    codes = torch.randint(0, 4, (2, length), generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(2, 1, length)
    mask[:, :, 50:90] = 1
    return nn.functional.one_hot(codes, 4).transpose(1, 2).float(), mask


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_what_it_finds_on_the_cpu(name: str) -> None:
    method = Registry.discover().create("method", name)
    target = make_target(wrap_module(Residual(), channels=5), TargetOptions(tasks=["0"], off_tasks=["1"]))
    sequence, mask = inputs()
    with left_as_found(target):
        here = method.attribute(target, sequence, mask).values
    with left_as_found(target, GPU):
        there = method.attribute(target, sequence.to(GPU), mask.to(GPU)).values.cpu()
    # Draws of methods that draw come from one generator whatever the device.
    torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-4 * float(here.abs().max()))


@pytest.mark.parametrize("model", MODELS)
def test_low_memory_is_the_same_to_the_last_bit_and_less(model: str) -> None:
    module = MODELS[model](30).eval().requires_grad_(False).to(GPU)
    x = torch.randn(1, 5, WIDE, generator=torch.Generator().manual_seed(2)).to(GPU).requires_grad_()

    def taken() -> tuple[torch.Tensor, int]:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        (slope,) = torch.autograd.grad(module(x).sum(), x)
        return slope, torch.cuda.max_memory_allocated() - before

    plain, most = taken()
    with checkpointed(module, "m"):
        found = [taken() for _ in range(2)]
    for slope, _ in found:
        assert torch.equal(slope, plain)
    assert found[1][1] < 0.6 * most


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("shapes_alone", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_spared_gives_the_same_gradient(name: str, shapes_alone: bool) -> None:
    with torch.device(GPU):
        plain, spared = gradients(name, shapes_alone)
    assert torch.allclose(plain, spared, rtol=0, atol=0, equal_nan=True)
