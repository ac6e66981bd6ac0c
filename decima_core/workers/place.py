"""Where a worker computes: the number of its threads, and the one GPU that it sees."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import torch

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@attrs.frozen
class Place:
    """One worker's share of the machine; None leaves a thing as it is."""

    threads: int | None = None
    gpu: str | None = None

    def take(self) -> None:
        """Make this process keep to its share, from its beginning."""
        if self.threads is not None:
            os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(self.threads)))
            if "torch" in sys.modules:  # else it reads the variables when it is loaded
                import torch

                torch.set_num_threads(self.threads)
        if self.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu


def share(workers: int, *, threads: int | None, gpus: tuple[str, ...] = ()) -> list[Place]:
    """The places of ``workers`` processes on this machine.

    Each gets ``threads``, else an equal share of the cores, unless the environment says how many threads a process has.
    Worker k sees GPU k modulo their number, as ``cuda:0``.
    """
    if threads is None and not any(os.environ.get(name) for name in THREAD_VARIABLES):
        threads = max(1, cores() // workers)
    return [Place(threads, gpus[k % len(gpus)] if gpus else None) for k in range(workers)]


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def gpus_for(device: torch.device | None, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The GPUs that workers share, as ``CUDA_VISIBLE_DEVICES`` writes them; none where a run is not on CUDA or names one."""
    if str(device) != "cuda":  # with a number it is one that the user chose
        return ()
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        import torch

        return tuple(str(i) for i in range(torch.cuda.device_count()))
    return tuple(part.strip() for part in listed.split(",") if part.strip())


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """``count`` threads within an operation of torch, and as many as before afterwards; None changes nothing."""
    if count is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
