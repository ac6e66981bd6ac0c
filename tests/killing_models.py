"""Models that end, or slow down, the process that they run in; windows that begin with ten A are the ones that do it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch
from support import MotifDetector

MARK = 10  # bases A at the beginning of a window
PAUSE = 0.3  # seconds


class Marked(MotifDetector):
    """Finds GATAAG, and leaves a line in the file ``begun`` for each forward pass."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with Path("begun").open("a") as file:
            file.write(f"{os.getpid()}\n")
        if bool(x[0, 0, :MARK].all()):
            self.meet()
        return super().forward(x)

    def meet(self) -> None:
        """What happens at a marked window: nothing."""


class KillsOnce(Marked):
    def meet(self) -> None:
        if not Path("killed").exists():
            Path("killed").write_text(str(os.getpid()))
            time.sleep(PAUSE)  # a Dask worker's word that it begins the gene may be lost with it, if it dies at once
            os.kill(os.getpid(), signal.SIGKILL)


class Kills(Marked):
    def meet(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Slow(Marked):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(PAUSE)
        return super().forward(x)
