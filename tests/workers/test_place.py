"""What share of the machine each worker gets."""

from __future__ import annotations

import pytest
import torch

from decima_core.workers.place import THREAD_VARIABLES, Place, cores, gpus_for, share


def test_gpus_go_round():
    places = share(5, threads=1, gpus=("2", "GPU-a1"))
    assert [place.gpu for place in places] == ["2", "GPU-a1", "2", "GPU-a1", "2"]


@pytest.mark.parametrize(
    ("device", "listed", "gpus"),
    [("cuda", "2, 3", ("2", "3")), ("cuda", "", ()), ("cuda:1", "2,3", ()), ("cpu", "2,3", ()), (None, "2,3", ())],
)
def test_gpus_are_those_that_this_process_sees(device, listed, gpus):
    assert gpus_for(device and torch.device(device), {"CUDA_VISIBLE_DEVICES": listed}) == gpus


def test_cores_are_shared_unless_something_says_how_many_threads(monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert share(2, threads=None) == [Place(max(1, cores() // 2))] * 2
    assert share(1000, threads=None)[0] == Place(1)
    assert share(2, threads=3) == [Place(3)] * 2
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert share(2, threads=None) == [Place(None)] * 2
