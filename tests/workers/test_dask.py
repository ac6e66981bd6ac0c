"""The executor on Dask, with real clusters of several processes: of our own, and one whose scheduler runs already."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from process_watch import HERE, descendants, gone, started
from toy_work import MakeLarge, MakeToy, begun

from decima_core.errors import DataError, WorkerError
from decima_core.workers.protocol import Lost

pytest.importorskip("distributed", reason="distributed is not installed; the extra dask has it")

from decima_core.workers import dask
from decima_core.workers.dask import DaskWorkers

pytestmark = pytest.mark.slow


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


def run(make, names, address="local", count=2, **more):
    with DaskWorkers(make, address, count, **more) as executor:
        return dict(executor.results(names)), executor.facts()


# --- a cluster of our own ---------------------------------------------------------------------------------------------


def test_every_name_is_done_once(diary):
    names = [f"G{i}" for i in range(30)]
    found, facts = run(MakeToy(diary), names, count=3, threads=1)
    assert {name: answer for name, (answer, _) in found.items()} == {n: n.lower() for n in names}
    assert 1 < len({pid for _, pid in found.values()}) <= 3
    assert facts == {"executor": "dask", "scheduler": "local", "count": 3, "threads": 1, "retried": 0}
    assert sorted(n for n in begun(diary) if n != "closed") == sorted(names)
    assert not descendants_at_work()


def test_a_cluster_whose_workers_do_not_come_back_begins_anew(diary, caplog, monkeypatch):
    monkeypatch.setattr(dask, "BARREN", 2.0)
    names = [f"G{i}" for i in range(12)]
    with DaskWorkers(MakeToy(diary, seconds=0.1), "local", 2, threads=1) as executor:
        found = {}
        for name, value in executor.results(names):
            found[name] = value
            if len(found) == 3:
                executor._cluster.scale(0)
    assert {n: v[0] for n, v in found.items()} == {n: n.lower() for n in names}
    assert caplog.text.count("another cluster begins") == 1


def test_a_killed_worker_and_a_poisonous_name(diary, caplog):
    names = [*"ABC", "poison-1", "once-1", *"DEFGH"]
    killed = None
    with DaskWorkers(MakeToy(diary, seconds=0.1), "local", 2) as executor:
        found = {}
        for name, value in executor.results(names):
            found[name] = value
            if killed is None:
                killed = value[1]
                os.kill(killed, signal.SIGKILL)
        facts = executor.facts()
    sys.stdout.write(f"\nkilled process {killed} after its first result\n{caplog.text}{facts}\n")
    lost = found.pop("poison-1")
    assert isinstance(lost, Lost)
    assert re.match("[3-9] Dask workers were lost while they worked on it; memory ran out, most likely", lost.reason)
    assert {n: v[0] for n, v in found.items()} == {n: n.lower() for n in names if n != "poison-1"}
    # Word that a name was begun may be lost with its worker, if that dies at once; so it may be begun more often than it is blamed.
    assert 3 <= begun(diary).count("poison-1") <= 9
    assert begun(diary).count("once-1") >= 2
    assert facts["retried"] >= 3
    assert "A Dask worker was lost before the result of 'once-1' had come; it is tried again" in caplog.text


def test_a_work_that_cannot_be_made_says_where_and_why(diary):
    with pytest.raises(
        WorkerError, match=r"The Dask worker at tcp://.* cannot do .*: There is no file 'genes.h5' here\."
    ):
        run(MakeToy(diary, how="refuse"), ["A", "B"])


def test_errors_and_warnings_come_back(diary, caplog):
    with pytest.raises(DataError, match="'refuse-1' is damaged"):
        run(MakeToy(diary, how="warn"), ["A", "warn-1", "refuse-1"], count=1)
    told = [r.getMessage() for r in caplog.records if r.name == "toy"]
    assert told == ["The work is odd.", "warn-1 is odd"]


def test_large_results_come_whole():
    found, _ = run(MakeLarge(20_000_000), ["ab", "cd", "ef"])
    assert found["cd"] == b"cd" * 10_000_000


def descendants_at_work() -> list[psutil.Process]:
    return [p for p in descendants(os.getpid()) if "spawn_main" in " ".join(p.cmdline())]


def test_an_early_end_leaves_nobody(diary):
    with DaskWorkers(MakeToy(diary), "local", 2) as executor:
        assert next(executor.results(["A", "long-1", "long-2"]))[0] == "A"
        workers = descendants_at_work()
        assert len(workers) == 2
    assert gone(workers, 5)


LOCAL = ("from decima_core.workers.dask import DaskWorkers", "DaskWorkers(MakeToy(Path(sys.argv[1])), 'local', 2)")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_every_process(tmp_path):
    main, others = started(tmp_path, *LOCAL)
    assert len(others) >= 2
    os.killpg(main.pid, signal.SIGINT)
    _, err = main.communicate(timeout=30)
    assert gone(others, 5)
    assert err.count("Traceback") == 1, err
    assert "KeyboardInterrupt" in err.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_workers_end_when_the_main_process_is_killed(tmp_path):
    main, others = started(tmp_path, *LOCAL)
    main.kill()
    main.communicate()
    assert gone(others, 15)


# --- a scheduler that runs already ------------------------------------------------------------------------------------


class Cluster:
    """``dask scheduler`` and ``dask worker`` as their own commands, as a cluster runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--port", "0", "--no-dashboard", "--no-show")
        deadline = time.monotonic() + 30
        while not self.file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def start(self, what: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, "--scheduler-file", str(self.file), *arguments]
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(HERE), **environment},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def worker(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return self.start("worker", "--nthreads", "2", "--no-dashboard", *arguments, **environment)

    def close(self) -> None:
        every = [*self.started, *(p for s in self.started if s.poll() is None for p in descendants(s.pid))]
        for process in every:
            process.kill()
        for process in self.started:
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "cluster").mkdir()
    made = Cluster(tmp_path / "cluster")
    yield made
    made.close()


