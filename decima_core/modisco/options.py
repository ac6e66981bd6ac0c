"""What the hand-over can be told."""

from __future__ import annotations

from typing import Literal

from decima_core.errors import OptionError
from decima_core.options import option, options_class


@options_class
class ModiscoInputOptions:
    """Which windows go to TF-MoDISco, and with which scores."""

    windows: Literal["peaks", "genes"] = option(
        default="peaks", help="A window around each peak, or each gene's window whole."
    )
    # TF-MoDISco drops a seqlet that it cannot widen: of windows below some 200 bases it may keep none at all.
    width: int = option(default=400, help="Bases of a window around a peak, an even number.", at_least=100)
    scores: Literal["auto", "hypothetical", "projected"] = option(
        default="auto",
        help="auto takes the run's hypothetical scores; hypothetical says that the attributions of the file are such, and "
        "projected that they count for the base that is there alone.",
    )
    center: bool | None = option(
        default=None,
        help="Subtract the mean over the bases at each position; none: unless the method compared the sequence with others.",
    )
    seed: int = option(default=0, help="Seed of the order of the windows.", at_least=0)

    def __attrs_post_init__(self) -> None:
        if self.width % 2:
            raise OptionError(
                f"must be even, not {self.width}: TF-MoDISco takes as many bases on each side of the middle"
            )


@options_class
class ModiscoOptions:
    """How TF-MoDISco runs, and how its patterns become motifs. Defaults are those of its command, where it has any."""

    max_seqlets: int = option(
        default=20_000, help="Seqlets of each sign to use, in the order of the windows.", at_least=101
    )
    leiden_runs: int = option(default=2, help="Clusterings to choose the best from.", at_least=1)
    trim: float = option(
        default=0.3,
        help="Cut a pattern's ends off where the contributions are below this part of its highest.",
        at_least=0,
        at_most=1,
    )
