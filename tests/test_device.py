"""Devices: a GPU that is there and not used is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from decima_core import device
from decima_core.device import warn_of_idle_gpu

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device, "_NVIDIA", tmp_path / "nvidia0")


def test_nothing_is_said_where_there_is_none(caplog):
    warn_of_idle_gpu(CPU)
    assert not caplog.records


def test_a_gpu_that_was_not_asked_for(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "A GPU")
    warn_of_idle_gpu(torch.device("cuda"))
    assert not caplog.records
    warn_of_idle_gpu(CPU)
    assert caplog.messages == ["This runs on the CPU, although there is a GPU (A GPU); use --device auto or cuda."]


@pytest.mark.parametrize(
    ("cuda", "said"), [(None, "this PyTorch was built without CUDA"), ("12.4", "built for CUDA 12.4, cannot use it")]
)
def test_a_gpu_that_torch_cannot_use(cuda, said, monkeypatch, tmp_path: Path, caplog):
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(torch.version, "cuda", cuda)
    warn_of_idle_gpu(CPU)
    assert said in caplog.text
