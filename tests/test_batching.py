"""How many sequences go through a model at once: by what is asked, by memory, and by half after running out."""

from __future__ import annotations

import gc
import logging
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from decima_core import AttributionError, ModelError, Registry, Scores, memory
from decima_core.memory import free_bytes, is_out_of_memory
from decima_core.methods import Method, ScalarTarget, batching, sequences_per_forward
from decima_core.methods.batching import budget_of, forward_bytes
from decima_core.testing.samples import Convolution, random_sequence, target_of

CPU = torch.device("cpu")


class Free:
    """Stands for the memory that is free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int | None) -> None:
        monkeypatch.setattr(batching, "free_bytes", lambda device: free)


def fresh() -> ScalarTarget:
    return ScalarTarget(target_of(Convolution()))


def test_plenty_of_memory_gives_about_a_million_bases_and_a_power_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    Free(monkeypatch, 2**50)
    assert sequences_per_forward(fresh(), random_sequence(1, 4096)) == 2**20 // 4096
    assert sequences_per_forward(fresh(), random_sequence(1, 3000)) == 256
    assert sequences_per_forward(fresh(), torch.zeros(1, 4, 2**21)) == 1


def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    Free(monkeypatch, 0)
    assert sequences_per_forward(fresh(), random_sequence(1), asked=7) == 7


def test_little_memory_gives_as_many_as_fit_in_half_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x = random_sequence(1, 4096)
    need = forward_bytes(target_of(Convolution()), x, None)
    for free, size in ((2 * 8 * need, 8), (2 * 15 * need, 8), (2 * 16 * need, 16), (need, 1), (0, 1)):
        Free(monkeypatch, free)
        assert sequences_per_forward(fresh(), x) == size
    Free(monkeypatch, None)  # not known: as if there were enough
    assert sequences_per_forward(fresh(), x) == 256


def test_one_sequence_alone_and_few_short_ones_cost_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    Free(monkeypatch, 0)
    target = fresh()
    assert sequences_per_forward(target, random_sequence(1, 2**18), wanted=1) == 1
    assert sequences_per_forward(target, random_sequence(1, 60), wanted=30) == 30
    assert not budget_of(target).measured


def test_a_target_is_tried_once_for_each_length(monkeypatch: pytest.MonkeyPatch) -> None:
    Free(monkeypatch, 2**50)
    calls = []
    target = target_of(Convolution())
    target.model.register_forward_hook(lambda *_: calls.append(1))
    for length in (4096, 4096, 2048, 4096):
        sequences_per_forward(ScalarTarget(target), random_sequence(1, length))
    assert len(calls) == 2


def test_the_bytes_are_those_that_the_backward_pass_needs() -> None:
    """Convolution: its input and its output at the batch norm and the ReLU; in 8 channels, in float32."""
    per_base = forward_bytes(target_of(Convolution()), random_sequence(1, 2**12), None) / 2**12
    assert 4 * 8 * 2 <= per_base <= 4 * (5 + 8 * 4) + 16


def test_weights_do_not_count() -> None:
    wide = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(240, 5000), torch.nn.Linear(5000, 1))
    assert forward_bytes(target_of(wide), random_sequence(1), None) < 4 * 240 * 5000 / 10


class Hungry(Method):
    """Runs out of memory with more than ``fits`` sequences at once."""

    name = "hungry"
    remedy = "feed it less"

    def __init__(self, fits: int, error: type[Exception] = RuntimeError, asked: int | None = 16) -> None:
        self.fits, self.error, self.asked, self.sizes = fits, error, asked, list[int]()

    def scores(self, target: ScalarTarget, sequence: torch.Tensor, mask: torch.Tensor | None) -> Scores:
        size = sequences_per_forward(target, sequence, mask, self.asked)
        self.sizes.append(size)
        if size > self.fits:
            cause = RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            raise self.error("no more") from cause
        return Scores(values=sequence + torch.rand(1))


@pytest.mark.parametrize("error", [RuntimeError, ModelError])
def test_out_of_memory_halves_the_batch_and_goes_on(error: Any, caplog: pytest.LogCaptureFixture) -> None:
    method, target = Hungry(5, error), target_of(Convolution())
    with caplog.at_level(logging.WARNING):
        first = method.attribute(target, random_sequence(1)).values
    assert method.sizes == [16, 8, 4]
    assert "hungry ran out of memory with 8 sequences in one forward pass; from here on it takes 4." in caplog.text
    second = method.attribute(target, random_sequence(1)).values
    assert method.sizes == [16, 8, 4, 4], "what it learned holds for the next gene"
    assert torch.equal(first, second), "the draws begin anew"


def test_one_sequence_that_does_not_fit_is_told_with_the_remedy() -> None:
    with pytest.raises(
        AttributionError, match=r"hungry ran out of memory on 1 sequence\(s\) of 60 bases; feed it less"
    ):
        Hungry(0).attribute(target_of(Convolution()), random_sequence(1))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("integrated-gradients", {"baseline": "shuffle", "n_baselines": 3, "n_steps": 8}),
        ("gradient-shap", {"n_samples": 6}),
        ("feature-ablation", {"window": 7}),
        ("deep-lift", {"baseline": "shuffle", "n_baselines": 3}),
    ],
)
def test_results_do_not_depend_on_the_batch_size(name: str, options: dict[str, Any]) -> None:
    """Within 1e-5 of the largest value: what differs is the order in which floats are added."""
    target, sequence = target_of(Convolution()), random_sequence(2)
    found = [
        Registry.discover()
        .create("method", name, internal_batch_size=size, **options)
        .attribute(target, sequence)
        .values
        for size in (2, 3, 8, None)
    ]
    for other in found[1:]:
        assert (other - found[0]).abs().max() <= 1e-5 * found[0].abs().max()


def test_what_means_that_memory_ran_out() -> None:
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("x"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(ValueError("out of memory of things past"))
    assert not is_out_of_memory(None)


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="ascii")
    return str(path)


def test_free_memory_of_the_cpu_is_the_machines_or_the_groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = write(tmp_path / "meminfo", "MemTotal:  100 kB\nMemAvailable:    90 kB\n")
    limit, used = write(tmp_path / "max", "40960\n"), write(tmp_path / "current", "10240\n")
    none = write(tmp_path / "none", "max\n")
    monkeypatch.setattr(memory, "_MEMINFO", info)
    for groups, expected in (
        (((limit, used),), 30720),
        (((none, used),), 90 * 1024),
        (((str(tmp_path / "absent"), used),), 90 * 1024),
        (((used, limit),), 0),
    ):
        monkeypatch.setattr(memory, "_CGROUPS", groups)
        assert free_bytes(CPU) == expected
    monkeypatch.setattr(memory, "_CGROUPS", ())
    monkeypatch.setattr(memory, "_MEMINFO", str(tmp_path / "absent"))
    assert free_bytes(CPU) is None
    assert free_bytes(torch.device("meta")) is None


def test_free_memory_of_a_gpu_is_the_drivers_and_what_torch_holds_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 200)
    assert free_bytes(torch.device("cuda")) == 1100


def test_a_trial_holds_on_to_nothing() -> None:
    """An operation that keeps its own output, as a sigmoid does, must not keep it for ever."""
    held: list[weakref.ref[torch.Tensor]] = []

    class Bounded(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            value = torch.sigmoid(x)
            held.append(weakref.ref(value))
            return value.sum((1, 2))[:, None]

    target = ScalarTarget(target_of(Bounded()))
    forward_bytes(target, torch.randn(1, 4, 50), None)
    gc.collect()
    assert [each() for each in held] == [None]
