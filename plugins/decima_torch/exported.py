"""``torch.export`` programs (.pt2)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from decima_core.errors import ModelError, first_line


class ExportedModel(nn.Module):
    """An exported program as a module.

    A program is fixed when it is exported, training mode included, so switching the mode does nothing here (the program's
    own module refuses it with an exception). A program exported for one example a batch is run example by example.
    """

    def __init__(self, program: torch.export.ExportedProgram, batch: int | None) -> None:
        super().__init__()
        self.program = program.module()
        self.batch = batch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.batch is None or x.shape[0] == self.batch:
            return self.program(x)  # type: ignore[no-any-return]
        if self.batch != 1:
            raise ValueError(f"the program was exported for batches of {self.batch}; export it with a dynamic batch")
        return torch.cat([self.program(one[None]) for one in x])

    def train(self, mode: bool = True) -> ExportedModel:
        self.training = mode
        return self


def load_exported(path: str) -> tuple[nn.Module, tuple[int | None, int | None, int | None]]:
    """The program, and the shape of its input (batch, channels, length), None where it is dynamic.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or the program does not take one tensor of rank 3.
    """
    if not Path(path).is_file():
        raise ModelError(f"There is no model file '{path}'.")
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise ModelError(f"The torch.export program '{path}' cannot be loaded: {first_line(error)}") from error
    names = program.graph_signature.user_inputs
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    shapes = [tuple(node.meta["val"].shape) for node in inputs if "val" in node.meta]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        raise ModelError(f"The program '{path}' must take one tensor (batch, channels, length); it takes {shapes}.")
    batch, channels, length = (int(n) if isinstance(n, int) else None for n in shapes[0])
    return ExportedModel(program, batch), (batch, channels, length)
