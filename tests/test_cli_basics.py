"""Commands that compute nothing: what they print, where errors go, and with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gene_files import GENES, TASKS, write_gene_file

import decima_core
from decima_core import Registry
from decima_core.cli import COMMANDS, main
from decima_core.options import describe
from decima_core.registry import DISABLE_VARIABLE, Registered

PROVIDERS = Registry.discover(disabled=()).providers()
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """``call(*arguments)`` is the exit status, the standard output and the standard error of the command line."""
    monkeypatch.delenv(DISABLE_VARIABLE, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            main(list(arguments))
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def table(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command(call: Call) -> None:
    status, out, err = call("--help")
    assert (status, err) == (0, "")
    for name, (_, text) in COMMANDS.items():
        assert f"  {name} " in out
        assert text in " ".join(out.split())
    assert call("-h") == (0, out, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_help_that_the_list_promises(call: Call, name: str) -> None:
    status, out, err = call(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: decima-core {name}")


def test_version(call: Call) -> None:
    assert call("--version") == (0, f"decima-core {decima_core.__version__}\n", "")


# --- plugins ----------------------------------------------------------------------------------------------------------


def test_plugins_as_a_table(call: Call) -> None:
    status, out, err = call("plugins")
    assert (status, err) == (0, "")
    header, *rows = table(out)
    assert header == ["kind", "name", "plugin", "distribution", "status"]
    assert [(row[0], row[1]) for row in rows] == [(p.kind.label, p.spec.name) for p in PROVIDERS]
    assert {row[3] for row in rows} == {f"decima-core {decima_core.__version__}"}


def test_plugins_as_json(call: Call) -> None:
    status, out, _ = call("plugins", "--json")
    assert status == 0
    content = json.loads(out)
    assert {p["name"] for p in content["providers"]} == {p.spec.name for p in PROVIDERS}
    assert content["failures"] == content["disabled"] == []


def test_plugins_lists_failures_and_what_is_switched_off(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "decima_jaspar,decima_zarr")
    status, out, err = call("plugins")
    assert (status, err) == (0, "")
    assert "Switched off by DECIMA_DISABLE_PLUGINS: decima_jaspar, decima_zarr" in out
    assert "There is no plugin 'decima_zarr'" in out
    content = json.loads(call("plugins", "--json")[1])
    assert content["disabled"] == ["decima_jaspar", "decima_zarr"]
    assert content["failures"][0].keys() == {"plugin", "distribution", "reason", "remedy"}


# --- show -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.spec.name)
def test_show_every_provider(call: Call, provider: Registered) -> None:
    status, out, err = call("show", provider.kind.stage, provider.spec.name)
    assert (status, err) == (0, "")
    first, second, *rest = out.splitlines()
    assert first == f"{provider.spec.name}: {provider.spec.summary}"
    assert second.startswith(f"{provider.kind.label} of {provider.owner}")
    options = describe(provider.spec.options)
    if not options:
        assert rest[-1] == "It takes no options."
    rows = {line.split("\t")[0]: line.split("\t") for line in rest if "\t" in line}
    for info in options:
        assert rows[info.name][1] == info.type
        assert rows[info.name][2], "an empty default is shown as such"
        assert rows[info.name][3] == info.help
        assert info.help.endswith(".")


def test_show_finds_kinds_and_names_as_people_write_them(call: Call) -> None:
    assert call("show", "peak-caller", "SciPy") == call("show", "peaks", "scipy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "peeks", "scipy"], "There is no kind of provider 'peeks'. Did you mean peaks?"),
        (["show", "peaks", "scipi"], "There is no peak caller 'scipi'. Did you mean scipy?"),
        (["genes", "gone.h5"], "gone.h5"),
        (["genes", "genes.zip"], "There is no data source that reads 'genes.zip'. Known endings: .fa"),
        (["run"], "No data source was given; use --source genes.h5."),
        (["run", "--source", "a.h5"], "No model was given; use --model my_model:build (or --model demo)."),
        (["run", "gone.toml"], "There is no file 'gone.toml'"),
        (["run", "-O", "n_steps=3"], "'n_steps=3' is not of the form stage.key=value"),
        (["run", "-O", "metod.n_steps=3"], "There is no stage 'metod'. Did you mean method?"),
        (
            ["run", "--source", "a.h5", "--model", "demo", "-O", "peaks.z=nan"],
            "Option 'z' of peak caller 'scipy' must be",
        ),
        (
            ["run", "--source", "a.h5", "--model", "demo", "--seed", "-1"],
            "'seed' in the command line must lie between 0",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_deliberate_errors_are_one_line_and_status_1(call: Call, arguments: list[str], message: str) -> None:
    status, out, err = call(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("decima-core: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plugin"], "There is no command 'plugin'. Did you mean plugins?"),
        (["xyz"], f"There is no command 'xyz'. Commands: {', '.join(COMMANDS)}."),
        (["plugins", "--jsn"], "No such option"),
        (["show", "peaks"], "Missing argument 'NAME'"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_status_2(call: Call, arguments: list[str], message: str) -> None:
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.startswith("decima-core")
    assert "error: " in err
    assert len(err.splitlines()) == 1
    assert "--help" in err


# --- genes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def gene_file(tmp_path: Path) -> str:
    return str(write_gene_file(tmp_path / "genes.h5"))


def test_genes_are_listed_in_file_order(call: Call, gene_file: str) -> None:
    status, out, err = call("genes", gene_file)
    assert (status, err) == (0, "")
    assert table(out) == [["gene", "split"], *(list(pair) for pair in GENES)]


def test_genes_of_a_split(call: Call, gene_file: str) -> None:
    assert table(call("genes", gene_file, "--split", "train")[1])[1:] == [["GATA1", "train"], ["SPI1", "train"]]
    status, _, err = call("genes", gene_file, "--split", "tran")
    assert status == 1
    assert "There is no split 'tran'" in err
    assert "Did you mean train?" in err


def test_genes_are_counted(call: Call, gene_file: str) -> None:
    counts = [["split", "genes"], ["train", "2"], ["val", "1"], ["test", "1"], ["all", "4"]]
    assert table(call("genes", gene_file, "--count")[1]) == counts
    assert table(call("genes", gene_file, "--count", "--split", "val")[1]) == [["split", "genes"], ["val", "1"]]


def test_tasks_are_numbered(call: Call, gene_file: str) -> None:
    assert table(call("genes", gene_file, "--tasks")[1]) == [
        ["number", "task"],
        *([str(i), t] for i, t in enumerate(TASKS)),
    ]


# --- completion and the process ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(call: Call, shell: str) -> None:
    status, out, err = call("completion", shell)
    assert (status, err) == (0, "")
    assert "_DECIMA_CORE_COMPLETE" in out
    assert "decima-core" in out


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_real_process_ends_with_the_status() -> None:
    done = process("show", "peaks", "nothing")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("decima-core: error: There is no peak caller 'nothing'. Known: ")
    assert line.endswith("scipy.")


def test_a_reader_that_goes_away_ends_the_program_in_silence() -> None:
    command = f"'{sys.executable}' -m decima_core plugins | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["r"], ["run"]),
        (["run", "--method", "inp"], ["input-x-gradient"]),
        (["run", "--peaks", "sc"], ["scipy"]),
        (["show", "m"], ["model", "method", "motifs"]),
        (["show", "motifs", "j"], ["jaspar"]),
        (["show", "nothing", ""], []),
    ],
    ids=lambda value: " ".join(value),
)
def test_the_shell_completes_commands_and_names(words: list[str], offered: list[str]) -> None:
    from click.shell_completion import ShellComplete

    from decima_core.cli import cli

    complete = ShellComplete(cli, {}, "decima-core", "_DECIMA_CORE_COMPLETE")
    assert [item.value for item in complete.get_completions(words[:-1], words[-1])] == offered
