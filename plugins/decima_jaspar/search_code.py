"""The search as machine code: a sieve that passes over almost every place, and the judge of what is left.

The sieve adds up to eight bytes for each place, each looked up in a table by the bases that begin at the table's offset in
the site, and stops at 255. The tables hold losses scaled down and rounded down (:mod:`decima_jaspar.sieve`), so that a place that
reaches 255 cannot be a hit. What does not is judged by its loss itself, a sum of whole numbers.
"""

from __future__ import annotations

import functools

from llvmlite import ir

from decima_core.native import ARRAY, BYTE, INT, MachineCode, at, function, item, loop, number
from decima_jaspar.processors import Processor

# Tables that a sieve holds in registers; the oldest kinds of processor have sixteen.
MOST_TABLES = 8
# Columns of the plan, in which each strand to search has a row of whole numbers.
PLAN = ("tables", "first_table", "width", "threshold", "row", "blocks", "open")


@functools.cache
def search_code(processor: Processor) -> MachineCode:
    """The compiled function ``search`` for this kind of processor."""
    return MachineCode(search_module(processor), processor.features)


def search_module(processor: Processor) -> ir.Module:
    """The same before it is compiled."""
    module = ir.Module("search")
    _sieve(module, processor)
    _judge(module, processor)
    _search(module, processor)
    return module


def _sieve(module: ir.Module, processor: Processor) -> None:
    """``sieve(tables, blocks, index, open, table, offset, kept)``; returns how many blocks are left.

    A block is as many places as the processor has lanes. ``index[p]`` says which bases begin at place ``p``; a bit of ``open`` tells
    a place where a site can lie. Each block with a place left fills two numbers of ``kept``: which it is, and its places as bits.
    """
    lanes = processor.lanes
    bytes_, bits = ir.VectorType(BYTE, lanes), ir.IntType(lanes)
    add = ir.Function(module, ir.FunctionType(bytes_, [bytes_, bytes_]), f"llvm.uadd.sat.v{lanes}i8")
    look_up = _look_up(module, processor)
    b, (tables, blocks, index, open_, table, offset, kept) = function(module, "sieve", INT, INT, INT, *[ARRAY] * 5)
    none = b.append_basic_block("none")
    choice = b.switch(tables, none)
    for count in range(1, MOST_TABLES + 1):
        block = b.append_basic_block(f"tables{count}")
        choice.add_case(number(count), block)
        b.position_at_end(block)
        # One copy of the loop for each number of tables: so they stay in registers.
        held = [_held(b, at(b, table, i * processor.entries, BYTE), processor) for i in range(count)]
        read = [at(b, index, item(b, offset, i), BYTE) for i in range(count)]
        with loop(b, blocks, number(0)) as turn:
            places = [at(b, pointer, b.mul(turn.index, number(lanes)), BYTE) for pointer in read]
            lost = [look_up(b, *pair) for pair in zip(held, places, strict=True)]
            total = functools.reduce(lambda x, y: b.call(add, [x, y]), lost)
            left = b.bitcast(b.icmp_unsigned("!=", total, ir.Constant(bytes_, [255] * lanes)), bits)
            left = b.and_(left, item(b, open_, turn.index, bits))
            some = b.icmp_unsigned("!=", left, number(0, bits))
            with b.if_then(some, likely=False):
                entry = at(b, kept, b.shl(turn.values[0], number(1)))
                b.store(turn.index, entry)
                b.store(_widened(b, left), at(b, entry, 1))
            turn.hand_on(b.add(turn.values[0], b.zext(some, INT)))
        b.ret(turn.values[0])
    b.position_at_end(none)
    b.ret(number(0))


def _held(b: ir.IRBuilder, table: ir.Value, processor: Processor) -> ir.Value:
    """A table in a register, as often as it goes in; or where it lies, for a processor that looks bytes up one by one."""
    if processor.instruction is None:
        return table
    kind = ir.VectorType(BYTE, processor.entries)
    once = b.load(table, typ=kind, align=1)
    repeated = [lane % processor.entries for lane in range(processor.lanes)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), processor.lanes), repeated)
    return b.shuffle_vector(once, ir.Constant(kind, ir.Undefined), mask)


