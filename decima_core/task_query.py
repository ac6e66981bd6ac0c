"""Queries on a table of tasks: ``cell_type == 'classical monocyte'`` to the numbers of the tasks that it holds for.

A query is a condition in the words of :meth:`pandas.DataFrame.eval`: comparisons, ``in [...]``, ``and``, ``or``, ``not``, methods
such as ``cell_type.str.contains('mono')``, and column names with blanks in back quotes. It sees the columns of the table, and
``index`` for the task's own name; nothing else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from decima_core.errors import ConfigError, UnknownNameError, first_line

if TYPE_CHECKING:
    import pandas as pd

# A text, a name in back quotes, or a sign that pandas reads as a word.
_PARTS = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`([^`]*)`|([&|])""")
_ASSIGNED = re.compile(r"(?<![=!<>])=(?!=)")
_WORDS = {"&": " and ", "|": " or "}
_OPERATORS = re.compile(r"[=!<>]=|[<>]|=\s*['\"]|\bin\s*[\[(]\s*['\"\d]|\.\w+\(")


def is_query(text: str, columns: Collection[object] = ()) -> bool:
    """Whether a text is meant as a query and not as the name of a task: it compares something, or speaks of columns alone."""
    if _OPERATORS.search(text):
        return True
    named: dict[str, str] = {}
    try:
        names = set(_names(_parse(text, named), named))
    except ConfigError:
        return False
    return bool(names) and names <= set(columns)


def find_tasks(query: str, table: pd.DataFrame, where: str) -> tuple[int, ...]:
    """Numbers of the tasks, rows of ``table``, that a query holds for, in the order of the table; at least one.

    Parameters
    ----------
    query
        The condition, e.g. ``"cell_type == 'classical monocyte' and organ != 'blood'"``.
    table
        One row a task, in output order.
    where
        Whose tasks they are, in the words of the error message, e.g. ``"model 'rep0'"``.

    Raises
    ------
    UnknownNameError
        For a column that the table does not have, and for a text that no task has in the column it is compared with; with near
        matches.
    ConfigError
        If the query cannot be understood, is no condition, or holds for no task.
    """
    query = query.strip()
    named: dict[str, str] = {}
    tree = _parse(query, named)
    known = {*table.columns, "index", table.index.name}
    for name in _names(tree, named):
        if name not in known:
            raise UnknownNameError("column", name, table.columns, where=f"the task table of {where}")
    for column, value in _compared(tree, named):
        values = table.index if column not in table.columns else table[column].dropna().unique()
        if value not in set(values):
            # A name that does not exist is refused here as everywhere; left alone it would silently be no task.
            raise UnknownNameError(column, value, sorted(map(str, values)), where=f"the task table of {where}")
    numbers = tuple(number for number, holds in enumerate(_evaluate(query, table)) if holds)
    if not numbers:
        raise ConfigError(
            f"The query {query!r} holds for none of the {len(table):,} tasks of {where}; ask for less at once."
        )
    return numbers


def _evaluate(query: str, table: pd.DataFrame) -> list[bool]:
    """For each row, whether a query holds for it; not where that is unknown."""
    import numpy as np
    import pandas as pd

    try:
        # Empty scopes: a query sees the table alone. Python's engine: methods work, and the same on every machine.
        found = table.eval(query, engine="python", local_dict={}, global_dict={})
    except Exception as error:
        raise ConfigError(f"The query {query!r} cannot be answered: {first_line(error)}.") from error
    values = list(found) if isinstance(found, pd.Series) and len(found) == len(table) else [None]
    if not any(isinstance(value, (bool, np.bool_)) for value in values):
        raise ConfigError(f"The query {query!r} is no condition; write one such as {_example(table)}.")
    return [isinstance(value, (bool, np.bool_)) and bool(value) for value in values]


def _example(table: pd.DataFrame) -> str:
    column = str(table.columns[0]) if len(table.columns) else "index"
    value = table[column].iloc[0] if column in table else table.index[0]
    return f"{column if column.isidentifier() else f'`{column}`'} == {value!r}"


def _parse(query: str, named: dict[str, str]) -> ast.Expression:
    """The query as Python's own tree; names in back quotes become identifiers that ``named`` translates back."""

    def plain(part: re.Match[str]) -> str:
        if part[1] is not None:
            return part[1]
        if part[3] is not None:
            return _WORDS[part[3]]
        identifier = f"_quoted_{len(named)}"
        named[identifier] = part[2]
        return identifier

    try:
        return ast.parse(_PARTS.sub(plain, query).strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else first_line(error)
        if _ASSIGNED.search(_PARTS.sub("", query)):
            reason = "equal is written =="
        raise ConfigError(
            f"The query {query!r} cannot be understood ({reason}); write for example \"cell_type == 'T cell' and age > 50\"."
        ) from None


def _names(tree: ast.AST, named: dict[str, str]) -> Iterator[str]:
    """Every name that stands for a column."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield named.get(node.id, node.id)


def _compared(tree: ast.AST, named: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Columns and the texts that they are compared with for being equal, or among."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, node.comparators, strict=False):
            if not isinstance(operator, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
                continue
            for column, values in ((left, right), (right, left)):
                if isinstance(column, ast.Name):
                    listed = values.elts if isinstance(values, (ast.List, ast.Tuple, ast.Set)) else [values]
                    for value in listed:
                        if isinstance(value, ast.Constant) and isinstance(value.value, str):
                            yield named.get(column.id, column.id), value.value
