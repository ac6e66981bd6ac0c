"""Borzoi (Linder et al. 2025, https://doi.org/10.1038/s41588-024-02053-6) as the package borzoi-pytorch builds it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import borzoi_pytorch
import torch
from borzoi_pytorch.config_borzoi import BorzoiConfig, PrimeConfig
from torch import nn

from decima_core.errors import ModelError
from decima_tracks import BorzoiOptions
from decima_tracks.model import TrackModel, finish, known_head
from decima_tracks.pretrained import open_folder
from decima_tracks.window import place_bins

# The innermost layer attends over positions of 128 bases, and its positional features are made for 4,096 of them.
STEP, POSITIONS = 128, 4096
# By model_type: the network, its config, and the bases a bin.
KINDS = {
    "borzoi": (borzoi_pytorch.Borzoi, BorzoiConfig, 32),
    "prime": (borzoi_pytorch.Prime, PrimeConfig, 16),
}
# The margin, in bins, that the network cuts off where its config asks for no crop of its own.
_MARGIN = 32


class Features:
    """What Borzoi's heads read, ``(B, bins, F)``, of one-hot ``(B, 4, L)``."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.attention = [module for module in network.modules() if hasattr(module, "positions")]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        # The network keeps the positional features of its first input, also on another device or in another length.
        self._forget()
        try:
            return self.network.final_joined_convs(self.network.get_embs_after_crop(x)).transpose(1, 2)  # type: ignore[no-any-return]
        finally:
            self._forget()

    def _forget(self) -> None:
        for module in self.attention:
            module.positions = None


def load_borzoi(options: BorzoiOptions) -> TrackModel:
    """The model in the folder ``options.path``, on the CPU.

    The window is 4,096 positions of 128 bases (524,288) unless ``seq_len`` says otherwise; the config does not hold it.

    Raises
    ------
    ConfigError
        If no path is given, or window and bins do not fit.
    ModelError
        If the folder cannot be read, or its weights do not match its config.
    DataError
        If the table of tracks cannot be read or is not the model's.
    UnknownNameError
        If the head or a track to keep does not exist.
    """
    folder = open_folder(options.path, "borzoi", tuple(KINDS))
    kind, config = folder.config["model_type"], folder.config
    network_class, config_class, width = KINDS[kind]
    if config.get("flashed") and importlib.util.find_spec("flash_attn") is None:
        raise ModelError(
            f"The model '{options.path}' attends by flash attention, which needs the package flash-attn and a CUDA GPU; install "
            "it with: pip install flash-attn, or take a model without it."
        )
    heads = [h for h, on in (("human", True), ("mouse", False)) if config.get(f"enable_{h}_head", on)]
    head = known_head(options.head, heads, folder.path)
    total = POSITIONS * STEP // width
    bins = place_bins(
        f"model '{options.path}'",
        seq_len=options.seq_len or POSITIONS * STEP,
        step=STEP,
        width=width,
        configured=config.get("bins_to_return", -1) if config.get("return_center_bins_only", True) else total - _MARGIN,
        bins=options.bins,
        start=options.start,
        end=options.end,
    )

    def build(values: Mapping[str, Any]) -> nn.Module:
        crop = {"return_center_bins_only": True, "bins_to_return": bins.cropped}
        return network_class(config_class(**{**values, **crop}))  # type: ignore[no-any-return]

    network, files = folder.network(build)
    layer: nn.Conv1d = getattr(network, f"{head}_head")
    return finish(
        network,
        options,
        bins=bins,
        features=Features(network),
        head=layer,
        activation=network.final_softplus,  # type: ignore[arg-type]
        table=Path(options.tracks) if options.tracks else own_table(kind, head),
        files=files,
    )


def own_table(kind: str, head: str) -> Path | None:
    """The package's own table of Borzoi's human tracks; None for other models, of which it has none."""
    table = Path(borzoi_pytorch.__file__).parent / "precomputed" / "targets.txt"
    return table if (kind, head) == ("borzoi", "human") and table.is_file() else None
