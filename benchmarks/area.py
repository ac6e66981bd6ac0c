"""An area of the benchmark, and the command line that all areas share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from benchmarks import page
from benchmarks.bench import Bench, Settings
from benchmarks.results import RESULTS, Result


@attrs.frozen
class Area:
    """Something that is measured: its name, what measures it, and what says why that cannot be done here."""

    name: str
    measure: Callable[[Bench], None]
    missing: Callable[[], str] = str


def run(area: Area, settings: Settings) -> Result:
    """Measure one area."""
    with TemporaryDirectory() as folder:
        bench = Bench(settings, Path(folder))
        try:
            area.measure(bench)
        finally:
            bench.close()
        return bench.result(area.name)


def main(areas: Sequence[Area], arguments: Sequence[str] | None = None) -> None:
    """Measure areas as the command line says, store what was found, and write the page anew."""
    parser = argparse.ArgumentParser(
        description="Measures the project beside its peers. benchmarks/README.md says how to make an environment of peers."
    )
    parser.add_argument(
        "--peers",
        action="append",
        default=[],
        metavar="PYTHON",
        help="interpreter of an environment with peers; may be given several times",
    )
    parser.add_argument("--rounds", type=int, default=7, help="times that each contender is timed (default: 7)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each contender (default: 1)")
    parser.add_argument("--tiny", action="store_true", help="tiny inputs: shows that everything runs, measures nothing")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FOLDER", help="where results go (default: the repository's)"
    )
    given = parser.parse_args(arguments)
    if given.rounds < 1 or given.threads < 1:
        parser.error("--rounds and --threads must be 1 or more")
    if given.tiny and given.results == RESULTS:
        parser.error("--tiny measures nothing worth keeping: say with --results where its results are to go")
    settings = Settings(peers=tuple(given.peers), tiny=given.tiny, rounds=given.rounds, threads=given.threads)
    for area in areas:
        if (why := area.missing()) and not given.tiny:
            print(f"{area.name} is left as it is stored: {why}.", file=sys.stderr)
            continue
        result = run(area, settings)
        result.save(given.results)
        print(page.section(result))
    if given.results == RESULTS:
        page.write()
