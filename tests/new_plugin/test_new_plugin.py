"""``decima-core new-plugin`` writes packages that are plugins at once: they pass their own tests as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decima_core import ConfigError, DecimaError, OptionError, OutputError, Registry, UnknownNameError
from decima_core.cli import main
from decima_core.new_plugin.write import write_plugin
from decima_core.providers import KINDS
from decima_core.testing import check_provider

STAGES = [kind.stage for kind in KINDS]


def source_options(folder: Path) -> dict[str, str]:
    lines = ["gene\tsequence\tgene_start\tgene_end", "A\tACGTNACGTTGCAATG\t4\t12", "B\tGGCATTACGG\t0\t9"]
    (folder / "genes.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"path": str(folder / "genes.tsv")}


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_written_keeps_the_contract(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"fresh-{stage}"
    folder = write_plugin(stage, name, tmp_path)
    texts = {p: p.read_text(encoding="utf-8") for p in folder.rglob("*") if p.is_file()}
    for path, text in texts.items():
        for word in ("my_plugin", "my-plugin", "STAGE", "ARTICLE", "LABEL", "CORE", "CHECKED", "template"):
            assert word not in text, f"{word} is left in {path}"
    monkeypatch.syspath_prepend(folder)
    module = __import__(name.replace("-", "_"))
    registry = Registry()
    registry.register(module, name)
    assert registry.failures == ()
    options = source_options(tmp_path) if stage == "source" else {}
    results = check_provider(stage, name, options, registry=registry)
    assert [f"{r.check}: {r.message}" for r in results if not r.ok] == []


@pytest.mark.slow
def test_installed_in_a_fresh_environment_it_passes_its_own_tests(tmp_path: Path) -> None:
    """Five packages, one of each kind, built and installed by pip beside each other, as their README says."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    # What is installed here serves there too, so that nothing big is installed twice.
    place = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    here = sysconfig.get_path("purelib")
    (Path(place) / "shared.pth").write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*arguments: object, cwd: Path = tmp_path) -> str:
        command = [str(a) for a in arguments]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    for stage in STAGES:
        run(python, "-m", "decima_core", "new-plugin", stage, f"fresh-{stage}")
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", tmp_path / f"fresh-{stage}")
    listed = run(python, "-m", "decima_core", "plugins")
    for stage in STAGES:
        assert f"\tfresh-{stage}\tfresh_{stage}\tfresh-{stage} 0.1.0\tready" in listed
        assert "passed" in run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path / f"fresh-{stage}")
    assert "passed" in run(python, "-m", "decima_core", "check", "peaks", "fresh-peaks")


@pytest.mark.parametrize(
    ("kind", "name", "error", "words"),
    [
        ("peeks", "fresh", UnknownNameError, "no kind of provider 'peeks'"),
        ("peaks", "Fresh_One", OptionError, "write it like 'my-peaks'"),
        ("peaks", "scipy", ConfigError, "A package 'scipy' exists already"),
        ("peaks", "class", ConfigError, "A package 'class' exists already"),
        ("peaks", "taken", OutputError, "exists already; choose another name"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, kind: str, name: str, error: type[DecimaError], words: str) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(error, match=words):
        write_plugin(kind, name, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_a_disk_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Callable[..., Any]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_plugin("peaks", "fresh-peaks", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["new-plugin", "peak caller", "fresh-caller", "--output", str(tmp_path)])
    assert capsys.readouterr().out.startswith(f"Wrote {tmp_path / 'fresh-caller'}. Next: cd ")
    assert (tmp_path / "fresh-caller" / "fresh_caller" / "caller.py").is_file()
