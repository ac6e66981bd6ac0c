"""Where a model's bins lie in its window, and which of them are predicted."""

from __future__ import annotations

import attrs

from decima_core.errors import ConfigError


@attrs.frozen(kw_only=True)
class Bins:
    """The bins that are predicted.

    The window is cut into bins of ``width`` bases from its first base on. The network itself returns the ``cropped`` bins in
    the middle; ``first`` to ``last`` (half-open) of those are kept.
    """

    seq_len: int
    width: int
    cropped: int
    first: int
    last: int

    @property
    def start(self) -> int:
        """Position in the window, from 0 in transcript orientation, at which the first bin that is kept begins."""
        return ((self.seq_len // self.width - self.cropped) // 2 + self.first) * self.width


def place_bins(
    model: str,
    *,
    seq_len: int,
    step: int,
    width: int,
    configured: int,
    bins: int | None = None,
    start: int | None = None,
    end: int | None = None,
) -> Bins:
    """The bins of a window of ``seq_len`` bases.

    Parameters
    ----------
    model
        The model, for messages.
    step
        Bases that one position of the network's innermost layer stands for; a window is a whole number of these.
    width
        Bases a bin.
    configured
        Bins in the middle that the model's config asks for; -1 for all.
    bins
        Bins in the middle that the user asks for; None for as configured.
    start, end
        Keep only bins that overlap these positions of the window, 0-based half-open; None for no bound.

    Raises
    ------
    ConfigError
        If the window cannot be cut so, or holds fewer bins than asked for, or none of them lies between start and end.
    """
    if seq_len % step:
        near = max(step, seq_len // step * step)
        raise ConfigError(
            f"The window of {model} must be a multiple of {step} bases, and {seq_len:,} is not; give -O model.seq_len={near}."
        )
    total = seq_len // width
    wanted = configured if bins is None else bins
    cropped = total if wanted == -1 else wanted
    asker = "its config.json asks for" if bins is None else "the option model.bins asks for"
    if not 1 <= cropped <= total:
        raise ConfigError(
            f"A window of {seq_len:,} bases has {total:,} bins of {width} bases, and {asker} {cropped:,} of {model}; give "
            f"-O model.bins with at most {total}, or a longer model.seq_len."
        )
    if (total - cropped) % 2:
        # The networks' own crop would return one bin too few.
        raise ConfigError(
            f"{cropped:,} bins cannot lie in the middle of the {total:,} that a window of {seq_len:,} bases has; give "
            f"-O model.bins={cropped + 1}."
        )
    offset = (total - cropped) // 2
    low, high = offset * width, (offset + cropped) * width
    from_, to = low if start is None else start, high if end is None else end
    if not low <= from_ < to <= high:
        raise ConfigError(
            f"The positions {from_:,} to {to:,} (model.start, model.end) are not within {low:,} to {high:,}, what {model} "
            f"predicts of its window; choose others, or more model.bins."
        )
    return Bins(
        seq_len=seq_len, width=width, cropped=cropped, first=from_ // width - offset, last=-(-to // width) - offset
    )
