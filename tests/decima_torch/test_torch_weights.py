"""Weights from a file: read without running code, and every one must match."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from decima_core.errors import ModelError
from decima_core.weights import load_weights, read_weights


def changed(network: nn.Module) -> dict[str, torch.Tensor]:
    """The network's weights, each raised by one."""
    return {key: value + 1 for key, value in network.state_dict().items()}


def write(state: dict[str, torch.Tensor], name: str) -> str:
    path = Path(name).resolve()
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth", "w.ckpt", "w.bin"])
def test_every_format(folder, network, name):
    expected = changed(network)
    load_weights(network, write(expected, name))
    for key, value in network.state_dict().items():
        assert torch.equal(value, expected[key])


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict"])
def test_a_checkpoint_around_the_weights(folder, network, key):
    expected = changed(network)
    load_weights(network, write({"epoch": 3, key: expected, "lr": 0.1}, "w.ckpt"))
    assert torch.equal(network.conv.weight, expected["conv.weight"])


def test_through_the_provider(folder, load, network):
    expected = changed(network)
    (folder / "torch_net.py").write_text(
        "import torch\ndef build(): return torch.nn.Sequential(torch.nn.Conv1d(5, 6, 5))\n"
    )
    path = write({"0.weight": expected["conv.weight"], "0.bias": expected["conv.bias"]}, "w.safetensors")
    model = load("torch_net.py:build", weights=path)
    assert torch.equal(model.module[0].weight, expected["conv.weight"])
    assert [Path(f).name for f in model.files] == ["w.safetensors", "torch_net.py"]


def test_code_in_the_file_is_not_run(folder, network):
    """The reason names the object that is no weight."""
    torch.save(network, folder / "whole.pt")
    with pytest.raises(ModelError, match=r"whole.pt' holds more than weights \(.*Network\).*state_dict\(\)"):
        read_weights("whole.pt")

    class Attack:
        def __reduce__(self):
            return Path.touch, (Path("ran"),)

    (folder / "attack.pt").write_bytes(pickle.dumps({"conv.weight": Attack()}))
    with pytest.raises(ModelError, match=r"attack.pt'"):
        read_weights("attack.pt")
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", ["nothing", "rubbish", "half"])
def test_a_damaged_file(folder, network, name, content):
    whole = Path(write(changed(network), name)).read_bytes()
    Path(name).write_bytes({"nothing": b"", "rubbish": b"rubbish" * 99, "half": whole[: len(whole) // 2]}[content])
    with pytest.raises(ModelError, match=rf"'{name}' cannot be read.*damaged") as caught:
        read_weights(name)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.pt", "absent.safetensors", "."])
def test_a_missing_file(folder, name):
    with pytest.raises(ModelError, match=f"no weights file '{name}'"):
        read_weights(name)


@pytest.mark.parametrize("content", [{"a": 1}, [torch.zeros(1)], torch.zeros(2), {0: torch.zeros(1)}])
def test_a_file_without_a_table_of_weights(folder, content):
    torch.save(content, folder / "w.pt")
    with pytest.raises(ModelError, match=r"'w.pt' holds no table of weights"):
        read_weights("w.pt")


def test_torchscript_for_weights(saved):
    with pytest.raises(ModelError, match=r"is TorchScript, a whole model; give it as --model"):
        read_weights(str(saved["scripted"]))


def test_missing_weights_are_named(folder, network):
    state = changed(network)
    state["model.conv.weight"] = state.pop("conv.weight")
    with pytest.raises(
        ModelError,
        match=r"lacks conv.weight \(it has model.conv.weight\); it has model.conv.weight, which the model has not",
    ):
        load_weights(network, write(state, "w.pt"))


def test_extra_weights_are_named(folder, network):
    with pytest.raises(ModelError, match=r"w.safetensors' do not match the model: it has tail.bias, which"):
        load_weights(network, write({**changed(network), "tail.bias": torch.zeros(1)}, "w.safetensors"))


def test_a_wrong_shape_is_named_and_nothing_is_loaded(folder, network):
    before = network.conv.weight.clone()
    state = {**changed(network), "head.bias": torch.zeros(7)}
    with pytest.raises(ModelError, match=r"'head.bias' has shape \(7,\) in the file and \(3,\) in the model"):
        load_weights(network, write(state, "w.pt"))
    assert torch.equal(network.conv.weight, before)
