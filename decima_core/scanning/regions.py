"""Where sites are looked for, how many could have been found there, and which peak each belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.records import Peaks
from decima_core.scanning.sites import Sites
from decima_core.sequence import N_CODE, Codes

Ints = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Stretch:
    """A gene window's bases: ``codes`` ``(L,)``, and what is needed to count starts that meet no N."""

    codes: Codes
    n_before: Ints | None  # (L + 1,): how many N lie before each position; None where there is no N

    @classmethod
    def of(cls, codes: Codes) -> Stretch:
        is_n = codes == N_CODE
        counts = np.concatenate([[0], np.cumsum(is_n)]) if is_n.any() else None
        return cls(codes=codes, n_before=counts)

    def __len__(self) -> int:
        return int(self.codes.shape[0])


class Region(Protocol):
    """Where to look for sites."""

    def spans(self, length: int, widest: int) -> tuple[Ints, Ints]:
        """Disjoint intervals of the window that hold every allowed site of motifs up to ``widest``, in order."""

    def tests(self, stretch: Stretch, width: int) -> int:
        """How many distinct places without N a site of this width can take."""

    def assign(self, start: Ints, width: Ints) -> tuple[Ints, Ints]:
        """Pairs, ordered by site: an index into the sites and one into the peaks (or -1) for each row of the table."""


@attrs.frozen(kw_only=True, eq=False)
class NearSummits:
    """Sites that cover a summit or, with a ``window``, that lie wholly in so many bases around one.

    A site of width ``w`` near summit ``s`` starts in ``[s - before, s + after]``, and in the gene window:

    * without a window, ``before = w - 1`` and ``after = 0``: every placement that covers the summit;
    * with one, the site lies in ``[s - W // 2, s - W // 2 + W)`` where ``W = max(window, w)``; at the gene window's ends this
      is clipped, not shifted.

    A site near two summits belongs to both.
    """

    summits: Ints
    window: int | None

    def _before_after(self, width: Any) -> tuple[Any, Any]:
        if self.window is None:
            return width - 1, 0 * width
        reach = np.maximum(self.window, width)
        return reach // 2, reach - reach // 2 - width

    def spans(self, length: int, widest: int) -> tuple[Ints, Ints]:
        before, after = self._before_after(widest)
        summits = np.unique(self.summits)
        return _union(np.maximum(summits - before, 0), np.minimum(summits + after + widest, length))

    def tests(self, stretch: Stretch, width: int) -> int:
        before, after = self._before_after(width)
        summits = np.unique(self.summits)
        low = np.maximum(summits - before, 0)
        high = np.minimum(summits + after, len(stretch) - width) + 1
        low, high = _union(low[low < high], high[low < high])
        if stretch.n_before is None:
            return int((high - low).sum())
        starts = _expand(low, high - low)
        return int((stretch.n_before[starts + width] == stretch.n_before[starts]).sum())

    def assign(self, start: Ints, width: Ints) -> tuple[Ints, Ints]:
        order = np.argsort(self.summits, kind="stable")
        summits = self.summits[order]
        before, after = self._before_after(width)
        low = np.searchsorted(summits, start - after, side="left")
        count = np.maximum(np.searchsorted(summits, start + before, side="right") - low, 0)
        site = np.repeat(np.arange(len(start)), count)
        return site, order[_expand(low, count)]


@attrs.frozen(kw_only=True, eq=False)
class WholeWindow:
    """The whole gene window; a site belongs to the summit that lies in it, the one nearest its middle if several do."""

    summits: Ints

    def spans(self, length: int, widest: int) -> tuple[Ints, Ints]:
        return np.array([0]), np.array([length])

    def tests(self, stretch: Stretch, width: int) -> int:
        if stretch.n_before is None:
            return len(stretch) - width + 1
        return int((stretch.n_before[width:] == stretch.n_before[:-width]).sum())

    def assign(self, start: Ints, width: Ints) -> tuple[Ints, Ints]:
        site = np.arange(len(start))
        peak = np.full(len(start), -1, dtype=np.int64)
        if not len(self.summits) or not len(start):
            return site, peak
        before = np.zeros(int(max(self.summits.max() + 1, (start + width).max())) + 1, dtype=np.int64)
        before[self.summits + 1] = 1
        before = np.cumsum(before)  # how many places with a summit lie before each position
        holds = np.flatnonzero(before[start + width] > before[start])  # few sites do
        peak[holds] = self._nearest(start[holds], width[holds])
        return site, peak

    def _nearest(self, start: Ints, width: Ints) -> Ints:
        """The summit nearest the middle of each site, each of which holds one."""
        # The first peak at a place is the strongest there; so it is kept where two share a summit.
        places, strongest = np.unique(self.summits, return_index=True)
        peak = np.full(len(start), -1, dtype=np.int64)
        twice_middle = 2 * start + width - 1
        right = np.searchsorted(2 * places, twice_middle)
        for near in (right - 1, right):
            exists = (near >= 0) & (near < len(places))
            near = np.clip(near, 0, len(places) - 1)
            inside = exists & (places[near] >= start) & (places[near] < start + width)
            candidate = strongest[near]
            rival = np.abs(2 * places[near] - twice_middle)
            held = np.abs(2 * self.summits[peak] - twice_middle)  # of no meaning where peak is -1
            better = inside & ((peak < 0) | (rival < held) | ((rival == held) & (candidate < peak)))
            peak = np.where(better, candidate, peak)
        return peak


def region_of(kind: str, peaks: Peaks, window: int) -> Region:
    """The region that the options ``region`` and ``window`` ask for."""
    summits = np.asarray(peaks.position, dtype=np.int64)
    if kind == "window":
        return WholeWindow(summits=summits)
    return NearSummits(summits=summits, window=window if kind == "peaks" else None)


def find_in(region: Region, codes: Codes, widest: int, find: Callable[[Codes], Sites]) -> Sites:
    """Sites in the region's spans, in window positions; the spans are joined with N between them and searched once."""
    starts, ends = region.spans(len(codes), widest)
    if len(starts) == 1:
        sites = find(codes[starts[0] : ends[0]])
        return attrs.evolve(sites, start=sites.start + starts[0])
    lengths = ends - starts + widest
    offsets = np.cumsum(lengths) - lengths
    joined = np.full(int(lengths.sum()), N_CODE, dtype=np.int8)
    for start, end, offset in zip(starts.tolist(), ends.tolist(), offsets.tolist(), strict=True):
        joined[offset : offset + end - start] = codes[start:end]
    sites = find(joined)
    span = np.searchsorted(offsets, sites.start, side="right") - 1
    return attrs.evolve(sites, start=sites.start - offsets[span] + starts[span])


def _union(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Intervals with rising starts and ends, merged where they overlap or touch."""
    if not len(start):
        return start, end
    new = np.concatenate([[True], start[1:] > end[:-1]])
    last = np.concatenate([new[1:], [True]])
    return start[new], end[last]


def _expand(first: Ints, count: Ints) -> Ints:
    """``first[i], first[i] + 1, ...``, ``count[i]`` of them, for each i in turn."""
    before = np.cumsum(count) - count
    return np.asarray(np.repeat(first - before, count) + np.arange(int(count.sum())), dtype=np.int64)
