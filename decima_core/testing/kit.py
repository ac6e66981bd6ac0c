"""Runs checks: as a list of results, or as pytest tests."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from decima_core.errors import DecimaError, OptionError, PluginError, UnknownNameError, first_line
from decima_core.providers import kind_of
from decima_core.registry import Registry
from decima_core.testing.results import CheckFailedError, CheckResult, CheckSkippedError
from decima_core.testing.subject import Subject

if TYPE_CHECKING:
    import pytest

Check = Callable[[Subject], None]
Values = Mapping[str, Any]

# Loaded when they run: what checks a method needs torch, what checks a data source does not.
_MODULES = {
    "source": "source_checks",
    "model": "model_checks",
    "method": "method_checks",
    "peaks": "peak_checks",
    "motifs": "motif_checks",
}


def checks_of(kind: str) -> tuple[Check, ...]:
    """Every check of a kind of provider (``source``, ``model``, ``method``, ``peaks`` or ``motifs``), in order.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """
    from decima_core.testing import common_checks

    own = importlib.import_module(f"decima_core.testing.{_MODULES[kind_of(kind).stage]}")
    return (*common_checks.CHECKS, *own.CHECKS)


def check_provider(
    kind: str,
    name: str,
    options: Values | None = None,
    *,
    registry: Registry | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> list[CheckResult]:
    """Hold a provider to its contract.

    Parameters
    ----------
    kind, name
        As on the command line, e.g. ``"peaks"``, ``"scipy"``.
    options
        Options it is checked at, by name; a data source needs its ``path``, say.
    registry
        Where to look the provider up; by default among all installed plugins.
    expected_failures
        Checks that are known to fail, by name, each with the reason. One that passes all the same is reported, so that the
        list stays true.

    Returns
    -------
    One result a check, in order. An exception of the provider is a failure of the check, not of this function.

    Raises
    ------
    UnknownNameError
        If there is no such kind, provider, option or check.
    PluginError
        If something that the provider requires is not installed, or two plugins claim its name.
    OptionError
        For an option with a wrong value, and where one is missing, such as the file that a data source is checked on.
    """
    expected = dict(expected_failures or {})
    checks = checks_of(kind)
    _refuse_unknown(expected, checks)
    subject = find_subject(kind, name, options, registry=registry)
    return [_result(check, subject, expected.get(check.__name__)) for check in checks]


def parametrize_with_checks(
    kind: str,
    name: str,
    options: Values | Callable[[], Values] | None = None,
    *,
    registry: Registry | Callable[[], Registry] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """A decorator that gives a pytest test one ``check`` after the other; the test calls it.

    Parameters
    ----------
    kind, name, expected_failures
        As for :func:`check_provider`; an expected failure is a strict ``xfail``.
    options, registry
        As for :func:`check_provider`, or a function that makes them: it is called once, when the first check runs, and
        may write files.

    Raises
    ------
    UnknownNameError
        If there is no such kind or check. A provider that does not exist fails the tests, not their collection.
    """
    import pytest

    expected = dict(expected_failures or {})
    checks = checks_of(kind)
    _refuse_unknown(expected, checks)

    @functools.cache
    def subject() -> Subject:
        made = registry() if callable(registry) else registry
        return find_subject(kind, name, options() if callable(options) else options, registry=made)

    def bound(check: Check) -> Callable[[], None]:
        @functools.wraps(check)
        def run() -> None:
            try:
                _run(check, subject())
            except CheckSkippedError as why:
                pytest.skip(str(why))

        del run.__wrapped__  # pytest would take the subject for a fixture
        return run

    def parameter(check: Check) -> Any:
        reason = expected.get(check.__name__)
        marks = [pytest.mark.xfail(reason=reason, strict=True, raises=CheckFailedError)] if reason else []
        return pytest.param(bound(check), id=check.__name__, marks=marks)

    return pytest.mark.parametrize("check", [parameter(check) for check in checks])


def find_subject(kind: str, name: str, options: Values | None = None, *, registry: Registry | None = None) -> Subject:
    """The provider to check, found and its options tried.

    Raises
    ------
    UnknownNameError, PluginError, OptionError
        As for :func:`check_provider`.
    """
    registry = Registry.discover() if registry is None else registry
    found = registry.get(kind, name)
    if found.missing:
        raise PluginError(
            f"The {found.kind.label} '{found.spec.name}' needs {', '.join(found.missing)}, which is not installed; "
            f"{found.remedy}, then check it again."
        )
    subject = Subject(found, options or {}, registry.module_of(found.owner))
    subject.options()
    return subject


def _refuse_unknown(expected: Mapping[str, str], checks: tuple[Check, ...]) -> None:
    for name in expected:
        if name not in {check.__name__ for check in checks}:
            raise UnknownNameError("check", name, [check.__name__ for check in checks])


def _run(check: Check, subject: Subject) -> None:
    """Whatever the provider raises is a failure that says where."""
    try:
        check(subject)
    except (CheckFailedError, CheckSkippedError):
        raise
    except OptionError as error:  # whoever checks left out a file to check it on, say
        raise OptionError(
            f"{error} Options to check it at are given by -O, or in Python by options={{...}}."
        ) from error
    except DecimaError as error:
        raise CheckFailedError(f"{subject.label} refused what every one must take: {error}") from error
    except Exception as error:
        raise CheckFailedError(
            f"{subject.label} raised {first_line(error)}; let it work, or raise one of decima_core's errors with a sentence "
            "for the user."
        ) from error


def _result(check: Check, subject: Subject, expected: str | None) -> CheckResult:
    try:
        _run(check, subject)
    except CheckSkippedError as why:
        return CheckResult(check.__name__, "skipped", str(why))
    except CheckFailedError as failure:
        if expected is not None:
            return CheckResult(check.__name__, "expected failure", expected)
        return CheckResult(check.__name__, "failed", str(failure))
    if expected is not None:
        return CheckResult(
            check.__name__, "unexpected pass", f"It was expected to fail ({expected}); take it off the list."
        )
    return CheckResult(check.__name__, "passed")
