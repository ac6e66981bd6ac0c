"""Whether two runs are the same: all that the results depend on, and where it differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decima_core.errors import shorten

# The libraries that compute; Python and the system may differ between the machines of one run.
_MACHINE = ("python", "platform", "decima-core")
# Settings that say where and on what, not what; stages are told by their providers' options, which have the defaults too.
_ELSEWHERE = ("output", "device", "threads", "genes", "split", "source", "model", "method", "peaks", "motifs")


def differences(before: Mapping[str, Any], now: Mapping[str, Any], *, inputs: bool = True) -> list[str]:
    """How one run differs from another, each difference in words; ``before`` and ``now`` are records as ``run.json`` has them.

    Without ``inputs`` their files are not compared.
    """
    found = list(_unequal(_comparable(before), _comparable(now)))
    if before.get("genes") != now.get("genes"):
        found.append(_genes(before.get("genes") or (), now.get("genes") or ()))
    if inputs:
        found += _inputs(before.get("inputs") or (), now.get("inputs") or ())
    return found


def same_or_why(before: Mapping[str, Any], now: Mapping[str, Any], *, inputs: bool = True) -> str:
    """Nothing for the same run; else the differences, three at most, for a message."""
    return "; ".join(_few(differences(before, now, inputs=inputs)))


def _few(found: list[str], limit: int = 3) -> list[str]:
    return found if len(found) <= limit else [*found[:limit], f"and {len(found) - limit} more"]


def _comparable(record: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(record.get("config") or {})
    computed = config.pop("compute", {})
    return {
        **{name: value for name, value in config.items() if name not in _ELSEWHERE},
        **{f"the {stage}": told for stage, told in (record.get("providers") or {}).items()},
        # Low memory changes no number, so a run that ran out of it can go on with it.
        "compute": {"precision": computed.get("precision", "float32"), "compile": computed.get("compile", False)},
        "decima_core": record.get("decima_core"),
        "the device": str(record.get("device") or "none").partition(":")[0],
        "the target": record.get("target"),
        "the version of": {k: v for k, v in (record.get("software") or {}).items() if k not in _MACHINE},
    }


def _unequal(before: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from _unequal(before.get(key), now.get(key), _joined(name, str(key)))
    elif before != now:
        yield f"{name} was {_shown(before)} and is {_shown(now)}"


def _joined(name: str, key: str) -> str:
    if not name:
        return key
    return f"{name} {key}" if name.startswith("the ") else f"{name}.{key}"


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _genes(before: Sequence[str], now: Sequence[str]) -> str:
    gone = [gene for gene in before if gene not in set(now)]
    new = [gene for gene in now if gene not in set(before)]
    parts = [f"without {shorten(gone, 3)}"] * bool(gone) + [f"with {shorten(new, 3)}"] * bool(new)
    return f"the genes are others ({', '.join(parts) or 'in another order'})"


def _inputs(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """Files that changed, compared in their order: they may lie elsewhere on another machine."""
    if len(before) != len(now):
        return [f"there were {len(before)} input files and are {len(now)}"]
    return [
        f"the input '{new.get('path')}' has changed"
        for old, new in zip(before, now, strict=True)
        if "sha256" not in new or old.get("sha256") != new.get("sha256")
    ]
