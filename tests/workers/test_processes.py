"""Worker processes: every name is done once, whatever dies; nothing is left behind, however it ends."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from process_watch import descendants, gone, started
from toy_work import MakeLarge, MakeToy, begun

from decima_core.errors import ConfigError, DataError, WorkerError
from decima_core.workers.processes import Processes
from decima_core.workers.protocol import Lost


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


def run(make, names, count=2, **more):
    with Processes(make, count, threads=1, **more) as executor:
        return dict(executor.results(names)), executor.facts()


@pytest.mark.parametrize("count", [1, 3])
def test_every_name_is_done_once(diary, count):
    names = [f"G{i}" for i in range(20)]
    found, facts = run(MakeToy(diary), names, count)
    assert {name: answer for name, (answer, _) in found.items()} == {n: n.lower() for n in names}
    pids = {pid for _, pid in found.values()}
    assert os.getpid() not in pids
    assert len(pids) <= count
    assert facts == {"executor": "processes", "count": count, "threads": 1, "retried": 0}
    lines = begun(diary)
    assert sorted(n for n in lines if n != "closed") == sorted(names)
    assert lines.count("closed") >= 1


def test_there_are_no_more_processes_than_names(diary):
    before = set(psutil.Process().children())
    with Processes(MakeToy(diary), 8, threads=1) as executor:
        rounds = executor.results(["A", "B"])
        next(rounds)
        # Two, and the resource tracker of multiprocessing.
        assert len(set(psutil.Process().children()) - before) <= 3
        list(rounds)


def test_no_names_need_no_process(diary):
    assert run(MakeToy(diary), [])[0] == {}
    assert not diary.exists()


def test_names_are_taken_as_workers_get_free(diary):
    taken = []

    def names() -> Iterator[str]:
        for i in range(100):
            taken.append(i)
            yield f"G{i}"

    with Processes(MakeToy(diary), 2, threads=1) as executor:
        for n, _ in enumerate(executor.results(names()), start=1):
            # Two under way, two promised, one ahead, and one done and not yet handed out.
            assert len(taken) <= n + 6
    assert len(taken) == 100


def told(diary: Path) -> dict[str, list[tuple[str, str]]]:
    """The names that each process began, and the names that it was told come next."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in diary.read_text().splitlines():
        if not line.startswith("closed"):
            name, pid, following = line.split()
            found.setdefault(pid, []).append((name, following))
    return found


def test_a_worker_is_told_which_name_comes_next(diary):
    run(MakeToy(diary), ["A", "B", "C", "D"], 1)
    (pairs,) = told(diary).values()
    assert pairs == [("A", "B"), ("B", "C"), ("C", "D"), ("D", "None")]


def test_every_worker_gets_the_names_that_it_was_told_until_few_are_left(diary):
    names = [f"G{i}" for i in range(40)]
    run(MakeToy(diary, seconds=0.01), names, 3)
    by_process = told(diary)
    assert sorted(name for pairs in by_process.values() for name, _ in pairs) == sorted(names)
    others = [
        after
        for pairs in by_process.values()
        for (_, following), (after, _) in itertools.pairwise(pairs)
        if following != after
    ]
    assert len(others) <= 3, "those that were promised when no other was left, and that somebody else was free for"


def test_nobody_waits_for_a_name_that_another_was_promised(diary):
    """The one that gets 'long' first is promised 'B'; the other does it."""
    with Processes(MakeToy(diary), 2, threads=1) as executor:
        found = executor.results(["long-1", "B"])
        assert next(found)[0] == "B"


def test_a_name_that_cannot_be_read_ahead_is_blamed_itself(diary):
    found, facts = run(MakeToy(diary), ["A", "unreadable", *"BCDE"], 1)
    lost = found.pop("unreadable")
    assert isinstance(lost, Lost)
    assert {answer for answer, _ in found.values()} == set("abcde")
    assert facts["retried"] == 3
    assert begun(diary).count("A") == 2


# --- workers that die -------------------------------------------------------------------------------------------------


def test_a_name_whose_worker_died_is_tried_again(diary, caplog):
    names = ["A", "once-1", "B", "once-2", "C"]
    found, facts = run(MakeToy(diary), names)
    assert {name: answer for name, (answer, _) in found.items()} == {n: n.lower() for n in names}
    assert facts["retried"] == 2
    assert begun(diary).count("once-1") == begun(diary).count("once-2") == 2
    assert begun(diary).count("A") == 1
    assert "at 'once-1', was killed (signal 9); it is tried again" in caplog.text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "poison-1",
            "was killed (signal 9) 3 times, the last time with no other beside it; memory ran out, most likely.",
        ),
        (
            "segfault",
            "was killed (signal 11) 3 times, the last time with no other beside it; compiled code crashes on it",
        ),
        (
            "leave",
            "ended by itself (exit status 3) 3 times, the last time with no other beside it; something calls exit.",
        ),
    ],
)
def test_a_name_that_kills_its_worker_three_times_is_lost_and_the_others_go_on(diary, name, reason):
    found, facts = run(MakeToy(diary), ["A", name, *"BCDE"])
    lost = found.pop(name)
    assert isinstance(lost, Lost)
    assert f"Its worker process {reason}" in lost.reason
    assert {answer for answer, _ in found.values()} == set("abcde")
    assert begun(diary).count(name) == 3
    assert all(begun(diary).count(other) == 1 for other in "ABCDE"), "those beside it are not disturbed"
    assert facts["retried"] == 2


