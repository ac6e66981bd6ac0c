"""Models that predict tracks along the genome, Borzoi and Enformer, from folders of weights on this computer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from decima_core import ModelSpec, OptionError, SequenceModel, hookimpl, option, options_class


@options_class
class TrackOptions:
    """What both models can be asked."""

    path: str = option(
        default="",
        help="The model's folder, as save_pretrained writes it: config.json and the weights. Nothing is fetched.",
    )
    head: str = option(default="human", help="The species whose tracks are predicted: human or mouse.")
    tracks: str | None = option(
        default=None,
        help="A table with a track a row in the model's order (TSV or CSV with identifier, description ...), such as targets.txt.",
    )
    names: Literal["identifier", "description"] = option(
        default="identifier", help="The column of the table that tasks are named by."
    )
    keep: tuple[str, ...] = option(
        default=(),
        help="The tracks to predict, by number from 0, identifier, description or pattern (CAGE:*monocyte*); empty: all.",
    )
    seq_len: int | None = option(
        default=None, help="The window length in bases; none: the one that the model was trained on.", at_least=1
    )
    bins: int | None = option(
        default=None,
        help="How many bins in the middle of the window are predicted; none: as config.json says.",
        at_least=1,
    )
    start: int | None = option(
        default=None, help="Leave out bins that end at or before this position of the window, from 0.", at_least=0
    )
    end: int | None = option(
        default=None, help="Leave out bins that begin at or after this position of the window.", at_least=1
    )
    over: Literal["window", "gene"] = option(
        default="window",
        help="gene: each bin counts by the share of it that the gene's mask covers, so that bins outside the gene are zero.",
    )
    precision: Literal["float32", "bfloat16", "float16"] = option(
        default="float32", help="The number type below the head; all but float32 use torch's autocast."
    )
    name: str | None = option(default=None, help="The model's name in outputs; none: its folder's.")

    def __attrs_post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise OptionError(f"start ({self.start:,}) must be before end ({self.end:,})")


@options_class
class BorzoiOptions(TrackOptions):
    """Borzoi's options."""


@options_class
class EnformerOptions(TrackOptions):
    """Enformer's options."""

    tf_gamma: bool | None = option(
        default=None,
        help="Take the stored positional features that the official weights need; none: as config.json says.",
    )


def create_borzoi(options: BorzoiOptions) -> SequenceModel:
    from decima_tracks.borzoi import load_borzoi

    return load_borzoi(options)


def create_enformer(options: EnformerOptions) -> SequenceModel:
    from decima_tracks.enformer import load_enformer

    return load_enformer(options)


@hookimpl
def decima_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="borzoi",
        summary="Borzoi: RNA-seq, CAGE, DNase, ATAC and ChIP-seq tracks in bins of 32 bases from 524,288 bases.",
        options=BorzoiOptions,
        create=create_borzoi,
        requires=("borzoi_pytorch",),
        install="decima-core[borzoi]",
    )
    yield ModelSpec(
        name="enformer",
        summary="Enformer: CAGE, DNase, ATAC and ChIP-seq tracks in bins of 128 bases from 196,608 bases.",
        options=EnformerOptions,
        create=create_enformer,
        requires=("enformer_pytorch",),
        install="decima-core[enformer]",
    )
