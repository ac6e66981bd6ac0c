"""Tables for people and for pipes: aligned on a terminal, tab-separated elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Literal

import click


def count(n: int, noun: str) -> str:
    """``1 peak``, ``2 peaks``, ``1,000 peaks``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


Layout = Literal["table", "tsv"]


def default_layout() -> Layout:
    """Aligned where a person reads along, tab-separated where a program does."""
    return "table" if sys.stdout.isatty() else "tsv"


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    layout: Layout | None = None,
    numbers: bool = False,
) -> None:
    """A table on standard output, in the default layout unless told otherwise.

    An aligned one shows the title; where the terminal is narrow, cells are broken over several lines, of a table of ``numbers``
    those of the first column alone.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if (layout or default_layout()) == "tsv":
        for row in ([*columns], *cells):
            click.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=_plain(title) or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0 if numbers else 1),
    )
    least = 15 if numbers else None
    for place, name in enumerate(columns):
        number = numbers and place > 0
        table.add_column(
            name,
            overflow="fold",
            no_wrap=number,
            justify="right" if number else "left",
            min_width=None if number else least,
        )
    for row in cells:
        table.add_row(*map(_plain, row))
    Console().print(table)


def _plain(text: str) -> str:
    """Text in which rich sees no markup."""
    return text.replace("[", r"\[")
