"""Queries on a table of tasks: the right tasks, and a clear word for every query that cannot be answered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import LinearModel

from decima_core import ConfigError, DataError, DescribedModel, ModelError, TargetOptions, UnknownNameError, wrap_module
from decima_core.options import split_list
from decima_core.targets import make_target
from decima_core.task_query import find_tasks, is_query

TABLE = pd.DataFrame(
    {
        "cell_type": pd.Categorical(["classical monocyte", "T cell, CD4+", "B cell", "classical monocyte", "it's"]),
        "organ": ["blood", "blood", "spleen", "lung", None],
        "n_cells": [120, 80, 300, 40, 5],
        "is healthy": [True, False, True, False, True],
        "treated": [True, None, False, False, True],
    },
    index=["agg_0", "agg_1", "agg_2", "agg_3", "agg_4"],
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cell_type == 'classical monocyte'", (0, 3)),
        ('cell_type == "classical monocyte" and organ == "blood"', (0,)),
        ("cell_type == 'classical monocyte' & organ != 'blood'", (3,)),
        ("(organ == 'spleen') | (n_cells < 10)", (2, 4)),
        ("cell_type in ['T cell, CD4+', 'B cell']", (1, 2)),
        ("cell_type not in ('T cell, CD4+', 'B cell')", (0, 3, 4)),
        ("cell_type.str.contains('mono')", (0, 3)),
        ("organ.isna()", (4,)),
        ("80 <= n_cells < 200", (0, 1)),
        ("`is healthy` and n_cells > 10", (0, 2)),
        ("`is healthy`", (0, 2, 4)),
        ("not `is healthy`", (1, 3)),
        ("treated", (0, 4)),
        ('cell_type == "it\'s"', (4,)),
        ("index == 'agg_3'", (3,)),
        ("  n_cells == n_cells.max() ", (2,)),
        ("organ != 'blood'", (2, 3, 4)),
    ],
)
def test_a_query_finds_the_tasks_that_it_holds_for(query: str, expected: tuple[int, ...]) -> None:
    assert find_tasks(query, TABLE, "model 'm'") == expected
    assert is_query(query, TABLE.columns)


@given(st.lists(st.sampled_from(list(TABLE.cell_type.unique())), min_size=1), st.integers(0, 300))
def test_a_query_means_what_pandas_says(types: list[str], least: int) -> None:
    query = f"cell_type in {types!r} or n_cells > {least}"
    expected = np.flatnonzero(TABLE.cell_type.isin(types) | (TABLE.n_cells > least))
    assert find_tasks(query, TABLE, "model 'm'") == tuple(expected)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("cell_typ == 'B cell'", UnknownNameError, r"no column 'cell_typ' in the task table of model 'm'\. Did you mean cell_type\?"),
        ("cell_type == 'clasical monocyte'", UnknownNameError, r"no cell_type 'clasical monocyte' in .*Did you mean classical monocyte\?"),
        ("cell_type in ['B cell', 'T cell']", UnknownNameError, r"no cell_type 'T cell' in .*Did you mean B cell"),
        ("'Blood' == organ", UnknownNameError, r"no organ 'Blood'.*Did you mean blood\?"),
        ("organ != 'bloood'", UnknownNameError, r"Did you mean blood\?"),
        ("`is healty`", UnknownNameError, r"no column 'is healty'.*Did you mean is healthy\?"),
        ("index == 'agg_9'", UnknownNameError, r"no index 'agg_9'"),
        ("organ == 'blood' and n_cells > 500", ConfigError, r"holds for none of the 5 tasks of model 'm'"),
        ("organ = 'blood'", ConfigError, r"cannot be understood \(.*==.*\); write for example"),
        ("organ == ", ConfigError, "cannot be understood"),
        ("organ == 'blood", ConfigError, "cannot be understood"),
        ("@secret == 1", ConfigError, "cannot be understood"),
        ("cell_type < 'B cell'", ConfigError, "cannot be answered: TypeError: "),
        ("n_cells", ConfigError, r"is no condition; write one such as cell_type == 'classical monocyte'\."),
        ("n_cells + 1", ConfigError, "is no condition"),
        ("n_cells.max() > 3", ConfigError, "is no condition"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_answered_says_why(query: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        find_tasks(query, TABLE, "model 'm'")


@pytest.mark.parametrize(
    "name",
    ["CD14", "T cell, CD4+ (naive)", "CD4.naive", "5' UTR", "RNA:blood/adult", "expressed in (blood)", "agg_0", ""],
)
def test_names_of_tasks_are_not_queries(name: str) -> None:
    assert not is_query(name, TABLE.columns)
    assert not is_query(name)


# --- tasks of a target ------------------------------------------------------------------------------------------------


def outputs() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.eye(4)[torch.arange(20) % 4].reshape(2, 10, 4).transpose(1, 2)
    return x, LinearModel(5, 4, 10)(x)


def test_queries_names_and_numbers_stand_together() -> None:
    x, y = outputs()
    model = wrap_module(LinearModel(5, 4, 10), task_table=TABLE)
    assert isinstance(model, DescribedModel)
    assert model.tasks == tuple(TABLE.index)
    options = TargetOptions(tasks=["cell_type == 'classical monocyte'", "agg_4"], off_tasks=["organ == 'spleen'", 1])
    target = make_target(model, options)
    assert torch.allclose(target(x), y[:, [0, 3, 4]].mean(1) - y[:, [2, 1]].mean(1))
    assert target.description == (
        "mean prediction of tasks agg_0, agg_3, agg_4 (cell_type == 'classical monocyte') - mean prediction of tasks agg_2, agg_1 "
        "(organ == 'spleen') (sum over positions)"
    )


def test_a_task_whose_name_looks_like_a_query_is_a_task() -> None:
    x, y = outputs()
    names = ["n_cells > 100", "b", "c", "d", "e"]
    model = wrap_module(LinearModel(5, 4, 10), task_table=TABLE.set_axis(names))
    target = make_target(model, TargetOptions(transform="aggregate", tasks=["n_cells > 100"]))
    assert torch.allclose(target(x), y[:, 0])


def test_a_query_without_a_table_says_how_to_give_one() -> None:
    model = wrap_module(LinearModel(5, 4, 10), tasks=list("abcde"), name="net")
    with pytest.raises(
        ConfigError,
        match=r"is a query, but there is no table of the tasks of model 'net'; give one with the option model\.task_table",
    ):
        make_target(model, TargetOptions(tasks=["cell_type == 'B cell'"]))
    with pytest.raises(UnknownNameError, match=r"no task 'f' in model 'net'"):
        make_target(model, TargetOptions(tasks=["f"]))


def test_off_tasks_of_a_query_that_are_all_on_are_refused() -> None:
    model = wrap_module(LinearModel(5, 4, 10), task_table=TABLE)
    with pytest.raises(ConfigError, match="Every off-task is also an on-task"):
        make_target(model, TargetOptions(tasks=["n_cells > 50"], off_tasks=["organ == 'spleen'"]))


# --- tables from files ------------------------------------------------------------------------------------------------


def test_a_table_is_read_from_text_in_the_order_of_the_models_tasks(tmp_path: Path) -> None:
    path = tmp_path / "tasks.tsv"
    path.write_text("task\tcell_type\tage\n003\tNA\t5\n001\tT cell, CD4+\t\n002\tB cell\t7\n", encoding="utf-8")
    model = wrap_module(LinearModel(2, 4, 10), tasks=["001", "003"], task_table=str(path), files=["w.pt"])
    assert model.files == ("w.pt", str(path))
    assert model.task_table is not None
    assert model.task_table.index.tolist() == ["001", "003"]
    assert model.task_table.cell_type.tolist() == ["T cell, CD4+", "NA"]
    assert find_tasks("age == 5", model.task_table, "m") == (1,)
    assert wrap_module(LinearModel(3, 4, 10), task_table=str(path)).tasks == ("003", "001", "002")
    path.with_suffix(".csv").write_text("task,age\na,3\n", encoding="utf-8")
    assert wrap_module(LinearModel(1, 4, 10), task_table=str(path.with_suffix(".csv"))).tasks == ("a",)


def test_a_table_is_read_from_anndata(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata", reason="needs the package anndata")
    path = tmp_path / "metadata.h5ad"
    anndata.AnnData(X=np.zeros((5, 1), dtype=np.float32), obs=TABLE.drop(columns="treated")).write_h5ad(path)
    model = wrap_module(LinearModel(5, 4, 10), task_table=str(path))
    assert model.tasks == tuple(TABLE.index)
    target = make_target(model, TargetOptions(transform="aggregate", tasks=["cell_type in ['T cell, CD4+', 'B cell']"]))
    assert target.on == (1, 2)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, DataError, "There is no task table"),
        ("task\tage\n", DataError, "has no rows"),
        ("task\tage\na\t1\na\t2\n", DataError, "has the task 'a' twice"),
        ("task\tage\na\t1\nbb1\t2\n", ModelError, r"lacks 1 of the model's 2 tasks: bb \(it has 'bb1'\)"),
        ("", DataError, "cannot be read"),
    ],
)
def test_a_table_that_does_not_serve_says_so(
    text: str | None, error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "tasks.tsv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        wrap_module(LinearModel(2, 4, 10), tasks=["a", "bb"], task_table=str(path))


# --- commas -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b,,c ", ["a", "b", "c"]),
        ("", []),
        ("cell_type in ['a', 'b'], CD14", ["cell_type in ['a', 'b']", "CD14"]),
        ("cell_type == 'T cell, CD4+',CD14", ["cell_type == 'T cell, CD4+'", "CD14"]),
        ('organ == "a, b" and x.isin(["c", "d"]),`e,f` > 1', ['organ == "a, b" and x.isin(["c", "d"])', "`e,f` > 1"]),
        ("5' UTR, 3' UTR, T cell's, B", ["5' UTR", "3' UTR", "T cell's", "B"]),
        ("'a, b", ["'a", "b"]),
        ("x (a, b), (c", ["x (a, b)", "(c"]),
        ("a], b)", ["a]", "b)"]),
        ("(')', a), b", ["(')', a)", "b"]),
    ],
)
def test_commas_within_quotes_or_brackets_do_not_part(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts


@given(st.text(alphabet="ab,'\"([)] "))
def test_splitting_loses_nothing(text: str) -> None:
    assert "".join(split_list(text)).replace(",", "").replace(" ", "") == text.replace(",", "").replace(" ", "")


def test_options_given_as_text_are_split_in_the_same_way() -> None:
    assert TargetOptions(tasks="cell_type in ['a', 'b'], c").tasks == ("cell_type in ['a', 'b']", "c")
