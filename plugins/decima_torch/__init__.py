"""PyTorch models: a Python ``module:callable``, a ``torch.export`` program, TorchScript; and the small demo network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from decima_core import ModelSpec, SequenceModel, hookimpl, option, options_class


@options_class
class TorchOptions:
    path: str = option(
        default="", help="module:callable, file.py:callable, a torch.export program (.pt2) or TorchScript (.pt, .ts)."
    )
    weights: str | None = option(
        default=None, help="Weights for module:callable: .safetensors, or .pt/.pth/.ckpt read as weights only."
    )
    arguments: dict[str, Any] = option(default={}, help="Keyword arguments of the callable.")
    tasks: tuple[str, ...] = option(default=(), help="Task names in output order, if the model does not carry them.")
    tasks_file: str | None = option(default=None, help="A text file with one task name a line.")
    task_table: str | None = option(
        default=None, help="A table of the tasks, so that queries choose among them: .h5ad (its obs), TSV or CSV."
    )
    channels: Literal[4, 5] | None = option(
        default=None, help="4: sequence; 5: sequence and gene mask; none: read off the model."
    )
    seq_len: int | None = option(
        default=None, help="The window length the model needs; none: any, or the exported one.", at_least=1
    )
    name: str | None = option(default=None, help="The model's name in outputs; none: its path.")


@options_class
class DemoOptions:
    weights: str | None = option(
        default=None, help="Trained weights (.safetensors), such as `decima-core demo` writes; none: random."
    )
    tasks: tuple[str, ...] = option(default=("myeloid", "erythroid"), help="Task names.")
    seed: int = option(default=0, help="Seeds the random weights.", at_least=0)


def create_torch(options: TorchOptions) -> SequenceModel:
    from decima_torch.load import load_model

    return load_model(options)


def create_demo(options: DemoOptions) -> SequenceModel:
    from decima_torch.demo import demo_model

    return demo_model(options)


@hookimpl
def decima_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="torch",
        summary="A PyTorch model: module:callable with weights, a torch.export program, or TorchScript.",
        options=TorchOptions,
        create=create_torch,
        suffixes=(".pt2", ".pt", ".pth", ".ts", ".torchscript"),
    )
    yield ModelSpec(
        name="demo",
        summary="The demo's small convolutional network (random until given the weights the demo trains).",
        options=DemoOptions,
        create=create_demo,
    )
