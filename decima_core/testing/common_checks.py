"""What every provider promises, whatever its kind: how it is named, announced, set and made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing
from typing import Any

import attrs

from decima_core.errors import first_line
from decima_core.heavy import HEAVY
from decima_core.options import as_dict, build, coerce, describe
from decima_core.providers import KINDS
from decima_core.testing.results import CheckFailedError, CheckSkippedError, require
from decima_core.testing.subject import Subject


def check_name_and_summary(subject: Subject) -> None:
    """The name is lower kebab case (the spec sees to that), aliases differ from it, the summary is one sentence."""
    spec = subject.spec
    require(
        len({spec.name, *spec.aliases}) == 1 + len(spec.aliases),
        f"The aliases of {subject.label} repeat its name or each other; drop the repeats.",
    )
    require(
        len(spec.summary) <= 160,
        f"The summary of {subject.label} has {len(spec.summary)} characters; keep it under 160, so that it fits a list.",
    )
    require(
        spec.summary[0].isupper() and spec.summary.rstrip().endswith("."),
        f"The summary of {subject.label} is not a sentence: begin it with a capital letter and end it with a full stop.",
    )


def check_options_documented(subject: Subject) -> None:
    """Every option has help, and a default: the method's own."""
    for info, field in zip(describe(subject.spec.options), attrs.fields(subject.spec.options), strict=True):
        where = f"Option '{info.name}' of {subject.label}"
        require(info.help.strip(), f"{where} has no help; give option(..., help='One sentence.').")
        require(field.default is not attrs.NOTHING, f"{where} has no default; give it one with option(default=...).")


def check_options_frozen(subject: Subject) -> None:
    """Options objects cannot be changed, and equal ones are equal: a run can be repeated from its record."""
    options = subject.options()
    names = list(as_dict(options))
    for name in names:
        try:
            setattr(options, name, getattr(options, name))
        except attrs.exceptions.FrozenInstanceError:
            continue
        raise CheckFailedError(
            f"Options of {subject.label} can be changed after they are made; make the class with @options_class."
        )
    require(
        options == subject.options(),
        f"Two options objects of {subject.label} made of the same values are not equal; make the class with @options_class.",
    )


def check_options_survive_config(subject: Subject) -> None:
    """Options written to a run's record (JSON) and read back, or given as text, make an equal object."""
    options = subject.options()
    plain = as_dict(options)
    try:
        through = json.loads(json.dumps(plain))
    except (TypeError, ValueError) as error:
        raise CheckFailedError(
            f"The options of {subject.label} cannot be written to a run's record ({first_line(error)}); use text, numbers, "
            "lists and tables."
        ) from error
    require(
        build(subject.spec.options, through, subject.label) == options,
        f"The options of {subject.label} change when they are written to a run's record and read back; keep what "
        "__attrs_post_init__ and converters make of a value stable.",
    )
    for info in describe(subject.spec.options):
        text, hint = _as_text(plain[info.name]), typing.get_type_hints(subject.spec.options)[info.name]
        if text is None or hint is Any:  # settings files and Python say these
            continue
        again = coerce(text, hint)
        require(
            again == plain[info.name],
            f"Option '{info.name}' of {subject.label} is {plain[info.name]!r}, but reads {again!r} when given as "
            f"-O {subject.found.kind.stage}.{info.name}={text}; choose a type that text can express.",
        )


def check_announced_lightly(subject: Subject) -> None:
    """Announcing imports no heavy library and prints nothing; found out in a process of its own."""
    if subject.module is None:
        raise CheckSkippedError("It was registered from an object, not from a module that can be imported by name.")
    hooks = [kind.hook for kind in KINDS]
    code = (
        "import contextlib, importlib, io, json, sys, decima_core.hookspecs\n"
        "out = io.StringIO()\n"
        "before = set(sys.modules)\n"
        "with contextlib.redirect_stdout(out):\n"
        f"    plugin = importlib.import_module({subject.module!r})\n"
        f"    for hook in {hooks!r}:\n"
        "        list(getattr(plugin, hook, tuple)())\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules) - before)\n"
        "print(json.dumps([heavy, out.getvalue()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    require(
        done.returncode == 0,
        f"The module '{subject.module}' cannot be imported in a process of its own: "
        f"{(done.stderr.strip().splitlines() or ['it ended early'])[-1]}",
    )
    heavy, printed = json.loads(done.stdout.splitlines()[-1])
    require(
        not heavy,
        f"Announcing {subject.label} imports {', '.join(heavy)}, and so every start of decima-core waits; import them inside "
        "create, or in a module that create imports.",
    )
    require(
        not printed.strip(),
        f"Announcing {subject.label} prints {printed.strip()[:60]!r}; a plugin must not write to standard output.",
    )


def check_create(subject: Subject) -> None:
    """``create`` makes an object of its kind from the options it is given, each time a new or an equal one."""
    made = subject.create()
    require(
        isinstance(made, subject.found.kind.protocol),
        f"create of {subject.label} returned {type(made).__name__}, which does not follow the protocol "
        f"{subject.found.kind.protocol.__name__}.",
    )
    subject.create()


CHECKS = (
    check_name_and_summary,
    check_options_documented,
    check_options_frozen,
    check_options_survive_config,
    check_announced_lightly,
    check_create,
)


def _as_text(value: Any) -> str | None:
    """The value as a user types it; None where only a file of settings can say it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and all(isinstance(v, (str, int, float)) and "," not in str(v) for v in value):
        return ",".join(str(v) for v in value)
    return None
