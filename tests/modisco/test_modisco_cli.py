"""``decima-core modisco`` as people call it, up to where TF-MoDISco itself is needed."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from planted_motifs import Command

from decima_core import ModiscoInputOptions, PluginError, run_modisco, write_modisco_inputs
from decima_core.cli import main
from decima_core.modisco import discover

INSTALLED = importlib.util.find_spec("modiscolite") is not None


def test_it_writes_the_inputs_and_says_what_to_run(small: Path, tmp_path: Path, decima: Command) -> None:
    done = decima(tmp_path, "modisco", small / "results", "--width", "200", "--max-seqlets", "500", "-o", "found")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first, second, third = done.stdout.splitlines()
    assert "windows of 200 bases from 4 genes, hypothetical scores, mean over the bases subtracted -> found" in first
    assert ("pip install" in second) is not INSTALLED
    words = shlex.split(second.partition("with: ")[2])
    assert words == shlex.split(
        "modisco motifs -s found/one_hot.npz -a found/hypothetical.npz -n 500 -l 2 -w 200 -o found/modisco.h5"
    )
    assert third == "and then: decima-core modisco --patterns found/modisco.h5 --output found/patterns.meme"
    assert np.load(tmp_path / "found" / "one_hot.npz")["arr_0"].shape[1:] == (4, 200)


def test_projected_scores_come_with_a_warning(small: Path, tmp_path: Path, decima: Command) -> None:
    done = decima(tmp_path, "modisco", small / "plain", "--scores", "projected", "-o", "found", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("decima-core: warning: These scores count for the base that is there alone.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["results"], "No output was given; name it, for example with --output found."),
        ([], "Give the folder of a run, or --patterns"),
        (["results", "--patterns", "m.h5", "-o", "x"], "and not both"),
        (["absent", "-o", "found"], "There are no attributions 'absent'"),
        (["plain", "-o", "found"], "run again with -O method.hypothetical=true"),
        (["results", "-o", "found", "--width", "301"], "Option 'width' of modisco must be even, not 301"),
        (["results", "-o", "found", "--width", "50"], "Option 'width' of modisco must be at least 100"),
        (["results", "-o", "found", "--windows", "peak"], "did you mean peaks?"),
        (["results", "-o", "found", "--max-seqlets", "many"], "must be a whole number, not 'many'"),
        (["results", "-o", "results", "--overwrite"], "is the run's own folder"),
        (["--patterns", "absent.h5", "-o", "x.meme"], "'absent.h5' cannot be read"),
        (["--patterns", "absent.h5", "-o", "results"], "is a folder; name the MEME file to write"),
        (["--patterns", "absent.h5", "-o", "genes.h5"], "The file 'genes.h5' exists"),
        (["--patterns", "genes.h5", "-o", "genes.h5", "--overwrite"], "is the file that is read"),
        (["--patterns", "absent.h5", "--width", "200", "-o", "x"], "--width is for a run"),
        (["--patterns", "absent.h5", "--run", "-o", "x"], "--run is for a run"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    small: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(small)
    before = sorted(small.rglob("*"))
    with pytest.raises(SystemExit) as stop:
        main(["modisco", *arguments])
    assert stop.value.code == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("decima-core: error: ")
    assert message in line
    assert sorted(small.rglob("*")) == before


def test_without_tf_modisco_nothing_is_begun(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(discover, "is_installed", lambda: False)
    with pytest.raises(SystemExit):
        main(["modisco", str(small / "results"), "-o", str(tmp_path / "found"), "--run"])
    assert 'not installed; install it with pip install "decima-core[modisco]"' in capfd.readouterr().err
    assert not (tmp_path / "found").exists()
    inputs = write_modisco_inputs(small / "results", tmp_path / "found", ModiscoInputOptions())
    with pytest.raises(PluginError, match="TF-MoDISco is not installed"):
        run_modisco(inputs)


def test_an_interrupt_ends_its_process_and_leaves_no_result(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Interrupting:
        def __iter__(self) -> Interrupting:
            raise KeyboardInterrupt

        def close(self) -> None:
            pass

    class Interrupted(subprocess.Popen):
        def __init__(self, command: list[str], **named: object) -> None:
            super().__init__([sys.executable, "-c", "import time; time.sleep(600)"], **named)
            self.stdout.close()
            self.stdout = Interrupting()
            started.append(self)

    monkeypatch.setattr(discover, "is_installed", lambda: True)
    monkeypatch.setattr(discover.subprocess, "Popen", Interrupted)
    inputs = write_modisco_inputs(small / "results", tmp_path / "found")
    with pytest.raises(KeyboardInterrupt):
        run_modisco(inputs)
    assert started[0].returncode == -9
    assert sorted(p.name for p in (tmp_path / "found").iterdir()) == [
        "hypothetical.npz", "one_hot.npz", "run.json", "windows.tsv",
    ]  # fmt: skip
