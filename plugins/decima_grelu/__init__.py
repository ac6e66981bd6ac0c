"""Models of gReLU and of Decima, from their checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from decima_core import ModelSpec, SequenceModel, hookimpl, option, options_class

_TABLE = "A table of the tasks, so that queries choose among them: .h5ad (its obs), TSV or CSV; none: what the checkpoint knows."
_TRUST = "Unpickle all that the checkpoint holds; this can run code of whoever wrote it. Off: numbers, text and arrays alone."
_NAME = "The model's name in outputs; none: the checkpoint's."


@options_class
class GreluOptions:
    path: str = option(default="", help="A checkpoint (.ckpt) of a gReLU LightningModel.")
    task_table: str | None = option(default=None, help=_TABLE)
    seq_len: int | None = option(
        default=None,
        help="The window length it needs; none: the one it was trained at, as the checkpoint says.",
        at_least=1,
    )
    name: str | None = option(default=None, help=_NAME)
    trust: bool = option(default=False, help=_TRUST)


@options_class
class DecimaOptions:
    path: tuple[str, ...] = option(
        default=(),
        help="Checkpoints (.safetensors or .ckpt), whose predictions are averaged if there are several; or published replicates: 0 to 3.",
    )
    task_table: str | None = option(default=None, help=f"{_TABLE} Decima's metadata.h5ad is one.")
    seq_len: int | None = option(
        default=None, help="The window length it needs; none: the checkpoint's, or Decima's 524,288.", at_least=1
    )
    name: str | None = option(default=None, help=_NAME)
    download: bool = option(
        default=False, help="Fetch published replicates from Hugging Face where this machine does not have them."
    )
    trust: bool = option(default=False, help=_TRUST)


def create_grelu(options: GreluOptions) -> SequenceModel:
    from decima_grelu.models import grelu_model

    return grelu_model(options)


def create_decima(options: DecimaOptions) -> SequenceModel:
    from decima_grelu.models import decima_model

    return decima_model(options)


@hookimpl
def decima_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="grelu",
        summary="A model trained with gReLU, from its checkpoint (.ckpt).",
        options=GreluOptions,
        create=create_grelu,
        suffixes=(".ckpt",),
        requires=("grelu",),
        install="decima-core[grelu]",
    )
    yield ModelSpec(
        name="decima",
        summary="Decima, one replicate or the mean of several, from its checkpoints (.safetensors or .ckpt).",
        options=DecimaOptions,
        create=create_decima,
        requires=("decima",),
        install="decima-core[decima]",
    )