def test_workers_elsewhere_see_the_folder_of_the_run_and_may_join_late(cluster, diary, monkeypatch):
    monkeypatch.chdir(diary.parent)
    cluster.worker("--nworkers", "1", "--name", "first")
    names = [f"G{i}" for i in range(40)]
    with DaskWorkers(MakeToy(Path("diary"), seconds=0.2), str(cluster.file), threads=1) as executor:
        found = {}
        for name, value in executor.results(names):
            if not found:
                cluster.worker("--nworkers", "1", "--name", "second")
            found[name] = value
        facts = executor.facts()
    assert sorted(found) == sorted(names)
    assert len({pid for _, pid in found.values()}) == 2
    assert facts["executor"] == "dask"
    assert (facts["count"], facts["threads"], facts["retried"]) == (2, 1, 0)
    lines = begun(diary)
    assert sorted(n for n in lines if n != "closed") == sorted(names), "relative to where the run was started"
    deadline = time.monotonic() + 10
    while begun(diary).count("closed") < 2:
        assert time.monotonic() < deadline, "the workers live on, and the work is closed on them"
        time.sleep(0.05)


def test_one_cluster_does_several_runs(cluster, diary):
    cluster.worker("--nworkers", "2")
    for _ in range(2):
        found, _ = run(MakeToy(diary), ["A", "B", "C"], address=str(cluster.file))
        assert sorted(v[0] for v in found.values()) == ["a", "b", "c"]


def test_a_lost_scheduler_is_one_sentence_that_says_how_to_go_on(cluster, diary):
    cluster.worker("--nworkers", "2")

    def kill_after_the_first() -> None:
        with DaskWorkers(MakeToy(diary, seconds=0.1), str(cluster.file)) as executor:
            for _ in executor.results([f"G{i}" for i in range(1000)]):
                cluster.scheduler.kill()

    with pytest.raises(WorkerError, match=r"The connection to the Dask scheduler at .* was lost .*; start it again"):
        kill_after_the_first()


def test_workers_with_other_software_are_refused(cluster, diary, tmp_path):
    (tmp_path / "other").mkdir()
    other = "import importlib.metadata, decima_core\ndecima_core.__version__ = '0.0.1'\n"
    (tmp_path / "other" / "sitecustomize.py").write_text(other)
    cluster.worker("--nworkers", "1", PYTHONPATH=f"{tmp_path / 'other'}:{HERE}")
    with pytest.raises(WorkerError, match=r"It has decima-core 0\.0\.1 instead of .*; one run needs the same software"):
        run(MakeToy(diary), ["A"], address=str(cluster.file))


def test_workers_without_what_the_run_needs_are_refused(cluster, diary):
    cluster.worker("--nworkers", "1", PYTHONPATH="")
    with pytest.raises(WorkerError, match=r"install the same plugins: ModuleNotFoundError: No module named 'toy_work'"):
        run(MakeToy(diary), ["A"], address=str(cluster.file))


def test_workers_without_decima_core_are_refused(cluster, diary, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text("import sys\nsys.modules['decima_core'] = None\n")
    cluster.worker("--nworkers", "1", PYTHONPATH=f"{tmp_path / 'bare'}:{HERE}")
    deadline = time.monotonic() + 60
    with pytest.raises(WorkerError, match="The Dask workers cannot load decima_core"):
        run(MakeToy(diary), ["A"], address=str(cluster.file))
    assert time.monotonic() < deadline
    assert cluster.started[-1].poll() is None, "and live on"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "No Dask scheduler answers at 'tcp://127.0.0.1:9'"),
        ("nowhere.json", "There is no Dask scheduler file 'nowhere.json'"),
        ("what", "No Dask scheduler answers at 'what'"),
    ],
)
def test_an_address_where_no_scheduler_answers(diary, address, message):
    with pytest.raises(WorkerError, match=message):
        run(MakeToy(diary), ["A"], address=address)
