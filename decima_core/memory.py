"""How much memory a device has free, and whether an exception means that there was too little."""

from __future__ import annotations

from pathlib import Path

import torch

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_MEMINFO = "/proc/meminfo"


def free_bytes(device: torch.device) -> int | None:
    """Bytes that can still be taken on a device; None where it cannot be told.

    Of a CUDA GPU what the driver and torch's own cache have free; of the CPU what the machine has available, or what the limit of
    the control group (a container, a batch job) leaves, whichever is less.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    if device.type != "cpu":
        return None
    found = [free for free in (_available(), *(_within(*files) for files in _CGROUPS)) if free is not None]
    return min(found) if found else None


def _available() -> int | None:
    try:
        lines = Path(_MEMINFO).read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _within(limit: str, used: str) -> int | None:
    """What a control group leaves; None where there is no such group or it has no limit."""
    try:
        most, now = (Path(file).read_text(encoding="ascii").strip() for file in (limit, used))
    except OSError:
        return None
    return max(0, int(most) - int(now)) if most.isdecimal() else None


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception, or what caused it, means that a device, or the CPU's allocator, ran out of memory."""
    while error is not None:
        text = str(error) if isinstance(error, RuntimeError) else ""
        if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
            return True
        if "out of memory" in text or "can't allocate memory" in text:
            return True
        error = error.__cause__
    return False
