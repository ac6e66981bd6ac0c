"""Options of a provider: declared once as an attrs class, then read from TOML, from ``key=value`` text, or from Python.

A provider's options class is a frozen, keyword-only attrs class made with :func:`options_class` and :func:`option`::

    @options_class
    class ScipyOptions:
        distance: int = option(default=6, help="Least distance between two summits, in bases.", at_least=1)

The same declaration gives the defaults, the command line's parsing, its help text and the checks, so they cannot disagree.
Field types may be ``str``, ``int``, ``float``, ``bool``, ``tuple[X, ...]``, ``Literal[...]``, ``dict[str, Any]``,
``Any``, and any of these ``| None``.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypeVar, dataclass_transform

import attrs

from decima_core.errors import OptionError, UnknownNameError, first_line, near_matches, sentence

T = TypeVar("T")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")  # 524,288, but never 1,5


def option(
    default: Any,
    *,
    help: str,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
) -> Any:
    """One option: its default, one sentence of help, and the bounds its number must keep."""

    def in_bounds(value: Any) -> None:
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if number is None:
                continue
            if at_least is not None and not number >= at_least:
                raise OptionError(f"must be at least {at_least:g}, not {number!r}")
            if above is not None and not number > above:
                raise OptionError(f"must be above {above:g}, not {number!r}")
            if at_most is not None and not number <= at_most:
                raise OptionError(f"must be at most {at_most:g}, not {number!r}")

    return attrs.field(default=default, metadata={"help": help, "in_bounds": in_bounds})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option, attrs.field))
def options_class(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen, keyword-only attrs class whose fields are checked against their annotations."""

    def coerce_all(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
        return [f.evolve(converter=_converter(cls, f)) for f in fields]

    return attrs.frozen(kw_only=True, field_transformer=coerce_all)(cls)


@attrs.frozen
class OptionInfo:
    """One option as shown to people."""

    name: str
    type: str
    default: Any
    help: str


def describe(cls: type) -> tuple[OptionInfo, ...]:
    """Every option of an options class, in order."""
    hints = _hints(cls)
    return tuple(
        OptionInfo(f.name, type_name(hints[f.name]), f.default, f.metadata.get("help", "")) for f in attrs.fields(cls)
    )


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """An options object from names and values; text values are parsed according to the field's type.

    ``where`` says whose options they are, in the words of the error message, e.g. ``"method input-x-gradient"``.

    Raises
    ------
    UnknownNameError
        For an option the class does not have.
    OptionError
        For a value of the wrong type or out of bounds, and for values that do not fit together.
    """
    known = {f.name: f for f in attrs.fields(cls)}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UnknownNameError("option", key, known, where=where, hint="" if known else "It takes no options.")
        try:
            given[name] = _checked(cls, known[name], value)
        except OptionError as error:
            raise OptionError(sentence(f"Option '{name}' of {where} {error}")) from None
    try:
        return cls(**given)
    except (OptionError, TypeError, ValueError) as error:  # the class's own checks, in __attrs_post_init__
        reason = str(error) if isinstance(error, OptionError) else first_line(error)
        alone = _alone_at_fault(cls, given, error)
        if alone is not None:
            raise OptionError(sentence(f"Option '{alone}' of {where} {reason}")) from None
        raise OptionError(sentence(f"The options of {where} do not fit together: {reason}")) from None


def as_dict(options: Any) -> dict[str, Any]:
    """The options as plain values, ready for JSON where the values are; :func:`build` makes an equal object of it."""
    return {f.name: getattr(options, f.name) for f in attrs.fields(type(options))}


def shown(value: object) -> str:
    """An option's value as people read it, and mostly as they would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "(empty)"
    return "(empty)" if value == "" or (isinstance(value, dict) and not value) else str(value)


def parse_pair(text: str) -> tuple[str, str, str]:
    """``stage.key=value`` as its three parts.

    Raises
    ------
    OptionError
        If the text has another form.
    """
    path, equals, value = text.partition("=")
    stage, dot, key = path.partition(".")
    if not (equals and dot and stage and key):
        raise OptionError(f"'{text}' is not of the form stage.key=value, for example method.n_steps=20.")
    return stage.strip(), key.strip(), value.strip()


def split_list(text: str) -> list[str]:
    """The parts of a text between commas, without blanks and empty parts.

    A comma within quotes or brackets is part of the text: ``cell_type in ['a', 'b'], CD14`` has two parts. An apostrophe within a
    word, or a bracket that is never closed, is a letter like any other.
    """
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == ",":
            parts.append(text[start:position])
            start = position + 1
        position = _closed_at(text, position) + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def type_name(hint: Any) -> str:
    """A type in words a user knows."""
    if hint is type(None):
        return "none"
    if hint is Any:
        return "any"
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " | ".join(str(a) for a in args)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(type_name(a) for a in args)
    if origin is tuple:
        return f"list of {type_name(args[0])}"
    if origin is dict:
        return "table"
    return {str: "text", int: "whole number", float: "number", bool: "true | false", dict: "table"}.get(hint, str(hint))


def _closed_at(text: str, position: int) -> int:
    """Where the quote or bracket that opens at ``position`` closes; ``position`` itself where none opens, or none closes."""
    opening = text[position]
    if opening in "'\"`":
        if position and text[position - 1].isalnum():
            return position
        closing = text.find(opening, position + 1)
        return position if closing < 0 else closing
    if opening not in _BRACKETS:
        return position
    within = position + 1
    while within < len(text):
        if text[within] == _BRACKETS[opening]:
            return within
        within = _closed_at(text, within) + 1
    return position


@lru_cache(maxsize=256)
def _hints(cls: type) -> Mapping[str, Any]:
    """The types of the fields. Kept: annotations are texts, and to read them is most of what making options costs."""
    return types.MappingProxyType(typing.get_type_hints(cls))


def _checked(cls: type, field: attrs.Attribute[Any], value: Any) -> Any:
    """``value`` as the field's type and within its bounds; errors continue "Option 'x' ..."."""
    checked = coerce(value, _hints(cls)[field.name])
    if "in_bounds" in field.metadata:
        field.metadata["in_bounds"](checked)
    return checked


def _converter(cls: type, field: attrs.Attribute[Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return _checked(cls, field, value)
        except OptionError as error:
            raise OptionError(sentence(f"Option '{field.name}' of {cls.__name__} {error}")) from None

    return convert


def _alone_at_fault(cls: type, given: Mapping[str, Any], error: Exception) -> str | None:
    """The one option that fails the class's own check in the same words with all others at their defaults, if any."""
    for name, value in given.items():
        try:
            cls(**{name: value})
        except (OptionError, TypeError, ValueError) as same:
            if str(same) == str(error):
                return name
    return None


def coerce(value: Any, hint: Any) -> Any:
    """``value`` as type ``hint``; text is parsed, anything that would lose information is refused.

    Raises
    ------
    OptionError
        With a message that continues "Option 'x' ...".
    """
    if hint is Any:
        return value
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _coerce_union(value, hint, args)
    if origin is Literal:
        return _coerce_literal(value, args)
    if origin is tuple:
        parts = split_list(value) if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)):
            parts = (parts,)
        return tuple(coerce(p, args[0]) for p in parts)
    if origin is dict or hint is dict:
        if isinstance(value, Mapping):
            return dict(value)
        raise OptionError("must be a table of names and values; write it in a TOML file")
    if hint is bool:
        return _coerce_bool(value)
    if hint is int:
        return _coerce_int(value)
    if hint is float:
        return _coerce_float(value)
    if hint is str:
        if isinstance(value, str):
            return value
        if hasattr(value, "__fspath__"):
            return str(value.__fspath__())
        if hasattr(value, "__index__") and not isinstance(value, bool):
            return str(value.__index__())  # a number where a name may stand, e.g. tasks = [0, 3]
        raise OptionError(f"must be text, not {value!r}")
    raise OptionError(f"has a type that options cannot have: {hint!r}")


def _coerce_union(value: Any, hint: Any, args: tuple[Any, ...]) -> Any:
    if value is None or (isinstance(value, str) and value.lower() == "none" and type(None) in args):
        if type(None) in args:
            return None
        raise OptionError(f"must be {type_name(hint)}, not none")
    problems = []
    for arg in args:
        if arg is type(None):
            continue
        try:
            return coerce(value, arg)
        except OptionError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    raise OptionError(f"must be {type_name(hint)}, not {value!r}")


def _coerce_literal(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if value == choice and type(value) is type(choice):
            return choice
        if isinstance(value, str) and value.strip().lower().replace("_", "-") == str(choice).lower().replace("_", "-"):
            return choice
    near = near_matches(str(value), [str(c) for c in choices])
    more = f"; did you mean {near[0]}?" if near else ""
    raise OptionError(f"must be one of {', '.join(str(c) for c in choices)}, not {value!r}{more}")


def _coerce_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.lower()
        if word in ("true", "yes", "on", "1"):
            return True
        if word in ("false", "no", "off", "0"):
            return False
    raise OptionError(f"must be true or false, not {value!r}")


def _coerce_int(value: Any) -> int:
    try:
        if isinstance(value, str):
            return int(value.replace(",", "") if _THOUSANDS.fullmatch(value.strip()) else value)
        if hasattr(value, "__index__") and not isinstance(value, bool):
            return int(value.__index__())
        if isinstance(value, float) and value.is_integer():
            return int(value)
    except (TypeError, ValueError):
        pass
    raise OptionError(f"must be a whole number, not {value!r}")


def _coerce_float(value: Any) -> float:
    if isinstance(value, bool) or not (isinstance(value, str) or hasattr(value, "__float__")):
        raise OptionError(f"must be a number, not {value!r}")
    try:
        number = float(value)
    except (OverflowError, RuntimeError, TypeError, ValueError):
        raise OptionError(f"must be a number, not {value!r}") from None
    if math.isnan(number):
        raise OptionError("must be a number, not NaN")
    return number
