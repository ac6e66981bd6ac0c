"""Functions compiled at run time: what they compute, and that they run without the interpreter's lock."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from llvmlite import ir

from decima_core import native
from decima_core.native import ARRAY, FLOAT, INT, MachineCode, function, has, item, loop, number


def module() -> ir.Module:
    """``total(count, array)`` adds up whole numbers; ``mean`` writes the mean of floating-point ones into its last argument."""
    made = ir.Module("example")
    b, (count, array) = function(made, "total", INT, INT, ARRAY)
    with loop(b, count, number(0)) as turn:
        turn.hand_on(b.add(turn.values[0], item(b, array, turn.index)))
    b.ret(turn.values[0])
    b, (count, scale, array, out) = function(made, "mean", ir.VoidType(), INT, FLOAT, ARRAY, ARRAY)
    with loop(b, count, number(0.0, FLOAT)) as turn:
        turn.hand_on(b.fadd(turn.values[0], item(b, array, turn.index, FLOAT)))
    b.store(b.fmul(scale, b.fdiv(turn.values[0], b.sitofp(count, FLOAT))), out)
    b.ret_void()
    return made


@pytest.mark.parametrize("features", [None, ""])
@pytest.mark.parametrize("count", [0, 1, 1000])
def test_it_computes(features: str | None, count: int) -> None:
    code = MachineCode(module(), features)
    assert code["total"](count, np.arange(count)) == count * (count - 1) // 2
    if count:
        out = np.empty(1)
        assert code["mean"](count, 2.0, np.arange(count, dtype=float), out) is None
        assert out[0] == count - 1


def test_a_function_outlives_its_module() -> None:
    total = MachineCode(module())["total"]
    gc.collect()
    assert total(3, np.arange(3)) == 3


def test_arrays_with_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="without gaps"):
        MachineCode(module())["total"](3, np.arange(6)[::2])


def test_threads_run_beside_it() -> None:
    """A thread makes progress while another is in one long call."""
    total = MachineCode(module(), "")["total"]
    numbers = np.ones(1 << 24, dtype=np.int64)
    began, done, ticks = threading.Event(), threading.Event(), []

    def work() -> None:
        began.set()
        assert total(len(numbers), numbers) == len(numbers)
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    began.wait()
    while not done.is_set():
        ticks.append(None)
    worker.join()
    assert len(ticks) > 10


def test_what_every_processor_has_and_none() -> None:
    assert has()
    assert not has("no-such-ability")


def test_a_system_that_cannot_tell_has_nothing_special(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot() -> None:
        raise RuntimeError("no features")

    native._host_features.cache_clear()
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", cannot)
    try:
        assert not has("avx2")
        assert MachineCode(module())["total"](3, np.arange(3)) == 3
    finally:
        native._host_features.cache_clear()
