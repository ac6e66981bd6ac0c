"""Reckons what a large job takes: hours, bytes and the bottleneck on some numbers of GPUs, out of named numbers.

    python -m benchmarks.scaling                                  # the job of docs/scaling.md
    python -m benchmarks.scaling --set faster=2.8 --set contrasts=10 --gpus 4,16
    python -m benchmarks.scaling --write                          # write docs/scaling.md anew

Some numbers are measured by the benchmarks and read from ``benchmarks/results``; others are assumed, as the
table says. Every one may be set.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import attrs

from benchmarks.results import OURS, RESULTS, load

PAGE = Path(__file__).parent.parent / "docs" / "scaling.md"
BEGIN, END = "<!-- begin: python -m benchmarks.scaling --write -->", "<!-- end -->"


@attrs.frozen
class Number:
    """A number with its unit, and where it is from."""

    value: float
    unit: str
    source: str


@attrs.frozen
class Reckoned:
    """The job on some GPUs: hours of each resource, and the hours of the job, which are those of the scarcest."""

    gpus: int
    hours: Mapping[str, float]

    @property
    def bottleneck(self) -> str:
        return max(self.hours, key=lambda name: self.hours[name])

    @property
    def total(self) -> float:
        return max(self.hours.values())


TARGETS = 8
TOGETHER = f"{TARGETS} targets"


def _measured(area: str, row: str) -> float:
    """The median of ours in a stored result."""
    for table in load(RESULTS / f"{area}.json").tables:
        for found in table.rows:
            if found.what == row:
                return found.median(OURS)
    raise LookupError(
        f"benchmarks/results/{area}.json has no row {row!r}; measure it with python -m benchmarks.{area}."
    )


def defaults() -> dict[str, Number]:
    """The numbers of the page."""
    here = "measured ([benchmarks](benchmarks.md))"
    return {
        "genes": Number(18_457, "genes", "the job"),
        "replicates": Number(4, "networks", "the job"),
        "contrasts": Number(100, "targets", "the job"),
        "gradient": Number(
            _measured("gpu", TOGETHER) / TARGETS,
            "s a gene, network and contrast",
            f"{here}: one H100, float32, {TARGETS} targets that share a forward pass",
        ),
        "faster": Number(1, "times", "float32; another precision is faster, and differs ([benchmarks](benchmarks.md))"),
        "cores": Number(8, "cores per GPU", "assumed"),
        "peaks": Number(_measured("pipeline", "peaks"), "s a gene and contrast", here),
        "motifs": Number(_measured("pipeline", "motifs"), "s a gene and contrast", here),
        "writing": Number(_measured("writing", "layout `float16`"), "s a gene and contrast", f"{here}, layout float16"),
        "size": Number(
            _measured("writing", "layout `float16`, size"), "bytes a gene and contrast", f"{here}, layout float16"
        ),
        "disk": Number(500e6, "bytes/s", "assumed: all GPUs write to one shared disk"),
    }


def reckon(numbers: Mapping[str, Number], gpus: int) -> Reckoned:
    """The hours of each resource, if all go on at once and genes are shared out evenly.

    Each gene and contrast is stored once, as the mean over the replicates.
    """
    n = {name: number.value for name, number in numbers.items()}
    stored = n["genes"] * n["contrasts"]
    seconds = {
        "GPU": stored * n["replicates"] * n["gradient"] / n["faster"] / gpus,
        "CPU": stored * (n["peaks"] + n["motifs"] + n["writing"]) / (n["cores"] * gpus),
        "disk": stored * n["size"] / n["disk"],
    }
    return Reckoned(gpus, {name: figure / 3600 for name, figure in seconds.items()})


def report(numbers: Mapping[str, Number], gpus: Sequence[int]) -> str:
    """The numbers, and what comes of them, as tables."""
    n = {name: number.value for name, number in numbers.items()}
    lines = ["| number | value | unit | where from |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {_figure(x.value)} | {x.unit} | {x.source} |" for name, x in numbers.items()]
    stored = n["genes"] * n["contrasts"]
    lines += [
        "",
        f"So {stored * n['replicates']:,.0f} gradients of {n['gradient'] / n['faster']:.3f} s each, and {stored:,.0f} attributions of "
        f"{n['size'] / 1e6:.2f} MB: {stored * n['size'] / 1e12:.2f} TB.",
        "",
        "| GPUs | GPU hours each | CPU hours each | disk hours | the job, hours | bottleneck |",
        "|---|---|---|---|---|---|",
    ]
    for found in (reckon(numbers, count) for count in gpus):
        hours = " | ".join(_figure(found.hours[name]) for name in ("GPU", "CPU", "disk"))
        lines.append(f"| {found.gpus} | {hours} | {_figure(found.total)} | {found.bottleneck} |")
    return "\n".join(lines) + "\n"


def _figure(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:,.3g} million"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def page(text: str) -> str:
    """The text of the page with what is reckoned between its marks written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{report(defaults(), (1, 8, 64))}{END}{after}"


def write() -> None:
    """Write the page anew."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _changed(numbers: Mapping[str, Number], pairs: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, Number]:
    """The numbers with those that were set; a mistake ends the program in one sentence."""

    def refuse(reason: str) -> NoReturn:
        parser.error(reason)

    changed = dict(numbers)
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in changed:
            refuse(f"there is no number '{name}'; there are {', '.join(changed)}")
        try:
            value = float(text)
        except ValueError:
            refuse(f"'{text}' is no number for '{name}'")
        if not 0 < value < float("inf"):
            refuse(f"{name} must be above 0, not {text}")
        changed[name] = Number(value, changed[name].unit, "given")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="use another number")
    parser.add_argument("--gpus", default="1,8,64", help="numbers of GPUs, separated by commas (default: 1,8,64)")
    parser.add_argument("--write", action="store_true", help="write docs/scaling.md anew, with the numbers it names")
    given = parser.parse_args()
    counts = [int(part) if part.isdigit() else 0 for part in given.gpus.split(",")]
    if min(counts) < 1:
        parser.error(f"--gpus takes whole numbers of 1 or more, not '{given.gpus}'")
    if given.write:
        if given.set:
            parser.error("--write takes the page's own numbers; leave --set out")
        write()
        return
    print(report(_changed(defaults(), given.set, parser), counts), end="")


if __name__ == "__main__":
    main()
