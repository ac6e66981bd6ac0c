"""How benchmarks measure: answers are compared first, peers that are absent are named, ratios are of one round."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="the folder benchmarks/ is not beside the tests")

from benchmarks import contenders, page
from benchmarks.bench import Bench, Disagreement, Settings
from benchmarks.contenders import ContenderError
from benchmarks.results import OURS, Row, Target, load

WORKER = """
import time
from serve import serve, task

@task()
def double(number):
    print("chatter that belongs in no answer")
    return 2 * number

@task(lambda found: [round(found)])
def wait(seconds):
    time.sleep(seconds)
    return 3.2

@task()
def row(n):
    import numpy as np
    return np.arange(n)

@task()
def fail():
    raise ValueError("no such thing")

@task()
def die():
    raise SystemExit("gone")

serve()
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """One whose workers are those written here: ``good``, and ``wrong`` which triples."""
    workers = tmp_path / "workers"
    workers.mkdir()
    serve = (contenders.WORKERS / "serve.py").read_text(encoding="utf-8")
    (workers / "serve.py").write_text(serve, encoding="utf-8")
    (workers / "good.py").write_text(WORKER, encoding="utf-8")
    (workers / "wrong.py").write_text(WORKER.replace("2 * number", "3 * number"), encoding="utf-8")
    monkeypatch.setattr(contenders, "WORKERS", workers)
    made = Bench(Settings(rounds=3), tmp_path)
    yield made
    made.close()


def test_contenders_take_turns_and_what_they_print_is_no_answer(bench: Bench) -> None:
    ours, other = bench.ours("good"), bench.ours("good", label="other")
    row = bench.compare("doubling", "double", [ours, other], {"number": 21})
    assert {label: len(figures) for label, figures in row.figures.items()} == {OURS: 3, "other": 3}
    assert set(row.first) == {OURS, "other"}


def test_only_the_task_is_timed_and_shared_out(bench: Bench) -> None:
    row = bench.compare("waiting", "wait", [bench.ours("good")], {"seconds": 0.02}, times=2, per=4, rounds=1)
    assert 0.005 <= row.figures[OURS][0] < 0.02


def test_arrays_are_compared(bench: Bench) -> None:
    ours, other = bench.ours("good"), bench.ours("good", label="other")
    bench.compare("rows", "row", [ours, other], {"n": 4})
    with pytest.raises(Disagreement, match="rows: decima_core and other disagree"):
        bench.compare("rows", "row", [ours, other], own={OURS: {"n": 4}, "other": {"n": 5}})
    assert not list(bench.folder.glob("*.npy"))


def test_contenders_that_disagree_are_not_timed(bench: Bench) -> None:
    ours, wrong = bench.ours("good"), bench.ours("wrong", label="wrong")
    with pytest.raises(Disagreement, match="42 is not 63"):
        bench.compare("doubling", "double", [ours, wrong], {"number": 21})
    assert not bench.result("genes").tables


def test_a_peer_that_is_not_there_is_named(bench: Bench) -> None:
    assert bench.peer("nobody", "good", ("no-such-package",)) is None
    bench.compare("doubling", "double", [bench.ours("good"), None], {"number": 1})
    assert "nobody: no environment of peers was given" in bench.result("genes").skipped


def test_a_peer_that_fails_is_named_and_ours_is_not_excused(bench: Bench) -> None:
    ours, other = bench.ours("good"), bench.ours("good", label="other")
    row = bench.compare("failing", "double", [ours, other], own={OURS: {"number": 1}}, agree=None)
    assert set(row.figures) == {OURS}
    assert any(remark.startswith("other: failed at “failing”") for remark in bench.result("genes").skipped)
    with pytest.raises(ContenderError, match="ValueError: no such thing"):
        bench.compare("failing", "fail", [ours])
    with pytest.raises(ContenderError, match="other stopped: gone"):
        other.ask("die")


def test_ratios_are_of_one_round() -> None:
    row = Row(what="", figures={OURS: [1.0, 10.0, 3.0], "peer": [2.0, 40.0, 3.0]})
    assert row.ratios("peer") == [0.5, 0.25, 1.0]


@pytest.mark.parametrize(
    ("target", "ratio", "met"),
    [
        (Target(against="p", better=6), 1 / 6, True),
        (Target(against="p", better=6), 0.17, False),
        (Target(against="p", at_most=2.5), 2.5, True),
        (Target(against="p", at_most=2.5), 2.6, False),
    ],
)
def test_targets(target: Target, ratio: float, met: bool) -> None:
    assert target.met(ratio) is met


def test_a_missed_target_is_shown_as_missed(bench: Bench, tmp_path: Path) -> None:
    bench.table("Things")
    targets = [Target(against="peer", better=3), Target(against="floor", at_most=2), Target(against="absent", better=9)]
    bench.row("thing", {OURS: [1e-3, 2e-3, 3e-3], "peer": [2e-3, 4e-3, 6.6e-3], "floor": [1e-3] * 3}, targets=targets)
    bench.row("size", {OURS: [2_000_000], "peer": [1_000_000]}, unit="bytes")
    stored = load(bench.result("genes").save(tmp_path))
    assert stored == bench.result("genes")
    text = page.section(stored)
    assert (
        "| thing | 2 ms | peer | 4 ms | 2.00 × faster (2.00–2.20) | at least 3.00 × faster | **missed** |\n"
        "|  |  | floor | 1 ms | 2.00 × the time (1.00–3.00) | at most 2.00 × the time | met |\n"
        "| size | 2 MB | peer | 1 MB | 2.00 × the size |  |  |\n"
    ) in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.5, "s", "1.5 s"),
        (0.0123, "s", "12.3 ms"),
        (4.2e-5, "s", "42 µs"),
        (120, "s", "120 s"),
        (999, "bytes", "999 B"),
    ],
)
def test_figures(value: float, unit: str, text: str) -> None:
    assert page.figure(value, unit) == text
