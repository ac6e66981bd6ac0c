"""Replicates of Decima: which files are meant, and their mean as one module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decima_core.errors import ModelError, first_line, near_matches


class Mean(nn.Module):
    """The mean prediction of several networks, ``(B, C, L) -> (B, T, L')``; so an attribution of it is a mean as well.

    The gradient of the mean is the mean of the gradients, in units of the prediction.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([member(x) for member in self.members]).mean(dim=0)


def files_of(paths: Sequence[str], *, download: bool) -> list[str]:
    """A file for each path; one for each published replicate that is named by number (``0``) or name (``rep0``, ``ensemble``).

    A published replicate is taken from where Decima itself keeps it, and fetched only with ``download``.

    Raises
    ------
    ModelError
        If there is no such file or replicate, or it would have to be fetched and may not, or cannot.
    """
    files = []
    for path in paths:
        if Path(path).is_file():
            files.append(path)
        elif Path(path).suffix or len(Path(path).parts) != 1:
            raise ModelError(f"There is no checkpoint '{path}'; give the path of a .safetensors or .ckpt file.")
        else:
            files.extend(_published_file(entry, download) for entry in _published(path))
    return files


def _published(name: str) -> list[dict[str, Any]]:
    """What Decima knows of a replicate, or of each replicate of an ensemble."""
    from decima.constants import MODEL_METADATA

    known = {str(key): value for key, value in MODEL_METADATA.items()}
    if name not in known:
        near = near_matches(name, known)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ModelError(
            f"'{name}' is neither a file nor a published replicate of Decima (0, 1, 2, 3 or ensemble).{hint}"
        )
    entry = known[name]
    return [known[str(member)] for member in entry] if isinstance(entry, list) else [entry]


def _published_file(entry: dict[str, Any], download: bool) -> str:
    from decima.constants import HF_MODEL_REPO
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    own = entry.get("model_path")
    if own is not None and Path(own).is_file():
        return str(own)
    file = f"{entry['name']}.safetensors"
    kept = try_to_load_from_cache(HF_MODEL_REPO, file)
    if isinstance(kept, str):
        return kept
    if not download:
        raise ModelError(
            f"Decima's replicate '{entry['name']}' is not on this machine, and nothing is fetched unasked; permit it with "
            f"-O model.download=true, or get {file} from huggingface.co/{HF_MODEL_REPO} (decima download-weights does) and give "
            f"-O model.path={file}."
        )
    try:
        return str(hf_hub_download(repo_id=HF_MODEL_REPO, filename=file))
    except Exception as error:
        raise ModelError(
            f"Decima's replicate '{entry['name']}' could not be fetched ({first_line(error)}); get {file} from "
            f"huggingface.co/{HF_MODEL_REPO} by other means and give -O model.path={file}."
        ) from error
