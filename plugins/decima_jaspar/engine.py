"""Finds every site of every motif at or below the p-value threshold, exactly.

Machine code passes over the places that cannot be hits, many at a time, and judges the others in whole numbers
(:mod:`decima_jaspar.search_code`). One thread does it, or several, each with some of the strands, where there is enough to do.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from decima_core import Sites, StrandSet
from decima_core.errors import MotifError
from decima_core.sequence import N_CODE, Codes
from decima_jaspar.processors import Processor, this_processor
from decima_jaspar.search_code import MOST_TABLES, PLAN, search_code
from decima_jaspar.sieve import Sieve

Ints = npt.NDArray[np.int64]

# Places searched at a time: what is read again for each strand stays in the processor's own memory. A multiple of 64, the
# widest block.
PIECE = 1 << 19
# Blocks times tables that are worth a thread of their own, some 10 ms of work.
WORTH_A_THREAD = 1 << 23
# Hits that a thread has room for; where a strand may have more, as many as it may have.
_ROOM = 1 << 18


class SiteFinder:
    """Finds the sites of one strand set. Picklable: what belongs to the processor is left out and made again.

    Parameters
    ----------
    strand_set
        The motifs.
    processor
        For which kind of processor to compile; the one at hand unless told.
    threads
        How many threads to use at most; as many as the process may run on unless told.

    Raises
    ------
    MotifError
        On a processor that keeps the high byte of a number first.
    """

    def __init__(
        self, strand_set: StrandSet, *, processor: Processor | None = None, threads: int | None = None
    ) -> None:
        if sys.byteorder != "little":
            raise MotifError("The scanner 'jaspar' needs a little-endian processor; use another scanner here.")
        self.strand_set = strand_set
        self._processor = processor or this_processor()
        self._threads = threads
        self._run = search_code(self._processor)["search"]
        self._sieve = Sieve.of(strand_set, bases=self._processor.bases, most=MOST_TABLES)
        of = self._sieve.strands
        self._plan: Ints = np.zeros((len(of), len(PLAN)), dtype=np.int64)
        known = {"tables": self._sieve.count, "first_table": self._sieve.first}
        known |= {name: getattr(strand_set, name)[of] for name in ("width", "threshold", "row")}
        for name, column in known.items():
            self._plan[:, PLAN.index(name)] = column
        self._widths, self._of_width = np.unique(strand_set.width[of], return_inverse=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(SiteFinder, threads=self._threads), (self.strand_set,)

    def find(self, codes: Codes) -> Sites:
        """All hits in a sequence ``(L,)`` of base codes, by strand and start; a site that overlaps an N is never one."""
        if not len(self._plan):
            return Sites.none()
        overlap = self.strand_set.widest - 1
        found = [
            attrs.evolve(sites, start=sites.start + begin)
            for begin in range(0, max(len(codes), 1), PIECE)
            for sites in self._find_in_piece(codes[begin : begin + PIECE + overlap])
        ]
        columns = {
            name: np.concatenate([getattr(sites, name) for sites in found]) for name in ("strand", "start", "loss")
        }
        sites = Sites(**columns)
        return sites if len(codes) <= PIECE else sites.take(np.argsort(sites.strand, kind="stable"))

    def _find_in_piece(self, codes: Codes) -> list[Sites]:
        """The hits that begin in the first places of a piece, one part of the strands after another."""
        piece = _Piece.of(codes, self._processor, self._widths.tolist())
        plan = self._plan.copy()
        plan[:, PLAN.index("blocks")] = piece.blocks[self._of_width]
        plan[:, PLAN.index("open")] = self._of_width * piece.open.shape[1]
        work = np.cumsum(plan[:, PLAN.index("blocks")] * self._sieve.count)
        threads = min(self._threads or _processors(), max(1, int(work[-1]) // WORTH_A_THREAD))
        # Parts of equal work, and more than threads: another program may slow one of them down.
        count = 4 * threads if threads > 1 else 1
        cuts = np.searchsorted(work, np.linspace(0, work[-1], count + 1)[1:-1]).tolist()
        parts = list(zip([0, *cuts], [*cuts, len(plan)], strict=True))
        if threads == 1:
            return [sites for part in parts for sites in self._search(piece, plan, *part)]
        with ThreadPoolExecutor(threads) as pool:
            done = pool.map(lambda part: list(self._search(piece, plan, *part)), parts)
            return [sites for some in done for sites in some]

    def _search(self, piece: _Piece, plan: Ints, first: int, last: int) -> Iterator[Sites]:
        blocks = int(piece.blocks.max(initial=0))
        room = max(_ROOM, blocks * self._processor.lanes)
        kept, starts, lost = (np.empty(size, dtype=np.int64) for size in (2 * blocks + 2, room, room))
        counts = np.zeros(len(plan), dtype=np.int64)
        sieve, losses = self._sieve, self.strand_set.losses
        while first < last:
            after = self._run(
                *(first, last, plan, piece.index, piece.open, sieve.table, sieve.offset),
                *(losses, piece.codes, kept, room, starts, lost, counts),
            )
            some = counts[first:after]
            hits = int(some.sum())
            yield Sites(
                strand=np.repeat(sieve.strands[first:after], some), start=starts[:hits].copy(), loss=lost[:hits].copy()
            )
            first = after


@attrs.frozen(kw_only=True, eq=False)
class _Piece:
    """A sequence as the search reads it.

    ``index`` says which bases begin at each place, first base first, four choices each; beyond the end it has some zeros to spare.
    ``open`` ``(widths, bytes)`` has a bit for each place: whether a site of the width lies in the sequence and holds no N; ``blocks``
    says how far the places of each width go, at most as far as a piece.
    """

    codes: Codes
    index: npt.NDArray[np.uint8]
    open: npt.NDArray[np.uint8]
    blocks: Ints

    @classmethod
    def of(cls, codes: Codes, processor: Processor, widths: list[int]) -> _Piece:
        codes = np.ascontiguousarray(codes, dtype=np.int8)
        length, lanes = len(codes), processor.lanes
        base = np.zeros(length + widths[-1] + processor.bases + lanes, dtype=np.uint8)
        np.bitwise_and(codes, 3, out=base[:length], casting="unsafe")
        index = base[: len(base) - processor.bases].copy()
        for k in range(1, processor.bases):
            index |= base[k : k + len(index)] << np.uint8(2 * k)
        places = np.clip(length + 1 - np.array(widths, dtype=np.int64), 0, PIECE)
        return cls(codes=codes, index=index, open=_open(codes, widths), blocks=-(-places // lanes))


def _open(codes: Codes, widths: list[int]) -> npt.NDArray[np.uint8]:
    length = len(codes)
    is_base = codes.view(np.uint8) < N_CODE  # whatever is no base is as N: the judge must never see it
    has_n = not is_base.all()
    free, reach = is_base.copy(), 1  # of N, in the ``reach`` places from each one on
    bits = np.zeros((len(widths), 8 * (length // 64 + 1)), dtype=np.uint8)
    for row, width in zip(bits, widths, strict=True):
        places = length - width + 1
        if places < 1:
            break
        if has_n:
            while reach < width:
                free[: length - reach] &= is_base[reach:]
                reach += 1
            packed = np.packbits(free[:places], bitorder="little")
            row[: len(packed)] = packed
        else:
            row[: places // 8] = 255
            row[places // 8] = (1 << places % 8) - 1
    return bits


def _processors() -> int:
    """On how many processors this process may run; ``OMP_NUM_THREADS`` bounds it, as it does elsewhere."""
    allowed = getattr(os, "sched_getaffinity", None)
    found = len(allowed(0)) if allowed else os.cpu_count() or 1
    bound = os.environ.get("OMP_NUM_THREADS", "")
    return min(found, max(int(bound), 1)) if bound.isdecimal() else found
