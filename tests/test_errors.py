"""The error tree and the helpers that word its messages."""

from __future__ import annotations

import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core import errors
from decima_core.errors import DecimaError, UnknownNameError, first_line, near_matches, sentence, shorten

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, DecimaError)]


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    above = ["DecimaError"]
    for line in (errors.__doc__ or "").splitlines():
        branch, mark, rest = line.partition("── ")
        if mark:
            depth = (len(branch) - 5) // 4 + 1
            name = rest.split()[0]
            drawn[name] = above[depth - 1]
            above = [*above[:depth], name]
    assert drawn == {c.__name__: c.__base__.__name__ for c in CLASSES if c is not DecimaError}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_says_what_it_is_for(cls: type[DecimaError]) -> None:
    assert cls.__doc__
    assert cls.__module__ == "decima_core.errors"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnknownNameError("gene", "GATA1"), "There is no gene 'GATA1'."),
        (UnknownNameError("gene", "GATA1", where="'a.h5'"), "There is no gene 'GATA1' in 'a.h5'."),
        (UnknownNameError("gene", "gata", ["SPI1", "GATA1"]), "There is no gene 'gata'. Did you mean GATA1?"),
        (UnknownNameError("task", 7, ["a", "b"]), "There is no task '7'. Known: a, b."),
        (
            UnknownNameError("split", "x", ["train"], hint="Leave it out."),
            "There is no split 'x'. Known: train. Leave it out.",
        ),
        (
            UnknownNameError("gene", "x", range(1019)),
            "There is no gene 'x'. Known: 0, 1, 2, 3, 4, 5, 6, 7, ... (1,019 in all).",
        ),
    ],
)
def test_unknown_names_are_named_with_the_next_step(error: UnknownNameError, message: str) -> None:
    assert str(error) == message
    assert "\n" not in message


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_cross_process_boundaries(cls: type[DecimaError]) -> None:
    if cls is UnknownNameError:
        error: DecimaError = UnknownNameError("gene", "gata", ["GATA1"], where="'a.h5'", hint="Look again.")
    else:
        error = cls("What happened.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=6))
def test_near_matches_are_known_names(name: str, known: list[str]) -> None:
    near = near_matches(name, known)
    assert set(near) <= set(known)
    assert len(near) == len(set(near)) <= 3
    if name and name in known:
        assert near[0].casefold() == name.casefold()


def test_near_matches_ignore_case_and_leave_out_the_much_less_alike() -> None:
    assert near_matches("spi1", ["GATA1", "SPI1"]) == ("SPI1",)
    assert near_matches("decima_modles", ["decima_models", "decima_peak_callers", "decima_data_sources"]) == (
        "decima_models",
    )
    assert near_matches("q", ["GATA1"]) == ()


def test_shorten() -> None:
    assert shorten([]) == ""
    assert shorten("abc") == "a, b, c"
    assert shorten(range(3), limit=2) == "0, 1, ... (3 in all)"


@pytest.mark.parametrize(
    ("text", "ended"), [("It broke", "It broke."), ("It broke.", "It broke."), ("Did it?", "Did it?"), (" A ", "A.")]
)
def test_sentence(text: str, ended: str) -> None:
    assert sentence(text) == ended


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "ValueError: one"),
        (ValueError(), "ValueError"),
        (ValueError("\n\n  late"), "ValueError: late"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError("x" * 500), f"RuntimeError: {'x' * 297}..."),
    ],
)
def test_first_line(error: Exception, line: str) -> None:
    assert first_line(error) == line
