"""What is read off a model: its tasks, channels and window; and the demo's network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from decima_core.errors import ConfigError, DataError, ModelError, OptionError
from decima_core.models import guess_channels, task_names, wrap_module
from decima_core.sections import TargetOptions
from decima_core.targets import make_target

NET = "decima_torch.demo:DemoNetwork"
TWO = {"n_tasks": 2}


def test_tasks_by_option_and_by_file(folder, load):
    (folder / "tasks.txt").write_text("blood cell\n\n  skin \n", encoding="utf-8")
    assert load(NET, arguments=TWO).tasks == ()
    assert load(NET, arguments=TWO, tasks="blood,skin").tasks == ("blood", "skin")
    model = load(NET, arguments=TWO, tasks_file="tasks.txt")
    assert model.tasks == ("blood cell", "skin")
    assert "tasks.txt" in model.files


def test_tasks_of_the_module(folder, load):
    (folder / "named_net.py").write_text(
        "import torch\nclass Net(torch.nn.Conv1d):\n    tasks = ('blood', 'skin')\n    seq_len = 64\n"
        "def build(): return Net(4, 2, 3)\n"
    )
    model = load("named_net.py:build")
    assert (model.tasks, model.seq_len) == (("blood", "skin"), 64)
    assert load("named_net.py:build", tasks=("x", "y"), seq_len=32).tasks == ("x", "y")
    assert load("named_net.py:build", seq_len=32).seq_len == 32


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"data_params": {"tasks": {"name": ["a", "b"]}}}, ("a", "b")),
        ({"data_params": {"tasks": {"name": np.array(["a", "b"])}}}, ("a", "b")),
        ({"data_params": {"tasks": {"name": "ab"}}}, ()),
        ({"data_params": {"tasks": {"name": None}}}, ()),
        ({"data_params": {"tasks": None}}, ()),
        ({"data_params": {}}, ()),
        ({"data_params": 3}, ()),
        ({"tasks": ["a"]}, ("a",)),
        ({"tasks": 3}, ()),
        ({"tasks": [1, 2]}, ()),
        ({"tasks": []}, ()),
        ({}, ()),
    ],
)
def test_task_names_that_a_module_carries(attributes, expected):
    module = nn.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    assert task_names(module) == expected


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe\x00"])
def test_a_file_of_task_names_that_cannot_be_used(folder, load, content):
    if content is not None:
        (folder / "tasks.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"'tasks.txt'"):
        load(NET, arguments=TWO, tasks_file="tasks.txt")


def test_a_task_name_that_stands_for_two_is_refused_when_used():
    model = wrap_module(nn.Conv1d(4, 3, 3), tasks=("a", "a", "b"), name="twins")
    assert make_target(model, TargetOptions(tasks=("b",))).on == (2,)
    assert make_target(model, TargetOptions(tasks=("1",))).on == (1,)
    with pytest.raises(ConfigError, match=r"'twins' has 2 tasks named 'a'"):
        make_target(model, TargetOptions(tasks=("a",)))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Sequential(nn.Conv1d(4, 8, 3), nn.Conv1d(8, 5, 3)), 4),
        (nn.Conv1d(5, 8, 3), 5),
        (nn.Conv1d(7, 8, 3), None),
        (nn.Linear(4, 2), None),
        (nn.Identity(), None),
    ],
)
def test_channels_are_guessed_from_the_first_convolution(module, expected):
    assert guess_channels(module) == expected


@pytest.mark.parametrize(("own", "expected"), [(4, 4), (5, 5), (6, None), ([4], None), (torch.zeros(3), None)])
def test_channels_that_a_module_says(own, expected):
    module = nn.Identity()
    module.channels = own
    assert guess_channels(module) == expected


def test_given_channels_win(folder, load):
    (folder / "odd_net.py").write_text("import torch\nbuild = torch.nn.Identity\n")
    assert load("odd_net.py:build", channels=4).channels == 4
    assert load(NET, arguments=TWO, channels=4).channels == 4
    with pytest.raises(ModelError, match=r"'odd_net.py:build' cannot be told.*model.channels=4"):
        load("odd_net.py:build")
    with pytest.raises(OptionError, match=r"'channels'.*3"):
        load("odd_net.py:build", channels=3)


# --- the demo's network -----------------------------------------------------------------------------------------------


def weights_of(model) -> dict[str, torch.Tensor]:
    return model.module.state_dict()


def test_the_demo_is_seeded_and_draws_from_no_global_state(registry):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    a, b, c = (registry.create("model", "demo", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(x, y) for x, y in zip(weights_of(a).values(), weights_of(b).values(), strict=True))
    assert not torch.equal(weights_of(a)["detect.weight"], weights_of(c)["detect.weight"])
    assert (a.channels, a.tasks, a.seq_len) == (5, ("myeloid", "erythroid"), None)
    assert "random" in a.name
    assert a.files == ()


def test_the_demo_takes_weights(registry, folder):
    made = registry.create("model", "demo", seed=1, tasks="x")
    save_file(weights_of(made), folder / "w.safetensors")
    model = registry.create("model", "demo", seed=9, tasks="x", weights="w.safetensors")
    assert torch.equal(weights_of(model)["head.weight"], weights_of(made)["head.weight"])
    assert (model.name, model.files, model.tasks) == ("demo", ("w.safetensors",), ("x",))
    with pytest.raises(ModelError, match=r"'w.safetensors'.*'head.weight' has shape \(1, \d+\)"):
        registry.create("model", "demo", weights="w.safetensors")


def test_the_demo_stays_finite_whatever_its_weights(registry):
    network = registry.create("model", "demo").module.eval()
    with torch.no_grad():
        network.detect.weight.fill_(1e6)
        assert torch.isfinite(network(torch.ones(1, 5, 100))).all()


def test_the_demo_needs_a_task(registry):
    with pytest.raises(ConfigError, match=r"model.tasks.*'demo'"):
        registry.create("model", "demo", tasks=())