def _look_up(module: ir.Module, processor: Processor) -> ir.Value:
    """Writes the look-up of a register's worth of indices, which lie in memory, in a table."""
    bytes_ = ir.VectorType(BYTE, processor.lanes)
    if processor.instruction is None:

        def one_by_one(b: ir.IRBuilder, table: ir.Value, places: ir.Value) -> ir.Value:
            found = ir.Constant(bytes_, ir.Undefined)
            for lane in range(processor.lanes):
                entry = b.zext(item(b, places, lane, BYTE), INT)
                found = b.insert_element(found, item(b, table, entry, BYTE), number(lane, ir.IntType(32)))
            return found

        return one_by_one
    instruction = ir.Function(module, ir.FunctionType(bytes_, [bytes_, bytes_]), processor.instruction)
    return lambda b, table, places: b.call(instruction, [table, b.load(places, typ=bytes_, align=1)])


def _judge(module: ir.Module, processor: Processor) -> None:
    """``judge(blocks, kept, width, threshold, losses, codes, starts, lost)``; returns how many places are hits.

    ``losses`` is the strand's table, five to a position. ``starts`` and ``lost`` must have room for every place left.
    """
    count = ir.Function(module, ir.FunctionType(INT, [INT]), "llvm.ctpop.i64")
    first = ir.Function(module, ir.FunctionType(INT, [INT, ir.IntType(1)]), "llvm.cttz.i64")
    b, (blocks, kept, width, threshold, losses, codes, starts, lost) = function(
        module, "judge", INT, INT, ARRAY, INT, INT, *[ARRAY] * 4
    )
    with loop(b, blocks, number(0)) as block:
        entry = at(b, kept, b.shl(block.index, number(1)))
        begin = b.mul(item(b, entry, 0), number(processor.lanes))
        bits = item(b, entry, 1)
        with loop(b, b.call(count, [bits]), bits, block.values[0]) as place:
            left, hits = place.values
            start = b.add(begin, b.call(first, [left, number(1, ir.IntType(1))]))
            bases = at(b, codes, start, BYTE)
            with loop(b, width, number(0)) as position:
                cell = b.add(b.mul(position.index, number(5)), b.zext(item(b, bases, position.index, BYTE), INT))
                position.hand_on(b.add(position.values[0], item(b, losses, cell)))
            loss = position.values[0]
            b.store(start, at(b, starts, hits))
            b.store(loss, at(b, lost, hits))
            is_hit = b.zext(b.icmp_signed("<=", loss, threshold), INT)
            place.hand_on(b.and_(left, b.sub(left, number(1))), b.add(hits, is_hit))
        block.hand_on(place.values[1])
    b.ret(block.values[0])


def _search(module: ir.Module, processor: Processor) -> None:
    """``search(first, last, plan, index, open, table, offset, losses, codes, kept, room, starts, lost, counts)``.

    Searches with the strands ``first ... last - 1`` of the plan. Hits lie in ``starts`` and ``lost`` one strand after another,
    ``counts[k]`` of strand ``k``. Returns the strand to go on with: where there may be no ``room`` for a strand's hits, the search
    ends before it.
    """
    b, (first, last, plan, index, open_, table, offset, losses, codes, kept, room, starts, lost, counts) = function(
        module, "search", INT, INT, INT, *[ARRAY] * 8, INT, *[ARRAY] * 3
    )
    sieve, judge = module.get_global("sieve"), module.get_global("judge")
    written, following = b.alloca(INT), b.alloca(INT)
    b.store(number(0), written)
    b.store(first, following)
    with loop(b, b.sub(last, first)) as turn:
        k = b.add(first, turn.index)
        with b.if_then(b.icmp_signed("==", k, b.load(following, typ=INT))):
            mine = at(b, plan, b.mul(k, number(len(PLAN))))
            of = {name: item(b, mine, i) for i, name in enumerate(PLAN)}
            tables = at(b, table, b.mul(of["first_table"], number(processor.entries)), BYTE)
            offsets = at(b, offset, of["first_table"])
            where = at(b, open_, of["open"], BYTE)
            blocks = b.call(sieve, [of["tables"], of["blocks"], index, where, tables, offsets, kept])
            before = b.load(written, typ=INT)
            most = b.add(before, b.mul(blocks, number(processor.lanes)))
            with b.if_then(b.icmp_signed("<=", most, room)):
                own = at(b, losses, b.mul(of["row"], number(5)))
                places = [at(b, column, before) for column in (starts, lost)]
                hits = b.call(judge, [blocks, kept, of["width"], of["threshold"], own, codes, *places])
                b.store(hits, at(b, counts, k))
                b.store(b.add(before, hits), written)
                b.store(b.add(k, number(1)), following)
    b.ret(b.load(following, typ=INT))


def _widened(b: ir.IRBuilder, bits: ir.Value) -> ir.Value:
    return bits if bits.type == INT else b.zext(bits, INT)
