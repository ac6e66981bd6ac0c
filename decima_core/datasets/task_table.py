"""The table of tasks of a dataset, held against the tasks that its labels are in the order of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from decima_core.anndata_tables import annotation
from decima_core.errors import DataError


def task_table(names: Sequence[str], ad: Any, where: str) -> pd.DataFrame:
    """``.obs`` of ``ad``, or an empty table with the names as its index.

    Parameters
    ----------
    names
        Task names in label order; empty where the source does not name them, and then ``ad`` cannot be checked.
    ad
        AnnData object, path of a ``.h5ad`` file, or None.
    where
        The source, in the words of error messages.

    Raises
    ------
    DataError
        If the tasks of ``ad`` are not the source's, name by name and in the same order.
    """
    if ad is None:
        return pd.DataFrame(index=pd.Index(list(names), dtype=object))
    table = annotation(ad, "obs")
    given = [str(name) for name in table.index]
    if names and given != list(names):
        raise DataError(_difference(list(names), given, where))
    return table


def _difference(own: list[str], given: list[str], where: str) -> str:
    if sorted(own) == sorted(given):
        at = _first_difference(own, given)
        return (
            f"ad has the same names of tasks as {where} in another order: task {at} is '{given[at]}' in ad and "
            f"'{own[at]}' in the file; reorder ad with ad[[...]] to the order of the file."
        )
    missing = [name for name in own if name not in set(given)]
    extra = [name for name in given if name not in set(own)]
    parts = []
    if missing:
        parts.append(f"lacks {len(missing):,} of the {len(own):,} tasks of {where}, first '{missing[0]}'")
    if extra:
        parts.append(f"has {len(extra):,} that {where} lacks, first '{extra[0]}'")
    if not parts:
        parts.append(f"names some tasks another number of times than {where}")
    at = _first_difference(own, given)
    return (
        f"ad {' and '.join(parts)} (they differ from task {at} on); "
        "give the AnnData object that the gene file was written from."
    )


def _first_difference(own: list[str], given: list[str]) -> int:
    pairs = zip(own, given, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(own), len(given)))
