"""The conformance kit: what the contract promises, as checks that any provider can be held to.

A check is a plain function of a :class:`Subject` (a provider and its options); it returns where the promise is kept and
raises :class:`CheckFailedError`, whose message says what to do, where it is not. They are offered in three ways::

    from decima_core.testing import check_provider, parametrize_with_checks

    check_provider("peaks", "my-caller")            # a list of CheckResult

    @parametrize_with_checks("peaks", "my-caller")  # one pytest test a check
    def test_contract(check):
        check()

    decima-core check peaks my-caller               # on the command line; exits with 1 on a failure

:mod:`decima_core.testing.samples` holds the small models, sequences and tracks that the checks use; a plugin's own tests
may use them too.
"""

from __future__ import annotations

from decima_core.testing.kit import check_provider as check_provider
from decima_core.testing.kit import checks_of as checks_of
from decima_core.testing.kit import parametrize_with_checks as parametrize_with_checks
from decima_core.testing.results import CheckFailedError as CheckFailedError
from decima_core.testing.results import CheckResult as CheckResult
from decima_core.testing.results import CheckSkippedError as CheckSkippedError
from decima_core.testing.subject import Subject as Subject

__all__ = [
    "CheckFailedError",
    "CheckResult",
    "CheckSkippedError",
    "Subject",
    "check_provider",
    "checks_of",
    "parametrize_with_checks",
]