def test_the_last_try_is_made_alone(diary):
    found, _ = run(MakeToy(diary, seconds=0.05), ["poison-1", "poison-2", *"ABCDEF"], 3)
    assert {n for n, v in found.items() if isinstance(v, Lost)} == {"poison-1", "poison-2"}
    assert {n for n in begun(diary)[-2:] if n != "closed"} == {"poison-1", "poison-2"}


def test_a_killed_worker_is_replaced(diary):
    pids: list[int] = []
    deadline = time.monotonic() + 60

    def names() -> Iterator[str]:
        for i in itertools.count():
            if len(set(pids)) == 3 or time.monotonic() > deadline:
                return
            yield f"G{i}"

    with Processes(MakeToy(diary, seconds=0.02), 2, threads=1) as executor:
        found = []
        for name, (answer, pid) in executor.results(names()):
            assert answer == name.lower()
            found.append(name)
            pids.append(pid)
            if len(set(pids)) == 2 and pids.count(pid) == 1:
                os.kill(pid, signal.SIGKILL)
    assert len(set(pids)) == 3
    assert sorted(found) == sorted(f"G{i}" for i in range(len(found)))


# --- what cannot be done ----------------------------------------------------------------------------------------------


def test_a_work_that_cannot_be_made_says_why(diary):
    with pytest.raises(WorkerError, match=r"cannot do the work of this run: There is no file 'genes.h5' here\.$"):
        run(MakeToy(diary, how="refuse"), ["A", "B"])


def test_workers_that_die_as_they_begin_end_the_run(diary):
    with pytest.raises(WorkerError, match=r"memory does not suffice for 2 copies of the model\. Use fewer workers"):
        run(MakeToy(diary, how="die"), ["A", "B", "C"])


def test_a_worker_that_ends_as_it_begins_is_told_at_once(diary):
    with pytest.raises(WorkerError, match=r"ended by itself \(exit status 1\) before it could begin"):
        run(MakeToy(diary, how="exit"), ["A", "B", "C"])


def test_a_work_that_cannot_be_sent_is_refused_with_its_reason():
    with pytest.raises(ConfigError, match=r"cannot be pickled \(.*lambda.*\); give a file or a name"):
        Processes(lambda: None, 2)


def test_errors_come_back_as_they_were_raised(diary):
    with pytest.raises(DataError, match="'refuse-1' is damaged"):
        run(MakeToy(diary), ["A", "refuse-1"])
    with pytest.raises(ZeroDivisionError, match="a bug in the work") as caught:
        run(MakeToy(diary), ["A", "bug"])
    assert "toy_work.py" in caught.value.__notes__[0]


def test_warnings_come_back(diary, caplog):
    run(MakeToy(diary, how="warn"), ["A", "warn-1", "B", "warn-2"])
    told = [(r.name, r.levelno, r.getMessage()) for r in caplog.records]
    assert ("toy", logging.WARNING, "warn-1 is odd") in told
    assert ("toy", logging.WARNING, "warn-2 is odd") in told
    assert told.count(("toy", logging.WARNING, "The work is odd.")) == 1, "what each says as it begins is told once"


def test_large_results_come_whole():
    found, _ = run(MakeLarge(30_000_000), ["ab", "cd", "ef"])
    assert {n: len(v) for n, v in found.items()} == dict.fromkeys(("ab", "cd", "ef"), 30_000_000)
    assert found["cd"][-4:] == b"cdcd"


# --- how it ends ------------------------------------------------------------------------------------------------------


def test_an_early_end_leaves_nobody(diary):
    before = descendants(os.getpid())
    with Processes(MakeToy(diary), 2, threads=1) as executor:
        for name, _ in executor.results(["A", "long-1", "long-2"]):
            assert name == "A"
            workers = [p for p in descendants(os.getpid()) if p not in before and "spawn_main" in " ".join(p.cmdline())]
            assert len(workers) == 2
            break
    assert gone(workers, 1)


PROCESSES = (
    "from decima_core.workers.processes import Processes",
    "Processes(MakeToy(Path(sys.argv[1])), 2, threads=1)",
)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("to", ["group", "main"])
def test_ctrl_c_ends_every_process(tmp_path, to):
    main, others = started(tmp_path, *PROCESSES)
    assert len(others) >= 2
    (os.killpg if to == "group" else os.kill)(main.pid, signal.SIGINT)
    _, err = main.communicate(timeout=20)
    assert gone(others, 5)
    assert err.count("Traceback") == 1, "the main process alone was interrupted"
    assert "KeyboardInterrupt" in err.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_workers_end_when_the_main_process_is_killed(tmp_path):
    main, others = started(tmp_path, *PROCESSES)
    main.kill()
    main.communicate()
    assert gone(others, 10)
