"""Folders, weights and options that cannot be used: one sentence each, never random weights, never the network."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_track_models import BORZOI_CONFIG, ENFORMER_CONFIG, Load, save_enformer, windows, write_table

from decima_core.errors import ConfigError, DataError, ModelError, OptionError, UnknownNameError
from decima_tracks.pretrained import open_folder

Change = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_no_path_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The model 'borzoi' needs a folder .*: -O model\.path=FOLDER\."):
        open_folder("", "borzoi", ("borzoi",))
    with pytest.raises(ModelError, match=r"There is no folder '/nowhere/at all'; give the one that holds config\.json"):
        open_folder("/nowhere/at all", "borzoi", ("borzoi",))


def test_a_name_on_a_hub_says_how_to_get_the_folder() -> None:
    with pytest.raises(
        ModelError,
        match=r"There is no folder 'johahi/borzoi-replicate-0', and nothing is fetched .* 'hf download "
        r"johahi/borzoi-replicate-0 --local-dir borzoi-replicate-0' and give -O model\.path=borzoi-replicate-0\.",
    ):
        open_folder("johahi/borzoi-replicate-0", "borzoi", ("borzoi",))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"has no config\.json; give one that save_pretrained wrote"),
        ({"config.json": "{"}, r"config\.json' cannot be read \(JSONDecodeError"),
        ({"config.json": "[]"}, r"config\.json' holds no table"),
        (
            {"config.json": '{"model_type": "bert"}'},
            r"is of a model of type 'bert'; the model 'borzoi' reads borzoi or prime",
        ),
        ({"config.json": "{}"}, r"is of a model of type None"),
        ({"config.json": '{"model_type": "prime"}'}, r"has no weights \(model\.safetensors, pytorch_model\.bin\)"),
    ],
)
def test_a_folder_of_something_else(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ModelError, match=message):
        open_folder(str(tmp_path), "borzoi", ("borzoi", "prime"))


def test_a_file_in_place_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=rf"is a file; the model 'borzoi' reads a folder: -O model\.path={tmp_path}\."):
        open_folder(str(tmp_path / "config.json"), "borzoi", ("borzoi",))


# --- weights ----------------------------------------------------------------------------------------------------------


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(folder / "pytorch_model.bin", weights_only=True))


def one_name_each(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("_trunk")}


@torch.no_grad()
def test_safetensors_hold_a_shared_weight_once(enformer: Load, own_enformer: Path) -> None:
    state = one_name_each(state_of(own_enformer))
    (own_enformer / "pytorch_model.bin").unlink()
    save_file(state, own_enformer / "model.safetensors")
    assert torch.equal(enformer(path=str(own_enformer)).module(windows(1)), enformer().module(windows(1)))


@torch.no_grad()
def test_weights_spread_over_files(enformer: Load, own_enformer: Path) -> None:
    state = one_name_each(state_of(own_enformer))
    (own_enformer / "pytorch_model.bin").unlink()
    names = sorted(state)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in parts.items():
        save_file({name: state[name] for name in held}, own_enformer / file)
    index = own_enformer / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: file for file, held in parts.items() for name in held}}))
    model = enformer(path=str(own_enformer))
    assert torch.equal(model.module(windows(1)), enformer().module(windows(1)))
    assert [Path(f).name for f in model.files] == ["config.json", *parts]
    (own_enformer / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"There is no weights file '.*model-00002-of-00002\.safetensors'"):
        enformer(path=str(own_enformer))
    index.write_text("{}")
    with pytest.raises(ModelError, match=r"index\.json' does not say which files hold the weights"):
        enformer(path=str(own_enformer))


def test_missing_and_unexpected_weights_are_named(enformer: Load, own_enformer: Path) -> None:
    state = state_of(own_enformer)
    for name in ("stem.0.weight", "_trunk.1.0.weight"):
        del state[name]
    torch.save(state, own_enformer / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin' do not match the model: it lacks .*stem\.0\.weight"):
        enformer(path=str(own_enformer))
    torch.save({**state_of(own_enformer), **state, "extra.bias": torch.zeros(2)}, own_enformer / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"it has extra\.bias, which the model has not"):
        enformer(path=str(own_enformer))


def test_weights_of_another_config(enformer: Load, own_enformer: Path, change_config: Change, tmp_path: Path) -> None:
    change_config(own_enformer, output_heads={"human": 7, "mouse": 4})
    with pytest.raises(
        ModelError,
        match=r"'_heads\.human\.0\.weight' has shape \(6, 96\) in the file and \(7, 96\) in the model; they belong to "
        r"another config than '.*config\.json'",
    ):
        enformer(path=str(own_enformer))
    change_config(own_enformer, output_heads=ENFORMER_CONFIG["output_heads"], depth=2)
    with pytest.raises(ModelError, match=r"it lacks transformer\.1\."):
        enformer(path=str(own_enformer))


@pytest.mark.parametrize("keep", [0, 10, 2_000])
def test_damaged_weights(enformer: Load, own_enformer: Path, keep: int) -> None:
    path = own_enformer / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"pytorch_model\.bin' cannot be read"):
        enformer(path=str(own_enformer))


def test_damaged_safetensors_and_a_head_that_is_off(
    borzoi: Load, saved_borzoi: Path, tmp_path: Path, change_config: Change
) -> None:
    (tmp_path / "config.json").write_text((saved_borzoi / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((saved_borzoi / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"model\.safetensors' cannot be read, or are damaged"):
        borzoi(path=str(tmp_path))
    with pytest.raises(UnknownNameError, match=r"There is no head 'mouse' in the model .* Known: human\."):
        borzoi(head="mouse")
    save_file(load_file(saved_borzoi / "model.safetensors"), tmp_path / "model.safetensors")
    change_config(tmp_path, enable_mouse_head=True)
    with pytest.raises(ModelError, match=r"it lacks mouse_head\.weight, mouse_head\.bias"):
        borzoi(path=str(tmp_path), head="mouse")


def test_pickled_code_is_not_run(enformer: Load, own_enformer: Path) -> None:
    torch.save({"stem": torch.nn.Linear(2, 2)}, own_enformer / "pytorch_model.bin")
    with pytest.raises(ModelError, match="holds more than weights"):
        enformer(path=str(own_enformer))


def test_a_config_that_no_network_can_be_built_of(enformer: Load, own_enformer: Path, change_config: Change) -> None:
    change_config(own_enformer, heads="many")
    with pytest.raises(ModelError, match=r"The network that '.*config\.json' describes cannot be built \(TypeError"):
        enformer(path=str(own_enformer))


def test_flash_attention_is_told_of(borzoi: Load, saved_borzoi: Path, tmp_path: Path, change_config: Change) -> None:
    (tmp_path / "config.json").write_text((saved_borzoi / "config.json").read_text())
    (tmp_path / "model.safetensors").touch()
    change_config(tmp_path, flashed=True)
    with pytest.raises(ModelError, match="needs the package flash-attn and a CUDA GPU"):
        borzoi(path=str(tmp_path))


# --- options ----------------------------------------------------------------------------------------------------------


def test_options_that_do_not_fit(enformer: Load, borzoi: Load, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no head 'humn' in the model .* Did you mean human\?"):
        enformer(head="humn")
    with pytest.raises(
        ConfigError, match=r"2,048 bases has 16 bins of 128 bases, and the option model\.bins asks for 20"
    ):
        enformer(bins=20)
    with pytest.raises(OptionError, match=r"start \(9\) must be before end \(9\)"):
        enformer(start=9, end=9)
    with pytest.raises(DataError, match=r"has 5 rows, and the human head has 6 tracks"):
        enformer(tracks=str(write_table(tmp_path / "t.txt", 5)))
    with pytest.raises(UnknownNameError, match=r"There is no track 'CNhs1061' in '.*targets\.txt'\. Did you mean"):
        borzoi(keep=("CNhs1061",))
    with pytest.raises(UnknownNameError, match=r"There is no track '6' in model 'small-enformer'"):
        enformer(keep=("6",))


def test_stored_positions_need_the_whole_window(enformer: Load, tmp_path: Path) -> None:
    message = r"model\.tf_gamma.* are those of 1,536 positions and 192 dimensions a head, and this model has 16 and 24"
    with pytest.raises(ConfigError, match=message):
        enformer(tf_gamma=True)
    folder = save_enformer(tmp_path / "gamma", use_tf_gamma=True)
    with pytest.raises(ConfigError, match=message):
        enformer(path=str(folder))
    assert enformer(path=str(folder), tf_gamma=False).seq_len == 2048


def test_small_configs_are_what_the_packages_write(saved_borzoi: Path, saved_enformer: Path) -> None:
    for folder, config in ((saved_borzoi, BORZOI_CONFIG), (saved_enformer, ENFORMER_CONFIG)):
        assert config.items() <= json.loads((folder / "config.json").read_text()).items()
