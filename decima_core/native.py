"""Machine code for loops that NumPy has no fast words for: functions in LLVM's intermediate code, compiled when first needed.

A function is put together with llvmlite's ``IRBuilder`` and with :func:`loop`, then compiled for the processor at hand by
:class:`MachineCode`, in some hundredths of a second; nothing is kept on disk. It takes whole numbers, floating-point numbers and
arrays, allocates nothing, and runs without the interpreter's lock, so that threads run side by side.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

BYTE, INT, FLOAT32, FLOAT = ir.IntType(8), ir.IntType(64), ir.FloatType(), ir.DoubleType()
ARRAY = ir.PointerType()

_CTYPES: dict[str, Any] = {str(INT): ctypes.c_int64, str(FLOAT): ctypes.c_double, str(ARRAY): ctypes.c_void_p}


def number(value: float, kind: ir.Type = INT) -> ir.Constant:
    """A constant, a 64-bit whole number unless told."""
    return ir.Constant(kind, value)


def item(builder: ir.IRBuilder, array: ir.Value, index: ir.Value | int, kind: ir.Type = INT) -> ir.Value:
    """The element of an array."""
    return builder.load(at(builder, array, index, kind), typ=kind, align=1)


def at(builder: ir.IRBuilder, array: ir.Value, index: ir.Value | int, kind: ir.Type = INT) -> ir.Value:
    """The array from an element on."""
    place = number(index) if isinstance(index, int) else index
    return builder.gep(array, [place], source_etype=kind)


class Turn:
    """One turn of a :func:`loop`: its ``index`` and the ``values`` that it was handed. After the loop, the last ones."""

    def __init__(self, index: ir.Value, values: list[ir.Value]) -> None:
        self.index = index
        self.values = values
        self.handed: tuple[ir.Value, ...] = ()

    def hand_on(self, *values: ir.Value) -> None:
        """What the next turn starts with."""
        self.handed = values


@contextmanager
def loop(builder: ir.IRBuilder, count: ir.Value, *first: ir.Value) -> Iterator[Turn]:
    """``for index in range(count)``; the body calls :meth:`Turn.hand_on` with as many values as are given here."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(INT)
    turn = Turn(index, [builder.phi(value.type) for value in first])
    builder.cbranch(builder.icmp_signed("<", index, count), body, after)
    builder.position_at_end(body)
    yield turn
    following = builder.add(index, number(1))
    phis = zip([index, *turn.values], [number(0), *first], [following, *turn.handed], strict=True)
    for phi, start, handed in phis:
        phi.add_incoming(start, before)
        phi.add_incoming(handed, builder.block)
    builder.branch(head)
    builder.position_at_end(after)


def function(
    module: ir.Module, name: str, result: ir.Type, *arguments: ir.Type
) -> tuple[ir.IRBuilder, tuple[Any, ...]]:
    """A new function of the module: a builder at its beginning, and its arguments."""
    made = ir.Function(module, ir.FunctionType(result, arguments), name)
    return ir.IRBuilder(made.append_basic_block("entry")), made.args


class MachineCode:
    """The functions of an LLVM module, compiled; ``code["name"]`` is one, called with numbers and NumPy arrays.

    Parameters
    ----------
    module
        Functions of :data:`INT`, :data:`FLOAT` and :data:`ARRAY` arguments that return :data:`INT` or nothing.
    features
        The processor's abilities to make use of (``"+avx2,+bmi"``), beside those that every processor of its kind has; all that it
        has unless told.

    Notes
    -----
    A caller answers for sizes and types: code that is told too large a size reads what is not its own. Arrays must lie in memory
    without gaps, which is checked.
    """

    def __init__(self, module: ir.Module, features: str | None = None) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        cpu = ""
        if features is None:
            cpu = llvm.get_host_cpu_name()
            features = ",".join(f"{'+' if there else '-'}{name}" for name, there in _host_features().items())
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        machine = llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=2)
        self._engine = llvm.create_mcjit_compiler(parsed, machine)
        self._engine.finalize_object()
        self._functions = {f.name: _callable(f, self._engine) for f in module.functions if not f.is_declaration}

    def __getitem__(self, name: str) -> Callable[..., int]:
        return self._functions[name]


def _callable(function: ir.Function, engine: Any) -> Callable[..., int]:
    kind = function.ftype
    result = None if isinstance(kind.return_type, ir.VoidType) else _CTYPES[str(kind.return_type)]
    prototype = ctypes.CFUNCTYPE(result, *(_CTYPES[str(argument)] for argument in kind.args))
    compiled: Any = prototype(engine.get_function_address(function.name))
    compiled.engine = engine  # the code lives as long as its engine

    def call(*arguments: Any) -> Any:
        return compiled(*(_address(a) if isinstance(a, np.ndarray) else a for a in arguments))

    return call


def _address(array: Any) -> int:
    if not array.flags.c_contiguous:
        raise ValueError("machine code takes arrays that lie in memory without gaps")
    return int(array.ctypes.data)


def has(*features: str) -> bool:
    """Whether the processor has all of these abilities, by LLVM's names (``"avx2"``); ``"neon"`` is every 64-bit ARM's."""
    found = _host_features()
    always = {"neon"} if platform.machine().lower() in ("aarch64", "arm64") else set()
    return all(found.get(feature, False) or feature in always for feature in features)


@functools.cache
def _host_features() -> dict[str, bool]:
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:  # LLVM cannot tell on every system; then what every processor of the kind has must do
        return {}
