"""The inner loops that scanners share, as machine code: distributions of scores, and sums over sites.

Rows of a *table* are the positions of all motifs, one motif after another; a motif's begin at ``row[k]``. A table of bases has
five columns, the last for N.
"""

from __future__ import annotations

import functools
import sys

from llvmlite import ir

from decima_core.native import (
    ARRAY,
    BYTE,
    FLOAT,
    FLOAT32,
    INT,
    MachineCode,
    at,
    function,
    item,
    loop,
    number,
)

# Doubles added at a time; LLVM makes of them what the processor has.
_LANES = 8
_VECTOR = ir.VectorType(FLOAT, _LANES)
_TINY = sys.float_info.min
_FOUR = ir.VectorType(FLOAT, 4)


@functools.cache
def kernels() -> MachineCode:
    """The compiled functions ``cumulative``, ``losses``, ``scores`` and ``attribution``."""
    module = ir.Module("scanning")
    _cumulative(module)
    _losses(module)
    _scores(module)
    _attribution(module)
    return MachineCode(module)


def _cumulative(module: ir.Module) -> None:
    """``cumulative(motifs, row, width, losses, frequencies, limit, stop, scratch, counts, out)``; returns how many it wrote.

    Writes, for one motif after another, the chances of a loss of at most 0, 1, 2, ... ``limit``, as far as they are at most
    ``stop``: ``counts[m]`` of them; those of a motif that may have more go unwritten, and its count is ``limit + 1``.
    ``losses`` ``(R, 4)`` are whole numbers. A column is added by shifting the distribution by each base's loss; ``scratch``
    holds two of them (see :func:`scratch_size`), each behind so many zeros that a shift never leaves it.
    """
    b, (motifs, row, width, losses, frequencies, limit, stop, scratch, counts, out) = function(
        module, "cumulative", INT, INT, ARRAY, ARRAY, ARRAY, ARRAY, INT, FLOAT, ARRAY, ARRAY, ARRAY
    )
    beyond = b.add(limit, number(1))
    size = b.add(b.shl(beyond, number(1)), number(2 * _LANES))
    second = at(b, scratch, size, FLOAT)
    frequency = [_gathered(b, [item(b, frequencies, base, FLOAT)] * _LANES) for base in range(4)]
    blocks = b.add(b.lshr(b.shl(size, number(1)), number(3)), number(1))
    with loop(b, motifs, number(0)) as motif:
        with loop(b, blocks) as block:
            b.store(ir.Constant(_VECTOR, [0.0] * _LANES), at(b, scratch, block.index, _VECTOR), align=1)
        b.store(number(1.0, FLOAT), at(b, scratch, beyond, FLOAT))
        first, columns = item(b, row, motif.index), item(b, width, motif.index)
        with loop(b, columns, number(0), scratch, second) as column:
            worst, now, following = column.values
            cells = b.shl(b.add(first, column.index), number(2))
            loss = [item(b, losses, b.add(cells, number(base))) for base in range(4)]
            worst = b.add(worst, functools.reduce(lambda x, y: _most(b, x, y), loss))
            shifted = [at(b, now, b.sub(beyond, _least(b, shift, beyond)), FLOAT) for shift in loss]
            target = at(b, following, beyond, FLOAT)
            with loop(b, b.add(b.lshr(_least(b, worst, limit), number(3)), number(1))) as block:
                parts = [
                    b.fmul(share, b.load(at(b, source, block.index, _VECTOR), typ=_VECTOR, align=1))
                    for share, source in zip(frequency, shifted, strict=True)
                ]
                b.store(functools.reduce(b.fadd, parts), at(b, target, block.index, _VECTOR), align=1)
            column.hand_on(worst, following, now)
        worst, mass = column.values[0], at(b, column.values[1], beyond, FLOAT)
        mine = at(b, out, motif.values[0], FLOAT)
        with loop(b, b.add(_least(b, worst, limit), number(1)), number(0.0, FLOAT), number(0)) as step:
            total = b.fadd(step.values[0], item(b, mass, step.index, FLOAT))
            listed = b.fcmp_ordered("<=", total, stop)
            # Rounding may take a chance to just above 1, and a very small one to 0.
            b.store(_within(b, total, number(_TINY, FLOAT), number(1.0, FLOAT)), at(b, mine, step.index, FLOAT))
            step.hand_on(total, b.add(step.values[1], b.zext(listed, INT)))
        count = step.values[1]
        b.store(count, at(b, counts, motif.index))
        cut_off = b.and_(b.icmp_signed(">", count, limit), b.icmp_signed(">", worst, limit))
        motif.hand_on(b.add(motif.values[0], b.select(cut_off, number(0), count)))
    b.ret(motif.values[0])


def scratch_size(limit: int) -> int:
    """How many doubles ``cumulative`` needs to work in."""
    return 2 * (2 * (limit + 1) + 2 * _LANES) + 2 * _LANES


