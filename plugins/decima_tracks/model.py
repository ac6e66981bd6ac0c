"""A network that predicts tracks in bins, as the engine takes it: bases in, the chosen tracks and bins out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from decima_core.errors import ModelError, UnknownNameError
from decima_core.models import WrappedModel
from decima_tracks import TrackOptions
from decima_tracks.table import choose_tracks, read_tracks, task_names
from decima_tracks.window import Bins

PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TrackNetwork(nn.Module):
    """``(B, 4, L)`` float32 to ``(B, T, L')``: the chosen tracks in the chosen bins; ``(B, 5, L)`` where the gene is read.

    Parameters
    ----------
    network
        The network below its heads, and its heads: unchanged, and all its weights with it.
    features
        Its method that gives what the heads read, ``(B, bins, F)``, of ``(B, 4, L)``.
    head
        The head's linear layer, or convolution of width 1, ``F -> tracks``.
    activation
        What follows the head.
    kept
        Numbers of the head's outputs to compute; None for all.
    bins
        The window and the bins to keep.
    precision
        The number type of autocast below the head; None for none.
    of_gene
        Multiply each bin by the share of it that the gene mask (channel 4) covers.

    Raises
    ------
    ModelError
        On a window of another length than it was made for, and on a gene of which no bin is predicted.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        features: Callable[[torch.Tensor], torch.Tensor],
        head: nn.Linear | nn.Conv1d,
        activation: nn.Module,
        kept: Sequence[int] | None,
        bins: Bins,
        precision: torch.dtype | None = None,
        of_gene: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.bins = bins
        self.precision = precision
        self.of_gene = of_gene
        self.kept: torch.Tensor | None
        self.register_buffer("kept", None if kept is None else torch.tensor(kept), persistent=False)
        self._features = features
        # In a tuple, so that they are not registered a second time under other names.
        self._head = (head, activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] != self.bins.seq_len:
            raise ModelError(
                f"The model was made for windows of {self.bins.seq_len:,} bases, not {x.shape[-1]:,}; set the option "
                "model.seq_len to change it."
            )
        with torch.autocast(x.device.type, dtype=self.precision, enabled=self.precision is not None):
            features = self._features(x[:, :4])
        # Of each bin by itself, so it need not be done for bins and tracks that nobody asked for.
        features = features[:, self.bins.first : self.bins.last].float()
        head, activation = self._head
        weight, bias = head.weight.flatten(1), head.bias
        if self.kept is not None:
            weight, bias = weight[self.kept], None if bias is None else bias[self.kept]
        predicted: torch.Tensor = activation(functional.linear(features, weight, bias)).transpose(1, 2)
        return predicted * self._shares(x[:, 4:]) if self.of_gene else predicted

    def _shares(self, mask: torch.Tensor) -> torch.Tensor:
        """How much of each bin that is kept the gene mask ``(B, 1, L)`` covers, 0 to 1, ``(B, 1, bins)``."""
        first, number = self.bins.start // self.bins.width, self.bins.last - self.bins.first
        shares = functional.avg_pool1d(mask, self.bins.width)[..., first : first + number]
        if not bool((shares > 0).any(dim=2).all()):
            raise ModelError(
                f"The gene's mask covers none of the bins that are predicted, {self.bins.start:,} to "
                f"{self.bins.start + number * self.bins.width:,} of the window; change model.bins, model.start and model.end, "
                "or place the gene elsewhere in its window."
            )
        return shares


@attrs.frozen(kw_only=True, eq=False)
class TrackModel(WrappedModel):
    """A model of tracks.

    Parameters
    ----------
    task_table
        A row for each task, in output order, indexed by task name: the table's columns and ``track``, the number of the
        track in the whole model.
    bin_width
        Bases a bin.
    first_bin
        Position in the window, 0-based in transcript orientation, at which the first output bin begins.
    """

    task_table: pd.DataFrame
    bin_width: int
    first_bin: int


def finish(
    network: nn.Module,
    options: TrackOptions,
    *,
    bins: Bins,
    features: Callable[[torch.Tensor], torch.Tensor],
    head: nn.Linear | nn.Conv1d,
    activation: nn.Module,
    table: Path | None,
    files: Sequence[Path],
) -> TrackModel:
    """The model that ``options`` describe, of a network with its weights; parameters as for :class:`TrackNetwork`.

    Raises
    ------
    DataError
        If the table of tracks cannot be read or is not that of the head.
    UnknownNameError
        If a track to keep does not exist.
    """
    label = options.name or Path(options.path).resolve().name
    tracks = _tracks(table, head.weight.shape[0], options)
    where = f"model '{label}'" if table is None else f"'{table}'"
    kept = choose_tracks(options.keep, tracks, where) if options.keep else None
    if kept is not None:
        tracks = tracks.iloc[kept]
    return TrackModel(
        module=TrackNetwork(
            network,
            features=features,
            head=head,
            activation=activation,
            kept=kept,
            bins=bins,
            precision=PRECISIONS.get(options.precision),
            of_gene=options.over == "gene",
        ).eval(),
        channels=5 if options.over == "gene" else 4,
        tasks=tuple(tracks.index),
        seq_len=bins.seq_len,
        name=f"{label} ({options.head})",
        files=tuple(str(file) for file in (*files, *([] if table is None else [table]))),
        task_table=tracks,
        bin_width=bins.width,
        first_bin=bins.start,
    )


def _tracks(path: Path | None, count: int, options: TrackOptions) -> pd.DataFrame:
    """The table of all tracks of the head, indexed by task name; names are "track0", "track1" ... where there is none."""
    if path is None:
        table = pd.DataFrame({"track": range(count)})
        return table.set_index(pd.Index([f"track{number}" for number in range(count)]))
    table = read_tracks(path, count, f"the {options.head} head")
    table["track"] = range(count)
    return table.set_index(pd.Index(task_names(table, options.names, f"'{path}'")))


def known_head(wanted: str, heads: Sequence[str], folder: Path) -> str:
    """``wanted``, if the model has such a head.

    Raises
    ------
    UnknownNameError
        If it has not.
    """
    if wanted not in heads:
        raise UnknownNameError("head", wanted, heads, where=f"the model '{folder}'")
    return wanted
