"""One forward pass of a model: its input put together, its output checked, what goes wrong told in words."""

from __future__ import annotations

import torch
from torch import nn

from decima_core.errors import DecimaError, ModelError, first_line


def call_model(
    module: nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None, n_tasks: int | None = None
) -> torch.Tensor:
    """The model's output ``(B, T)`` or ``(B, T, L')`` for sequences ``(B, 4, L)`` and masks ``(B, 1, L)`` or None.

    The model gets a tensor of its own, in the number type of its weights; the output comes back in that of the sequence.

    Raises
    ------
    ModelError
        If the model raises, or its output does not fit, or has another number of tasks than ``n_tasks``.
    """
    # Always a tensor of its own: a model that works in place must not change what is being explained.
    inputs = sequence.clone() if mask is None else torch.cat([sequence, mask.to(sequence.dtype)], dim=1)
    return _checked(_output(module, inputs.to(_dtype(module))), inputs, n_tasks).to(sequence.dtype)


def _dtype(module: nn.Module) -> torch.dtype:
    """The number type of the model's weights, in which it expects its input."""
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)


def _output(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    try:
        output = module(inputs)
    except DecimaError:
        raise
    except torch.cuda.OutOfMemoryError as error:
        raise ModelError(
            f"The GPU ran out of memory on an input of shape {tuple(inputs.shape)}; "
            "use a shorter seq_len, a smaller internal batch size of the method, or --device cpu."
        ) from error
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"The model raised on an input of shape {tuple(inputs.shape)}: {first_line(error).rstrip('.')}. "
            "Check that its channels (option model.channels) and its window length (--seq-len) fit."
        ) from error
    if not isinstance(output, torch.Tensor):
        raise ModelError(
            f"The model returned {type(output).__name__}; it must return one tensor of shape (batch, tasks) or "
            "(batch, tasks, positions). Wrap it in a function that picks one output."
        )
    return output


def _checked(output: torch.Tensor, inputs: torch.Tensor, n_tasks: int | None) -> torch.Tensor:
    if output.ndim == 1 and output.shape[0] == inputs.shape[0]:
        output = output[:, None]
    if output.ndim not in (2, 3) or output.shape[0] != inputs.shape[0] or 0 in output.shape:
        raise ModelError(
            f"The model returned shape {tuple(output.shape)} for an input of shape {tuple(inputs.shape)}; "
            "it must be (batch, tasks) or (batch, tasks, positions)."
        )
    if not output.is_floating_point():
        raise ModelError(f"The model returned {output.dtype} numbers; it must return floating-point predictions.")
    if n_tasks is not None and output.shape[1] != n_tasks:
        raise ModelError(
            f"The model has {output.shape[1]} tasks, but {n_tasks} task names are known; give task numbers, or "
            "the right names with the option model.tasks."
        )
    return output
