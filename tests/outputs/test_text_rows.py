"""The text of tables is what pandas would write, byte for byte."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core.outputs.tables import as_table
from decima_core.outputs.text_rows import text_rows

# A carriage return alone is quoted by newer Pythons only.
words = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)


def by_pandas(columns: dict[str, np.ndarray]) -> str:
    text = as_table(columns).to_csv(None, sep="\t", index=False, header=False, float_format="%.9g", lineterminator="\n")
    assert isinstance(text, str)
    return text


def objects(values: list[object]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@given(st.data(), st.integers(0, 6))
def test_every_kind_of_column(data: st.DataObject, n: int) -> None:
    def some(values: st.SearchStrategy[object]) -> list[object]:
        return data.draw(st.lists(values, min_size=n, max_size=n))

    whole = st.integers(-(2**63), 2**63 - 1)
    columns = {
        "float64": np.array(some(st.floats()), dtype=np.float64),
        "float32": np.array(some(st.floats(width=32)), dtype=np.float32),
        "int64": np.array(some(whole), dtype=np.int64),
        "int8": np.array(some(st.integers(-128, 127)), dtype=np.int8),
        "uint64": np.array(some(st.integers(0, 2**64 - 1)), dtype=np.uint64),
        "bool": np.array(some(st.booleans()), dtype=bool),
        "text": objects(some(words)),
        "some text": objects(some(st.none() | words | st.just(float("nan")))),
        "numpy text": np.array(some(st.sampled_from(["+", "-"])), dtype="U1"),
        "masked": np.ma.masked_array(np.array(some(whole), dtype=np.int64), np.array(some(st.booleans()), dtype=bool)),
    }
    assert text_rows(columns) == by_pandas(columns)


@pytest.mark.parametrize("value", ["a\tb", 'a "word"', "two\nlines", '"', ""])
def test_cells_that_would_break_the_table_are_quoted(value: str) -> None:
    columns = {"a": objects([value, "plain"]), "b": np.array([1, 2])}
    assert text_rows(columns) == by_pandas(columns)


def test_objects_of_other_kinds() -> None:
    columns = {"a": objects([1, 2.5, "x", None, pd.NA, True]), "b": np.arange(6)}
    assert text_rows(columns) == by_pandas(columns)
