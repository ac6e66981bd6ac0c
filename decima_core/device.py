"""Where tensors live: chooses CUDA, then MPS, then the CPU, and says plainly when a device is absent."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from decima_core.errors import ConfigError

logger = logging.getLogger(__name__)

_NVIDIA = Path("/dev/nvidia0")
"""Where Linux has the first NVIDIA GPU, whether or not torch can use it."""


def resolve_device(name: str | torch.device | None = None) -> torch.device:
    """The device called ``name``; None or ``"auto"`` takes the first there is of CUDA, MPS and the CPU.

    Raises
    ------
    ConfigError
        If the name is no device, or the device is not present on this machine.
    """
    if name is None or name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ConfigError(f"'{name}' is not a device; use auto, cpu, cuda, cuda:0 or mps.") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise ConfigError(
                f"The device '{name}' was asked for, but no CUDA GPU is present; use --device cpu or auto."
            )
        if device.index is not None and device.index >= count:
            raise ConfigError(
                f"The device '{name}' was asked for, but there are only {count} CUDA GPUs, numbered from 0."
            )
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("The device 'mps' was asked for, but it is not present; use --device cpu or auto.")
    elif device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"The device '{name}' is not supported; use auto, cpu, cuda, cuda:0 or mps.")
    return device


def warn_of_idle_gpu(device: torch.device) -> None:
    """Warn where the machine has a CUDA GPU and the CPU computes."""
    if device.type != "cpu":
        return
    if torch.cuda.is_available():
        logger.warning(
            "This runs on the CPU, although there is a GPU (%s); use --device auto or cuda.",
            torch.cuda.get_device_name(0),
        )
    elif _NVIDIA.exists():
        built = torch.version.cuda
        what = (
            "this PyTorch was built without CUDA; install one with it (https://pytorch.org/get-started)"
            if built is None
            else f"PyTorch, built for CUDA {built}, cannot use it; look at its driver with nvidia-smi, and at CUDA_VISIBLE_DEVICES"
        )
        logger.warning("This runs on the CPU, although the machine has an NVIDIA GPU: %s.", what)
