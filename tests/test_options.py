"""Options from TOML values, from text and from Python: one declaration, the same answer, and errors that name it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core import OptionError, UnknownNameError, option, options_class
from decima_core.options import as_dict, build, coerce, describe, parse_pair, type_name


@options_class
class Example:
    """One option of each type."""

    text: str = option(default="", help="Any text.")
    count: int = option(default=3, help="A whole number.", at_least=1, at_most=10)
    share: float = option(default=0.5, help="A number.", above=0, at_most=1)
    flag: bool = option(default=False, help="A switch.")
    names: tuple[str, ...] = option(default=(), help="Several names.")
    weights: tuple[float, ...] = option(default=(1.0,), help="Several numbers.", above=0)
    way: Literal["zero", "n-shuffle"] = option(default="zero", help="A choice.")
    channels: Literal[4, 5] | None = option(default=None, help="A choice of numbers.")
    height: float | None = option(default=None, help="A number or none.", at_least=0)
    path: str | None = option(default=None, help="A text or none.")
    table: dict[str, Any] = option(default={}, help="A table.")
    anything: Any = option(default=None, help="Anything.")


WHERE = "method 'example'"


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (str, "a b", "a b"),
        (str, 3, "3"),
        (str, Path("x/y"), "x/y"),
        (str, np.int64(3), "3"),
        (int, 3, 3),
        (int, "3", 3),
        (int, " -3 ", -3),
        (int, "524,288", 524288),
        (int, "524_288", 524288),
        (int, 3.0, 3),
        (int, np.int32(3), 3),
        (float, 3, 3.0),
        (float, "1e-4", 1e-4),
        (float, "inf", math.inf),
        (float, np.float32(0.5), 0.5),
        (bool, True, True),
        (bool, "true", True),
        (bool, "Yes", True),
        (bool, "1", True),
        (bool, "off", False),
        (tuple[str, ...], "a, b,,c ", ("a", "b", "c")),
        (tuple[str, ...], "", ()),
        (tuple[str, ...], ["T cell, CD4+", "B"], ("T cell, CD4+", "B")),
        (tuple[str, ...], [0, "b"], ("0", "b")),
        (tuple[str, ...], 3, ("3",)),
        (tuple[float, ...], "0.1,0.9", (0.1, 0.9)),
        (tuple[int, ...], [1, 2], (1, 2)),
        (Literal["integrated-gradients"], "Integrated_Gradients ", "integrated-gradients"),
        (Literal[4, 5], "5", 5),
        (Literal[4, 5], 5, 5),
        (float | None, "none", None),
        (float | None, "None", None),
        (float | None, None, None),
        (float | None, "2", 2.0),
        (int | str, "3", 3),
        (int | str, "x", "x"),
        (tuple[str, ...] | None, "a,b", ("a", "b")),
        (dict[str, Any], {"a": 1}, {"a": 1}),
        (Any, "3", "3"),
    ],
)
def test_values_become_their_type(hint: Any, value: object, expected: object) -> None:
    result = coerce(value, hint)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (str, 0.5, "must be text, not 0.5"),
        (str, True, "must be text, not True"),
        (str, None, "must be text, not None"),
        (int, "", "must be a whole number, not ''"),
        (int, "3.5", "must be a whole number, not '3.5'"),
        (int, "1,5", "must be a whole number, not '1,5'"),
        (int, 3.5, "must be a whole number, not 3.5"),
        (int, True, "must be a whole number, not True"),
        (int, math.nan, "must be a whole number, not nan"),
        (int, math.inf, "must be a whole number, not inf"),
        (int, None, "must be a whole number, not None"),
        (int, np.arange(2), "must be a whole number, not array"),
        (float, "much", "must be a number, not 'much'"),
        (float, True, "must be a number, not True"),
        (float, math.nan, "must be a number, not NaN"),
        (float, "nan", "must be a number, not NaN"),
        (float, 10**400, "must be a number, not 1000"),
        (float, np.arange(2.0), "must be a number, not array"),
        (float, None, "must be a number, not None"),
        (bool, "perhaps", "must be true or false, not 'perhaps'"),
        (bool, 1, "must be true or false, not 1"),
        (tuple[int, ...], "1,x", "must be a whole number, not 'x'"),
        (tuple[float, ...], [0.5, math.nan], "must be a number, not NaN"),
        (tuple[str, ...], [0.5], "must be text, not 0.5"),
        (Literal["mean", "sum"], "summ", "must be one of mean, sum, not 'summ'; did you mean sum?"),
        (Literal["mean", "sum"], "xyz", "must be one of mean, sum, not 'xyz'"),
        (Literal[4, 5], 4.0, "must be one of 4, 5, not 4.0"),
        (Literal[4, 5], "6", "must be one of 4, 5, not '6'"),
        (float | None, "much", "must be a number, not 'much'"),
        (int | bool, "much", "must be whole number | true | false, not 'much'"),
        (int | float, None, "must be whole number | number, not none"),
        (dict[str, Any], "a=1", "must be a table of names and values; write it in a TOML file"),
        (set, {1}, "has a type that options cannot have"),
    ],
)
def test_what_would_lose_information_is_refused(hint: Any, value: object, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        coerce(value, hint)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 0}, "Option 'count' of method 'example' must be at least 1, not 0."),
        ({"count": "11"}, "Option 'count' of method 'example' must be at most 10, not 11."),
        ({"share": 0}, "Option 'share' of method 'example' must be above 0, not 0.0."),
        ({"share": "nan"}, "Option 'share' of method 'example' must be a number, not NaN."),
        ({"weights": [1, 0]}, "Option 'weights' of method 'example' must be above 0, not 0.0."),
        ({"height": -1}, "Option 'height' of method 'example' must be at least 0, not -1.0."),
        (
            {"way": "nshuffle"},
            "Option 'way' of method 'example' must be one of zero, n-shuffle, not 'nshuffle'; did you mean n-shuffle?",
        ),
        (
            {"table": 3},
            "Option 'table' of method 'example' must be a table of names and values; write it in a TOML file.",
        ),
    ],
)
def test_errors_name_the_option_and_its_owner(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        build(Example, given, WHERE)
    assert str(caught.value) == message


def test_bounds_hold_in_python_too_and_name_the_option() -> None:
    with pytest.raises(OptionError, match=r"^Option 'count' of Example must be at least 1, not 0\.$"):
        Example(count=0)
    with pytest.raises(OptionError, match=r"^Option 'way' of Example must be one of zero, n-shuffle, not 'mean'\.$"):
        Example(way="mean")
    with pytest.raises(OptionError, match="'count'"):
        attrs.evolve(Example(), count=0)


def test_none_is_within_all_bounds() -> None:
    assert build(Example, {"height": "none"}, WHERE).height is None


def test_unknown_option_gets_near_matches() -> None:
    with pytest.raises(UnknownNameError) as caught:
        build(Example, {"heigth": 1}, WHERE)
    assert str(caught.value) == "There is no option 'heigth' in method 'example'. Did you mean height?"


def test_options_of_a_provider_that_takes_none() -> None:
    @options_class
    class Nothing:
        pass

    assert build(Nothing, {}, WHERE) == Nothing()
    with pytest.raises(UnknownNameError, match=r"^There is no option 'x' in method 'example'\. It takes no options\.$"):
        build(Nothing, {"x": 1}, WHERE)


def test_hyphens_are_forgiven_in_option_names() -> None:
    @options_class
    class Steps:
        n_steps: int = option(default=1, help="Steps.")

    assert build(Steps, {"n-steps": "7"}, WHERE).n_steps == 7


def test_options_are_frozen_and_keyword_only() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Example().count = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Example("text")  # type: ignore[misc]


def test_a_default_table_is_not_shared() -> None:
    first, second = Example(), Example()
    first.table["a"] = 1
    assert second.table == {}
    assert Example().table == {}


def test_checks_across_options_see_all_of_them() -> None:
    @options_class
    class Range:
        low: int = option(default=0, help="The least.")
        high: int = option(default=10, help="The most.")

        def __attrs_post_init__(self) -> None:
            if self.low > self.high:
                raise OptionError(f"low is {self.low} but high is {self.high}")
            if self.high > 1000:
                raise ValueError("high is over the top")

    assert build(Range, {"low": 20, "high": 30}, WHERE) == Range(low=20, high=30)
    with pytest.raises(OptionError) as caught:
        build(Range, {"low": 20, "high": 15}, WHERE)
    assert str(caught.value) == "The options of method 'example' do not fit together: low is 20 but high is 15."
    with pytest.raises(OptionError, match=r"^Option 'high' of method 'example' ValueError: high is over the top\.$"):
        build(Range, {"high": 2000}, WHERE)


def test_describe() -> None:
    infos = describe(Example)
    assert [i.name for i in infos] == [f.name for f in attrs.fields(Example)]
    assert {i.name: i.type for i in infos} == {
        "text": "text",
        "count": "whole number",
        "share": "number",
        "flag": "true | false",
        "names": "list of text",
        "weights": "list of number",
        "way": "zero | n-shuffle",
        "channels": "4 | 5 | none",
        "height": "number | none",
        "path": "text | none",
        "table": "table",
        "anything": "any",
    }
    assert infos[1].default == 3
    assert infos[1].help == "A whole number."
    assert type_name(dict) == "table"


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(),
        "count": st.integers(1, 10),
        "share": st.floats(0, 1, exclude_min=True),
        "flag": st.booleans(),
        "names": st.lists(st.text()).map(tuple),
        "weights": st.lists(st.floats(1e-3, 1e3)).map(tuple),
        "way": st.sampled_from(["zero", "n-shuffle"]),
        "channels": st.sampled_from([4, 5, None]),
        "height": st.none() | st.floats(0, 1e6),
        "path": st.none() | st.text().filter(lambda t: t.lower() != "none"),
        "table": st.dictionaries(st.text(), st.integers()),
        "anything": st.integers(),
    },
)


@given(OPTIONS)
def test_as_dict_and_build_are_inverse(values: dict[str, Any]) -> None:
    options = build(Example, values, WHERE)
    assert build(Example, as_dict(options), WHERE) == options
    assert as_dict(options) == {**as_dict(Example()), **values}


@given(OPTIONS)
def test_text_and_values_agree(values: dict[str, Any]) -> None:
    simple = {k: v for k, v in values.items() if k not in ("text", "path", "names", "table", "anything")}
    as_text = {k: ",".join(map(repr, v)) if isinstance(v, tuple) else str(v) for k, v in simple.items()}
    assert build(Example, as_text, WHERE) == build(Example, simple, WHERE)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("method.n_steps=20", ("method", "n_steps", "20")),
        ("model.weights=a=b.st", ("model", "weights", "a=b.st")),
        (" peaks.sign = both ", ("peaks", "sign", "both")),
        ("source.path=a.h5", ("source", "path", "a.h5")),
        ("peaks.height=", ("peaks", "height", "")),
    ],
)
def test_pairs(text: str, parts: tuple[str, str, str]) -> None:
    assert parse_pair(text) == parts


@pytest.mark.parametrize("text", ["", "n_steps=20", "method.n_steps", ".a=1", "method.=1", "=1"])
def test_pairs_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"is not of the form stage\.key=value, for example method\.n_steps=20\.$"):
        parse_pair(text)
