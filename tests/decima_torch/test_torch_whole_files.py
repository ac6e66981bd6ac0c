"""Files that hold a whole model: torch.export programs and TorchScript."""

import copy
import warnings
import zipfile
from typing import List  # noqa: UP035 - the only spelling that TorchScript reads

import pytest
import torch
from torch import nn

from decima_core.errors import ConfigError, ModelError
from decima_core.guard import left_as_found
from decima_core.targets import Target

WHOLE = ["static", "dynamic", "any length", "scripted", "traced", "frozen"]
LENGTH = 48


def load_whole(load, saved, form):
    return load(saved[form], channels=5 if form == "frozen" else None)


@pytest.mark.parametrize("form", WHOLE)
def test_same_output_as_the_network_itself(load, saved, network, example, form):
    model = load_whole(load, saved, form)
    with left_as_found(model.module) as module, torch.no_grad():
        torch.testing.assert_close(module(example), network(example))
        torch.testing.assert_close(module(example[:1]), network(example[:1]))


@pytest.mark.parametrize(
    ("form", "seq_len"), [("static", LENGTH), ("dynamic", LENGTH), ("any length", None), ("scripted", None)]
)
def test_channels_and_length_are_read_off(load, saved, form, seq_len):
    model = load(saved[form])
    assert (model.channels, model.seq_len) == (5, seq_len)
    assert model.files == (str(saved[form]),)


def test_any_length_means_any(load, saved, network, example):
    longer = torch.cat([example, example], dim=2)
    with torch.no_grad():
        torch.testing.assert_close(load(saved["any length"]).module(longer), network(longer))


@pytest.mark.parametrize("form", WHOLE)
def test_left_as_found(load, saved, example, form):
    module = load_whole(load, saved, form).module
    before = [m.training for m in module.modules()], copy.deepcopy(dict(module.state_dict()))
    with left_as_found(module, torch.device("cpu")):
        assert not any(m.training for m in module.modules())
        assert not any(p.requires_grad for p in module.parameters())
        module(example)
    assert before[0] == [m.training for m in module.modules()]
    for key, value in module.state_dict().items():
        assert torch.equal(before[1][key], value)


def test_an_exported_program_takes_its_mode_without_complaint(load, saved):
    module = load(saved["static"]).module
    assert module.train().training
    assert not module.eval().training


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("input-x-gradient", {}),
        ("saliency", {}),
        ("integrated-gradients", {"n_steps": 5}),
        ("gradient-shap", {"n_samples": 2, "n_baselines": 2}),
        ("feature-ablation", {}),
    ],
)
def test_attributions_equal_the_networks(load, saved, registry, network, example, form, method, options):
    attributor = registry.create("method", method, **options)
    model = load_whole(load, saved, form)
    scores = []
    for module in (network, model.module):
        target = Target(module, on=(0,), off=())
        with left_as_found(target):
            scores.append(attributor.attribute(target, example[:2, :4], example[:2, 4:]).values)
    assert scores[0].abs().max() > 0
    torch.testing.assert_close(scores[1], scores[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["dynamic", "scripted"])
def test_deep_lift_says_that_its_rules_do_not_reach_inside(load, saved, registry, example, caplog, form):
    target = Target(load(saved[form]).module, on=(0,), off=())
    with left_as_found(target):
        registry.create("method", "deep-lift").attribute(target, example[:1, :4], example[:1, 4:])
    assert "completeness does not hold" in caplog.text
    assert "integrated-gradients" in caplog.text


def test_damaged_files_say_so(load, saved, folder):
    for form, name, word in (("static", "bad.pt2", "damaged"), ("scripted", "bad.pt", "damaged")):
        whole = saved[form].read_bytes()
        for content in (b"", b"rubbish" * 99, whole[: len(whole) // 2]):
            (folder / name).write_bytes(content)
            with pytest.raises(ModelError, match=rf"'{name}'.*{word}"):
                load(name)


def test_a_torchscript_file_damaged_inside(load, saved, folder):
    with zipfile.ZipFile(saved["scripted"]) as whole, zipfile.ZipFile(folder / "bad.pt", "w") as bad:
        for name in whole.namelist():
            bad.writestr(name, b"@@@" if name.endswith(".py") else whole.read(name))
    with pytest.raises(ModelError, match=r"'bad.pt' cannot be loaded"):
        load("bad.pt")


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.pt2"])
def test_a_file_of_weights_alone_says_what_to_do(load, folder, network, name):
    torch.save(network.state_dict(), folder / name)
    with pytest.raises(ModelError, match=rf"'{name}'.*module:callable.*model.weights=FILE"):
        load(name)


@pytest.mark.parametrize("name", ["w.safetensors", "w.ckpt"])
def test_weights_in_place_of_a_model(load, name):
    with pytest.raises(ConfigError, match=rf"'{name}' holds weights.*model.weights={name}"):
        load(name)


@pytest.mark.parametrize("name", ["absent.pt", "absent.pt2"])
def test_a_missing_file(load, folder, name):
    with pytest.raises(ModelError, match=f"no model file '{name}'"):
        load(name)


@pytest.mark.parametrize("options", [{"weights": "w.pt"}, {"arguments": {"n": 1}}])
def test_a_whole_model_takes_neither_weights_nor_arguments(load, saved, options):
    with pytest.raises(ConfigError, match=r"leave out model.weights and model.arguments"):
        load(saved["static"], **options)


def test_options_must_agree_with_what_was_exported(load, saved):
    assert load(saved["static"], channels=5, seq_len=LENGTH).seq_len == LENGTH
    assert load(saved["any length"], seq_len=30).seq_len == 30
    with pytest.raises(ModelError, match=r"model.channels is 4.*exported for 5"):
        load(saved["static"], channels=4)
    with pytest.raises(ModelError, match=r"model.seq_len is 30.*exported for 48"):
        load(saved["static"], seq_len=30)


def test_a_program_for_another_batch_or_input_is_refused(load, save, folder, network):
    save.program(network, folder / "eight.pt2", batch=8)
    with pytest.raises(ModelError, match=r"'eight.pt2' was exported for batches of 8"):
        load("eight.pt2")
    save.program(nn.Conv1d(7, 1, 3), folder / "seven.pt2", channels=7)
    with pytest.raises(ModelError, match=r"'seven.pt2' takes 7 channels"):
        load("seven.pt2")

    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

    x = torch.zeros(1, 4, 8)
    torch.export.save(torch.export.export(Two(), (x, x)), folder / "two.pt2")
    with pytest.raises(ModelError, match=r"'two.pt2' must take one tensor .*takes \(1, 4, 8\) and \(1, 4, 8\)"):
        load("two.pt2")


def test_task_names_inside_torchscript(load, save, folder):
    class Named(nn.Module):
        tasks: List[str]  # noqa: UP006
        seq_len: int

        def __init__(self) -> None:
            super().__init__()
            self.tasks, self.seq_len = ["blood", "skin"], 30
            self.conv = nn.Conv1d(4, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).mean(2)

    model = load(save.script(Named(), folder / "named.ts"))
    assert (model.tasks, model.seq_len, model.channels) == (("blood", "skin"), 30, 4)


def test_a_frozen_script_needs_its_channels(load, saved):
    with pytest.raises(ModelError, match=r"model.channels=4 .* or 5"):
        load(saved["frozen"])


def test_loading_warns_of_nothing(load, saved):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for form in ("static", "scripted"):
            load(saved[form])
    assert not caught
