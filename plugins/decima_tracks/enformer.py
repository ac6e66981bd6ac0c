"""Enformer (Avsec et al. 2021, https://doi.org/10.1038/s41592-021-01252-x) as the package enformer-pytorch builds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from enformer_pytorch import Enformer, EnformerConfig
from torch import nn

from decima_core.errors import ConfigError
from decima_tracks import EnformerOptions
from decima_tracks.model import TrackModel, finish, known_head
from decima_tracks.pretrained import Folder, open_folder
from decima_tracks.window import place_bins

# The transformer of the published model attends over 1,536 positions, each of 2 ** num_downsamples = 128 bases.
POSITIONS = 1536
# The stored positional features are those of this many dimensions a head.
GAMMA_DIM = 192


class Features:
    """What Enformer's heads read, ``(B, bins, F)``, of one-hot ``(B, 4, L)``; the network itself takes ``(B, L, 4)``."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.transpose(1, 2), return_only_embeddings=True)  # type: ignore[no-any-return]


def load_enformer(options: EnformerOptions) -> TrackModel:
    """The model in the folder ``options.path``, on the CPU.

    The window is 1,536 bins of ``2 ** num_downsamples`` bases (196,608) unless ``seq_len`` says otherwise; the config does
    not hold it.

    Raises
    ------
    ConfigError
        If no path is given, window and bins do not fit, or ``tf_gamma`` does not fit the network.
    ModelError
        If the folder cannot be read, or its weights do not match its config.
    DataError
        If the table of tracks cannot be read or is not the model's.
    UnknownNameError
        If the head or a track to keep does not exist.
    """
    folder = open_folder(options.path, "enformer", ("enformer",))
    config = EnformerConfig(**folder.config)
    width = 2**config.num_downsamples
    bins = place_bins(
        f"model '{options.path}'",
        seq_len=options.seq_len or POSITIONS * width,
        step=width,
        width=width,
        configured=config.target_length,
        bins=options.bins,
        start=options.start,
        end=options.end,
    )
    head = known_head(options.head, list(config.output_heads), folder.path)
    gamma = config.use_tf_gamma if options.tf_gamma is None else options.tf_gamma
    if gamma:
        _check_gamma(config, folder, bins.seq_len // width)

    def build(values: Mapping[str, Any]) -> nn.Module:
        # Checkpoints in the trunk trade time for memory in training; predictions and gradients are the same without.
        changed = {"target_length": bins.cropped, "use_tf_gamma": gamma, "use_checkpointing": False}
        return Enformer(EnformerConfig(**{**values, **changed}))  # type: ignore[no-any-return]

    network, files = folder.network(build)
    layer, activation = network._heads[head]  # type: ignore[index]
    return finish(
        network,
        options,
        bins=bins,
        features=Features(network),
        head=layer,
        activation=activation,
        table=Path(options.tracks) if options.tracks else None,
        files=files,
    )


def _check_gamma(config: Any, folder: Folder, positions: int) -> None:
    if positions != POSITIONS or config.dim // config.heads != GAMMA_DIM:
        raise ConfigError(
            f"The stored positional features (model.tf_gamma, or use_tf_gamma in '{folder.path / 'config.json'}') are those of "
            f"{POSITIONS:,} positions and {GAMMA_DIM} dimensions a head, and this model has {positions:,} and "
            f"{config.dim // config.heads}; give -O model.tf_gamma=false, or the whole window."
        )
