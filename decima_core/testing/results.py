"""How a check ends."""

from __future__ import annotations

from typing import Literal

import attrs

Outcome = Literal["passed", "failed", "skipped", "expected failure", "unexpected pass"]


class CheckFailedError(AssertionError):
    """The provider breaks a promise; the message says which, and what to do."""


class CheckSkippedError(Exception):
    """The check does not apply to this provider; the message says why."""


@attrs.frozen
class CheckResult:
    """How one check of one provider ended.

    ``message`` is empty where it passed, says what to do where it failed, and why where it was skipped or expected to fail.
    """

    check: str
    outcome: Outcome
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing has to be done: passed, skipped, or failed as expected."""
        return self.outcome in ("passed", "skipped", "expected failure")


def require_ability(provider: object, protocol: type, member: str) -> None:
    """Skip the check unless the provider has an optional ability."""
    if not isinstance(provider, protocol):
        raise CheckSkippedError(f"It has no {member}().")


def require(kept: object, message: str) -> None:
    """Fail the check with ``message`` unless ``kept``."""
    if not kept:
        raise CheckFailedError(message)
