"""A folder as ``save_pretrained`` writes it: ``config.json`` and weights, read from the disk and from nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from decima_core.errors import ConfigError, ModelError, first_line, shorten
from decima_core.weights import fit_weights, read_weights

# In the order in which transformers looks for them; an index names the files that the weights are spread over.
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@attrs.frozen(kw_only=True)
class Folder:
    """A folder with a model: its ``path``, the table of its ``config.json``, and the ``weights`` file or index."""

    path: Path
    config: dict[str, Any]
    weights: Path

    def network(self, build: Callable[[Mapping[str, Any]], nn.Module]) -> tuple[nn.Module, tuple[Path, ...]]:
        """The network that ``build`` makes of the config, with the folder's weights in float32, and the files it is of.

        It is built without memory for its weights, which then come from the files: none can be left random.

        Raises
        ------
        ModelError
            If it cannot be built, or the weights are damaged or do not match it, by name.
        """
        config = self.path / "config.json"
        try:
            with torch.device("meta"):
                network = build(self.config)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"The network that '{config}' describes cannot be built ({first_line(error)}); write it again with "
                "save_pretrained."
            ) from error
        files = self._files()
        state = {name: tensor for file in files for name, tensor in read_weights(str(file)).items()}
        fit_weights(
            network, state, str(self.weights), hint=f"they belong to another config than '{config}'", assign=True
        )
        return network.float().eval(), (config, *files)

    def _files(self) -> tuple[Path, ...]:
        if self.weights.suffix != ".json":
            return (self.weights,)
        table = read_json(self.weights).get("weight_map")
        if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
            raise ModelError(f"'{self.weights}' does not say which files hold the weights; copy the folder again.")
        return tuple(self.path / name for name in sorted(set(table.values())))


def open_folder(path: str, provider: str, kinds: tuple[str, ...]) -> Folder:
    """The folder at ``path``.

    Parameters
    ----------
    provider
        The provider that reads it, for messages.
    kinds
        What the ``model_type`` of its config may be.

    Raises
    ------
    ConfigError
        If no path is given.
    ModelError
        If there is no such folder, it lacks the config or the weights, or it holds a model of another kind.
    """
    if not path:
        raise ConfigError(f"The model '{provider}' needs a folder with config.json and weights: -O model.path=FOLDER.")
    folder = Path(path)
    if not folder.exists():
        raise ModelError(_absent(path))
    if not folder.is_dir():
        raise ModelError(f"'{path}' is a file; the model '{provider}' reads a folder: -O model.path={folder.parent}.")
    if not (folder / "config.json").is_file():
        raise ModelError(f"The folder '{path}' has no config.json; give one that save_pretrained wrote.")
    config = read_json(folder / "config.json")
    kind = config.get("model_type")
    if kind not in kinds:
        raise ModelError(
            f"'{folder / 'config.json'}' is of a model of type {kind!r}; the model '{provider}' reads {' or '.join(kinds)}."
        )
    found = [folder / name for name in WEIGHTS if (folder / name).is_file()]
    if not found:
        raise ModelError(
            f"The folder '{path}' has no weights ({shorten(WEIGHTS[::2])}); copy them from where config.json is from."
        )
    return Folder(path=folder, config=config, weights=found[0])


def read_json(path: Path) -> dict[str, Any]:
    """The table in a JSON file.

    Raises
    ------
    ModelError
        If it cannot be read, or holds something else.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"'{path}' cannot be read ({first_line(error)}); copy the folder again.") from error
    if not isinstance(table, dict):
        raise ModelError(f"'{path}' holds no table of names and values; copy the folder again.")
    return table


def _absent(path: str) -> str:
    if not _HUB_NAME.fullmatch(path):
        return f"There is no folder '{path}'; give the one that holds config.json and the weights."
    folder = path.partition("/")[2]
    return (
        f"There is no folder '{path}', and nothing is fetched from a model hub. If that is a name on the Hugging Face hub, "
        f"fetch it once with 'hf download {path} --local-dir {folder}' and give -O model.path={folder}."
    )