def _losses(module: ir.Module) -> None:
    """``losses(sites, strand, start, row, width, codes, table, out)``: the sum of a table of losses ``(R, 5)`` over each site."""
    b, (sites, strand, start, row, width, codes, table, out) = function(
        module, "losses", ir.VoidType(), INT, *[ARRAY] * 7
    )
    with loop(b, sites) as site:
        k = item(b, strand, site.index)
        bases = at(b, codes, item(b, start, site.index), BYTE)
        cells = at(b, table, b.mul(item(b, row, k), number(5)))
        with loop(b, item(b, width, k), number(0)) as position:
            position.hand_on(b.add(position.values[0], _cell(b, cells, bases, position.index, INT)))
        b.store(position.values[0], at(b, out, site.index))
    b.ret_void()


def _scores(module: ir.Module) -> None:
    """``scores(sites, strand, start, row, width, codes, table, out)``: the same for log odds.

    Eight sums run side by side and are then added in pairs, and what is left over follows: the order in which NumPy adds
    up a row, so that a score is the same to the last bit.
    """
    b, (sites, strand, start, row, width, codes, table, out) = function(
        module, "scores", ir.VoidType(), INT, *[ARRAY] * 7
    )
    with loop(b, sites) as site:
        k = item(b, strand, site.index)
        bases = at(b, codes, item(b, start, site.index), BYTE)
        cells = at(b, table, b.mul(item(b, row, k), number(5)), FLOAT)
        positions = item(b, width, k)
        eights = b.lshr(positions, number(3))
        with loop(b, eights, ir.Constant(_VECTOR, [0.0] * _LANES)) as eight:
            place = b.shl(eight.index, number(3))
            odds = [_cell(b, cells, bases, b.add(place, number(lane)), FLOAT) for lane in range(_LANES)]
            eight.hand_on(b.fadd(eight.values[0], _gathered(b, odds)))
        sums = [b.extract_element(eight.values[0], _lane(lane)) for lane in range(_LANES)]
        while len(sums) > 1:
            sums = [b.fadd(*pair) for pair in zip(sums[::2], sums[1::2], strict=True)]
        done = b.shl(eights, number(3))
        with loop(b, b.sub(positions, done), *sums) as rest:
            place = b.add(done, rest.index)
            rest.hand_on(b.fadd(rest.values[0], _cell(b, cells, bases, place, FLOAT)))
        b.store(rest.values[0], at(b, out, site.index, FLOAT))
    b.ret_void()


def _cell(b: ir.IRBuilder, cells: ir.Value, bases: ir.Value, position: ir.Value, kind: ir.Type) -> ir.Value:
    """What the base at a position of a site counts there."""
    base = b.zext(item(b, bases, position, BYTE), INT)
    return item(b, cells, b.add(b.mul(position, number(5)), base), kind)


def _attribution(module: ir.Module) -> None:
    """``attribution(sites, strand, start, row, width, length, values, ppm, plain, weighted)``.

    Means over each site of the attribution ``values`` ``(4, length)`` float32, summed over bases as they are (``plain``) and
    times the matrix ``ppm`` ``(R, 4)`` (``weighted``).
    """
    b, (sites, strand, start, row, width, length, values, ppm, plain, weighted) = function(
        module, "attribution", ir.VoidType(), INT, ARRAY, ARRAY, ARRAY, ARRAY, INT, ARRAY, ARRAY, ARRAY, ARRAY
    )
    tracks = [at(b, values, b.mul(length, number(base)), FLOAT32) for base in range(4)]
    none = ir.Constant(_FOUR, [0.0] * 4)
    with loop(b, sites) as site:
        k, first = item(b, strand, site.index), item(b, start, site.index)
        positions = item(b, width, k)
        matrix = at(b, ppm, item(b, row, k), _FOUR)
        with loop(b, positions, none, none) as position:
            place = b.add(first, position.index)
            value = _gathered(b, [b.fpext(item(b, track, place, FLOAT32), FLOAT) for track in tracks])
            credit = b.fmul(value, item(b, matrix, position.index, _FOUR))
            position.hand_on(b.fadd(position.values[0], value), b.fadd(position.values[1], credit))
        share = b.sitofp(positions, FLOAT)
        for target, total in zip((plain, weighted), position.values, strict=True):
            parts = [b.extract_element(total, _lane(base)) for base in range(4)]
            b.store(b.fdiv(functools.reduce(b.fadd, parts), share), at(b, target, site.index, FLOAT))
    b.ret_void()


def _gathered(b: ir.IRBuilder, values: list[ir.Value]) -> ir.Value:
    """Doubles as one vector."""
    vector = ir.Constant(ir.VectorType(FLOAT, len(values)), ir.Undefined)
    for lane, value in enumerate(values):
        vector = b.insert_element(vector, value, _lane(lane))
    return vector


def _lane(lane: int) -> ir.Constant:
    return number(lane, ir.IntType(32))


def _least(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed("<", x, y), x, y)


def _most(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed(">", x, y), x, y)


def _within(b: ir.IRBuilder, x: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
    x = b.select(b.fcmp_ordered("<", x, low), low, x)
    return b.select(b.fcmp_ordered(">", x, high), high, x)
