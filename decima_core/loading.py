"""Whether an entry point is loaded, and what it does meanwhile: rivals for its name, the core it needs, its manners."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import sys
import time
from collections.abc import Iterator, Sequence

import decima_core
from decima_core.heavy import HEAVY
from decima_core.registered import CORE, Failure, Owner, Remark

SLOW = 1.0  # seconds


def settle(name: str, claims: Sequence[tuple[Owner, str]]) -> tuple[int | None, list[Failure]]:
    """Which of the claims (owner, module) to a plugin name is loaded, if any, and a failure for each that is refused.

    The bundled plugin keeps its name. Between strangers neither gets it: the order of installation must not choose.
    """
    if len({(owner.distribution, value) for owner, value in claims}) == 1:
        return 0, []
    bundled = [i for i, (owner, _) in enumerate(claims) if owner.distribution == CORE]
    refused = [owner for i, (owner, _) in enumerate(claims) if len(bundled) != 1 or i != bundled[0]]
    if len(bundled) == 1:
        reason, remedy = (
            f"the plugin name '{name}' is that of a bundled plugin",
            "ask its author to rename the entry point",
        )
        return bundled[0], [Failure(owner, reason, remedy) for owner in refused]
    rivals = " and ".join(f"{o.distribution} {o.version}" for o in refused)
    reason = f"the plugin name '{name}' is claimed by {rivals}; neither is loaded"
    remedy = "uninstall one of them, or ask its author to rename the entry point"
    return None, [Failure(owner, reason, remedy) for owner in refused]


def metadata_of(entry_point: importlib.metadata.EntryPoint) -> importlib.metadata.PackageMetadata | None:
    """The metadata of the distribution that an entry point comes from; None where there are none.

    A folder left behind by a broken uninstallation may have entry points but no metadata. The package importlib_metadata, which
    puts itself before the standard library's where it is installed, raises then.
    """
    try:
        return entry_point.dist.metadata if entry_point.dist is not None else None
    except FileNotFoundError:
        return None


def unmet_requirement(entry_point: importlib.metadata.EntryPoint, owner: Owner) -> Failure | None:
    """A failure if the plugin's distribution requires another version of decima-core than this one.

    It is found out before the plugin is imported, which might fail in less clear words.
    """
    if owner.distribution == CORE or entry_point.dist is None or metadata_of(entry_point) is None:
        return None
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for text in entry_point.dist.requires or ():
        try:
            required = Requirement(text)
        except InvalidRequirement:  # pip would have refused it; whatever it asks for, it is not this package
            continue
        if canonicalize_name(required.name) != CORE or (
            required.marker and not required.marker.evaluate({"extra": ""})
        ):
            continue
        if not required.specifier.contains(decima_core.__version__, prereleases=True):
            return Failure(
                owner,
                f"it needs {CORE} {required.specifier}, and this is {decima_core.__version__}",
                f"pip install '{CORE}{required.specifier}', or another version of {owner.distribution}",
            )
    return None


@contextlib.contextmanager
def watched(owner: Owner) -> Iterator[list[Remark]]:
    """What a plugin prints is kept from standard output; what it prints, loads and how long it takes become remarks."""
    remarks: list[Remark] = []
    printed, before, started = io.StringIO(), set(sys.modules), time.perf_counter()
    with contextlib.redirect_stdout(printed):
        yield remarks
    seconds = time.perf_counter() - started
    if owner.distribution == CORE:
        return
    heavy = sorted(set(HEAVY) & (set(sys.modules) - before))
    if heavy or seconds > SLOW:
        what = f"loads {', '.join(heavy)}" if heavy else f"takes {seconds:.1f} s"
        reason = f"it {what} when it is announced, so every command waits for it"
        remedy = f"ask the authors of {owner.distribution} to import inside create"
        remarks.append(Remark(owner, reason, remedy))
    if printed.getvalue().strip():
        first = printed.getvalue().strip().splitlines()[0][:80]
        remarks.append(
            Remark(
                owner, f"it prints when it is imported: {first!r}", f"report it to the authors of {owner.distribution}"
            )
        )
