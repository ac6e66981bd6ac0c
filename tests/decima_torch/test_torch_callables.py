"""Models from Python code: module:callable and file.py:callable."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from decima_core.errors import ConfigError, ModelError, UnknownNameError

CODE = """
import torch

class Net(torch.nn.Module):
    def __init__(self, width=3, n_tasks=2):
        super().__init__()
        self.conv = torch.nn.Conv1d(4, n_tasks, width)
    def forward(self, x):
        return self.conv(x).mean(2)

class Holder:
    inner = Net

def build(width=3):
    return Net(width)

ready = Net()
number = 7

def fails():
    raise ValueError("no such genome")

def leaves():
    raise SystemExit(0)

def gives_text():
    return "a network"
"""


@pytest.fixture(autouse=True)
def _path_as_found():
    """Importing a model leaves ``sys.path`` as it was."""
    path = list(sys.path)
    yield
    assert sys.path == path


@pytest.fixture
def code(folder: Path) -> Path:
    (folder / "my_net.py").write_text(CODE)
    return folder


@pytest.mark.parametrize("place", ["my_net", "my_net.py", "{folder}/my_net.py"])
@pytest.mark.parametrize("name", ["Net", "build", "ready", "Holder.inner"])
def test_a_module_in_the_current_folder_and_a_file(code, load, place, name):
    model = load(f"{place.format(folder=code)}:{name}")
    assert isinstance(model.module, nn.Module)
    assert model.module(torch.zeros(2, 4, 9)).shape == (2, 2)
    assert (model.channels, model.tasks, model.seq_len) == (4, (), None)
    assert [Path(f).name for f in model.files] == ["my_net.py"]
    assert model.name == f"{place.format(folder=code)}:{name}"


def test_an_installed_module(load):
    model = load("decima_torch.demo:DemoNetwork", arguments={"n_tasks": 3}, name="mine")
    assert (model.channels, model.name) == (5, "mine")
    assert model.module(torch.zeros(1, 5, 40)).shape == (1, 3)


def test_arguments_reach_the_callable(code, load):
    assert load("my_net:build", arguments={"width": 5}).module.conv.kernel_size == (5,)
    assert load("my_net:Net", arguments={"n_tasks": 4}).module.conv.out_channels == 4


def test_a_file_finds_its_neighbours_also_when_it_is_called(folder, load):
    (folder / "lib").mkdir()
    (folder / "lib/my_layers.py").write_text(CODE)
    (folder / "lib/my_late.py").write_text("width = 5\n")
    (folder / "lib/net.py").write_text(
        "from my_layers import Net\ndef build():\n    from my_late import width\n    return Net(width)\n"
    )
    assert load("lib/net.py:build").module.conv.kernel_size == (5,)


def test_a_file_may_hold_dataclasses(folder, load):
    (folder / "net.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport torch\n"
        "@dataclass\nclass Settings:\n    width: int = 3\n"
        "def build():\n    return torch.nn.Conv1d(4, 1, Settings().width)\n"
    )
    assert load("net.py:build").channels == 4


def test_a_file_hides_no_installed_module(folder, load):
    (folder / "json.py").write_text("import torch\ndef build():\n    return torch.nn.Conv1d(4, 1, 3)\n")
    import json

    load("json.py:build")
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("my_absent:build", ModelError, ["'my_absent'", "current folder"]),
        ("my_package.absent:build", ModelError, ["no Python module 'my_package.absent'"]),
        ("my_needs:build", ModelError, ["'my_needs' needs 'my_missing_library'"]),
        ("my_package.needs:build", ModelError, ["'my_package.needs' needs 'my_package.lost'"]),
        ("my_raises:build", ModelError, ["'my_raises'", "RuntimeError: wrong side of bed"]),
        ("my_exits:build", ModelError, ["'my_exits'", "SystemExit"]),
        ("my_broken:build", ModelError, ["my_broken.py", "line 2"]),
        ("my_broken.py:build", ModelError, ["my_broken.py", "line 2"]),
        ("my_raises.py:build", ModelError, ["'my_raises.py'", "wrong side of bed"]),
        ("absent.py:build", ModelError, ["'absent.py'"]),
        ("my_net:biuld", UnknownNameError, ["'biuld'", "'my_net'", "Did you mean build"]),
        ("my_net.py:Nett", UnknownNameError, ["'Nett'", "'my_net.py'", "Did you mean Net"]),
        ("my_net:Holder.outer", UnknownNameError, ["'outer'"]),
        ("my_net:number", ModelError, ["'my_net:number' is a int"]),
        ("my_net:fails", ModelError, ["'my_net:fails'", "ValueError: no such genome"]),
        ("my_net:leaves", ModelError, ["'my_net:leaves'", "SystemExit"]),
        ("my_net:gives_text", ModelError, ["'my_net:gives_text' returned str", "torch.nn.Module"]),
        ("my_net", ModelError, ["'my_net'", "module:callable"]),
        (":build", ModelError, ["':build'", "module:callable"]),
        ("", ConfigError, ["needs a path"]),
    ],
)
def test_what_fails_says_why(code, load, path, error, words):
    (code / "my_raises.py").write_text("raise RuntimeError('wrong side of bed\\nsecond line')\n")
    (code / "my_exits.py").write_text("raise SystemExit\n")
    (code / "my_needs.py").write_text("import my_missing_library\n")
    (code / "my_broken.py").write_text("x = 1\ndef build(:\n")
    (code / "my_package").mkdir()
    (code / "my_package/__init__.py").touch()
    (code / "my_package/needs.py").write_text("import my_package.lost\n")
    with pytest.raises(error) as caught:
        load(path)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "_decima_model_my_raises" not in sys.modules


def test_wrong_arguments_are_named(code, load):
    with pytest.raises(ModelError, match=r"with the arguments depth: TypeError.*'depth'"):
        load("my_net:build", arguments={"depth": 1})
    with pytest.raises(ModelError, match=r"'my_net:ready'.*leave out model.arguments"):
        load("my_net:ready", arguments={"width": 5})
