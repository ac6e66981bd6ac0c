"""Kinds of processor, and how each looks up many small tables at once.

The search asks one thing of a processor that differs from kind to kind: an instruction that looks up each byte of a register in
a table that another register (or two) holds. Tables of 16 bytes serve two bases a time, tables of 64 three.
"""

from __future__ import annotations

import functools

import attrs

from decima_core.native import has


@attrs.frozen(kw_only=True)
class Processor:
    """A kind of processor: how many places it judges at once (``lanes``), bases to a table, and its instruction's name in LLVM.

    ``needs`` are LLVM's names of the abilities that it must have and that the code is compiled for.
    """

    name: str
    lanes: int
    bases: int
    instruction: str | None
    needs: tuple[str, ...]

    @property
    def features(self) -> str:
        """What to compile for. Where registers of 512 bits are asked for, LLVM must not shy away from them."""
        wide = ("-prefer-256-bit",) if self.lanes == 64 else ()
        return ",".join([*(f"+{feature}" for feature in self.needs), *wide])

    @property
    def entries(self) -> int:
        """The size of a table in bytes."""
        return int(4**self.bases)


_AVX2 = ("avx2", "bmi", "bmi2", "lzcnt", "popcnt")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512vl")

# The fastest first. The last needs nothing, and looks bytes up one by one.
PROCESSORS = (
    Processor(
        name="avx512-vbmi",
        lanes=64,
        bases=3,
        instruction="llvm.x86.avx512.permvar.qi.512",
        needs=(*_AVX512, "avx512vbmi"),
    ),
    Processor(name="avx512", lanes=64, bases=2, instruction="llvm.x86.avx512.pshuf.b.512", needs=_AVX512),
    Processor(name="avx2", lanes=32, bases=2, instruction="llvm.x86.avx2.pshuf.b", needs=_AVX2),
    Processor(name="ssse3", lanes=16, bases=2, instruction="llvm.x86.ssse3.pshuf.b.128", needs=("ssse3",)),
    Processor(name="neon", lanes=16, bases=2, instruction="llvm.aarch64.neon.tbl1.v16i8", needs=("neon",)),
    Processor(name="plain", lanes=16, bases=2, instruction=None, needs=()),
)


@functools.cache
def this_processor() -> Processor:
    """The first kind that the processor at hand is of."""
    return next(kind for kind in PROCESSORS if has(*kind.needs))
