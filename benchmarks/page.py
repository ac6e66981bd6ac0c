"""``docs/benchmarks.md``, made of the stored results and of nothing else: ``python -m benchmarks.page`` writes it anew."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import scaling
from benchmarks.areas import ABOUT
from benchmarks.results import OURS, RESULTS, Result, Row, Target, load

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
INTRODUCTION = """\
# Benchmarks

How fast decima_core is beside the packages that do the same. Every figure is measured by the commands in
[`benchmarks/`](../benchmarks/README.md) and this page is made of what they stored; nothing is written by hand.

In each row all contenders do the same task on the same input in one run, each in a process of its own. Their answers are compared
before anything is timed. Then they take turns, round by round. A figure is the median of the rounds; *ours* compares the two
figures of each round and gives the median ratio, with the least and the greatest in brackets. Seconds differ from machine to
machine, ratios much less. A target that is missed is shown as missed.
"""


def render(results: Sequence[Result]) -> str:
    """The page."""
    by_area = {result.area: result for result in results}
    found = [by_area[name] for name in ABOUT if name in by_area]
    return "\n".join([INTRODUCTION, *(section(result) for result in found)])


def section(result: Result) -> str:
    """The part of the page on one area."""
    title, about = ABOUT[result.area]
    lines = [f"## {title}", "", about, ""]
    for table in result.tables:
        if table.title:
            lines += [f"### {table.title}", ""]
        lines += ["| | ours | beside | theirs | ours is | target | |", "|---|---|---|---|---|---|---|"]
        lines += [cells for row in table.rows for cells in _lines(row)]
        lines.append("")
    lines += [f"{line}  " for line in _how(result)]
    return "\n".join(lines).rstrip() + "\n"


def _lines(row: Row) -> Iterator[str]:
    ours = OURS if OURS in row.figures else next(iter(row.figures))
    what = row.what + (f" ({row.note})" if row.note else "")
    mine = figure(row.median(ours), row.unit)
    others = [label for label in row.figures if label != ours]
    if not others:
        yield f"| {what} | {mine} | | | | | |"
    for label in others:
        ratios = row.ratios(label, ours)
        target = next((t for t in row.targets if t.against == label), None)
        middle = statistics.median(ratios)
        verdict = "" if target is None else "met" if target.met(middle) else "**missed**"
        yield (
            f"| {what} | {mine} | {label} | {figure(row.median(label), row.unit)} | {_ratio(ratios, row.unit)} "
            f"| {_aim(target, row.unit)} | {verdict} |"
        )
        what = mine = ""


def _ratio(ratios: Sequence[float], unit: str) -> str:
    """The median of ours over theirs, with the range, said so that it is a number above 1 where that is good."""
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    if middle >= 1:
        spread = f" ({times(low)}–{times(high)})" if low != high else ""
        return f"{times(middle)} × {_noun(unit)}{spread}"
    spread = f" ({times(1 / high)}–{times(1 / low)})" if low != high else ""
    return f"{times(1 / middle)} × {_better(unit)}{spread}"


def _aim(target: Target | None, unit: str) -> str:
    if target is None:
        return ""
    if target.better is not None:
        return f"at least {times(target.better)} × {_better(unit)}"
    assert target.at_most is not None
    return f"at most {times(target.at_most)} × {_noun(unit)}"


def _noun(unit: str) -> str:
    return "the time" if unit == "s" else "the size"


def _better(unit: str) -> str:
    return "faster" if unit == "s" else "smaller"


def times(number: float) -> str:
    """A ratio, to two or three digits."""
    return f"{number:,.0f}" if number >= 99.5 else f"{number:.1f}" if number >= 9.95 else f"{number:.2f}"


def figure(value: float, unit: str) -> str:
    """A figure with its unit, to three digits."""
    if unit == "MiB":
        return f"{value:,.0f} MiB"
    if unit == "bytes":
        scales = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))
    elif unit == "s":
        scales = ((1, "s"), (1e-3, "ms"), (0, "µs"))
    else:
        raise ValueError(f"There is no unit {unit!r}.")
    scale, name = next((scale, name) for scale, name in scales if value >= scale)
    number = value / (scale or 1e-6)
    return f"{number:,.0f} {name}" if number >= 99.5 else f"{number:.3g} {name}"


def _how(result: Result) -> Iterator[str]:
    machine = result.machine
    yield (
        f"Measured on {result.measured}: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}, load {machine['load']} at the start."
    )
    yield "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in result.settings.items()) + "."
    for label, found in result.contenders.items():
        yield f"{label}: " + ", ".join(f"{name} {version}" for name, version in found.items() if version) + "."
    for remark in result.skipped:
        yield f"Not measured: {remark}."


def stored(folder: Path = RESULTS) -> list[Result]:
    """Every stored result."""
    return [load(path) for path in sorted(folder.glob("*.json"))]


def write() -> None:
    """Write the page anew, and the reckoning that takes figures from the same results."""
    scaling.write()
    PAGE.write_text(render(stored()), encoding="utf-8")


if __name__ == "__main__":
    write()
