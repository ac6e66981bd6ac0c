"""Where a model can be cut into pieces that are computed twice, so that one piece's intermediate results are held at a time.

A piece is a module within the model, or some layers in a row of an ``nn.Sequential``. What lies between pieces is kept for the
backward pass, and so is what the piece holds whose turn it is. Layers stand for memory here: their real size is known only when
the model has run, and by then it is too late.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from torch import nn

# Modules that run code of their own, in which nothing can be put around a layer.
_SEALED = "torch.jit"


@attrs.frozen(eq=False)
class Piece:
    """Layers ``first`` up to ``end`` of an ``nn.Sequential``, or a whole module where ``end`` is 0."""

    module: nn.Module
    first: int = 0
    end: int = 0


def cut(model: nn.Module) -> list[Piece]:
    """The pieces by which the least is held: what lies between them plus the largest of them, counted in layers.

    Empty for a model whose layers do not lie in modules within it, or in an ``nn.Sequential``.
    """
    whole = _layers(model)
    best: tuple[int, list[Piece]] = whole + 1, []
    for largest in sorted({_layers(module) for module in model.modules()} | set(range(2, int(whole**0.5) + 2))):
        if not 1 < largest < whole:
            continue
        kept, pieces = _cut(model, largest, outermost=True)
        if pieces and kept + largest < best[0]:
            best = kept + largest, pieces
    return best[1]


def _cut(module: nn.Module, largest: int, *, outermost: bool = False) -> tuple[int, list[Piece]]:
    """What a module keeps, in layers, if pieces have at most ``largest`` of them; and the pieces."""
    layers = _layers(module)
    if layers <= 1 or _is_sealed(module):
        return layers, []
    if layers <= largest and not outermost and not isinstance(module, (nn.ModuleList, nn.ModuleDict)):
        return 1, [Piece(module)]
    kept = 0
    pieces: list[Piece] = []
    for part in _parts(module, largest):
        if isinstance(part, Piece):
            kept, pieces = kept + 1, [*pieces, part]
        else:
            inside, found = _cut(part, largest)
            kept, pieces = kept + inside, pieces + found
    return kept, pieces


def _parts(module: nn.Module, largest: int) -> Iterator[nn.Module | Piece]:
    """The children of a module; of an ``nn.Sequential``, those that are small are put together to pieces."""
    if type(module).forward is not nn.Sequential.forward:
        yield from module.children()
        return
    children = list(module)  # type: ignore[call-overload]
    first, held = 0, 0
    for number, child in enumerate([*children, None]):
        size = largest + 1 if child is None else _layers(child)
        if held + size <= largest:
            held += size
            continue
        if number - first > 1:
            yield Piece(module, first, number)
        elif number > first:
            yield children[first]
        first, held = number, size
        if size > largest and child is not None:
            yield child
            first, held = number + 1, 0


def _layers(module: nn.Module) -> int:
    """How many modules without children there are in it, but for those that do nothing."""
    if isinstance(module, (nn.Identity, nn.Dropout)):
        return 0
    children = list(module.children())
    return sum(_layers(child) for child in children) if children else 1


def _is_sealed(module: nn.Module) -> bool:
    return any(kind.__module__.startswith(_SEALED) for kind in type(module).__mro__)
