"""``torch.export`` programs (.pt2)."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import nn

from decima_core.errors import ModelError, first_line


class ExportedModel(nn.Module):
    """An exported program as a module.

    A program is fixed when it is exported, training mode included, so switching the mode does nothing here (the program's
    own module refuses it with an exception). A program exported for one example (``single``) is run example by example.
    """

    def __init__(self, program: torch.export.ExportedProgram, single: bool) -> None:
        super().__init__()
        self.program = program.module()
        self.single = single

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.single or x.shape[0] == 1:
            return self.program(x)  # type: ignore[no-any-return]
        return torch.cat([self.program(one[None]) for one in x])

    def train(self, mode: bool = True) -> ExportedModel:
        self.training = mode
        return self


def load_exported(path: str) -> tuple[nn.Module, int | None, int | None]:
    """The program, and the channels and the length of its input, None where they are dynamic.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or the program does not take one tensor (batch, 4 or 5, length).
    """
    if not Path(path).is_file():
        raise ModelError(f"There is no model file '{path}'.")
    # torch logs a failure with its traceback before it raises.
    torch_log = logging.getLogger("torch.export")
    level = torch_log.level
    torch_log.setLevel(logging.CRITICAL)
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise ModelError(
            f"The torch.export program '{path}' cannot be loaded ({first_line(error)}): it is damaged or something else. "
            "Write it with torch.export.save; weights alone go with --model module:callable -O model.weights=FILE."
        ) from error
    finally:
        torch_log.setLevel(level)
    names = program.graph_signature.user_inputs
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    shapes = [tuple(node.meta["val"].shape) for node in inputs if "val" in node.meta]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        taken = " and ".join(str(shape) for shape in shapes) or "none"
        raise ModelError(f"The program '{path}' must take one tensor (batch, channels, length); it takes {taken}.")
    batch, channels, length = (int(n) if isinstance(n, int) else None for n in shapes[0])
    if batch not in (1, None):
        raise ModelError(
            f"The program '{path}' was exported for batches of {batch}; export it for a batch of 1, or with a dynamic batch."
        )
    if channels not in (4, 5, None):
        raise ModelError(
            f"The program '{path}' takes {channels} channels; a model reads 4 (bases) or 5 (bases and gene mask)."
        )
    return ExportedModel(program, single=batch == 1), channels, length
