"""What every model promises; checked on a window of the length it needs (2,048 bases where any will do)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from decima_core.guard import left_as_found
from decima_core.providers import DescribedModel, SequenceModel
from decima_core.sequence import N_CODE, one_hot
from decima_core.testing.results import CheckSkippedError, require
from decima_core.testing.samples import random_codes, record
from decima_core.testing.subject import Subject

LENGTH = 2_048


def _inputs(model: SequenceModel, batch: int = 1, seed: int = 0) -> torch.Tensor:
    """Random windows with a gene mask if the model reads one, ``(batch, channels, L)``."""
    length = model.seq_len or LENGTH
    windows = [record(random_codes(length, seed + i)).inputs()[: model.channels] for i in range(batch)]
    return torch.from_numpy(np.stack(windows))


def _predict(model: SequenceModel, inputs: torch.Tensor) -> torch.Tensor:
    with left_as_found(model.module), torch.no_grad():
        out = model.module(inputs)
    require(
        isinstance(out, torch.Tensor),
        f"The module of model '{model.name}' returned {type(out).__name__}; it must return one tensor.",
    )
    return out  # type: ignore[no-any-return]


def check_model_describes_itself(subject: Subject) -> None:
    """name, channels, tasks, seq_len and files have the types that the protocol states."""
    model = subject.provider
    require(isinstance(model.name, str) and model.name, f"name of {subject.label} must be text, not {model.name!r}.")
    require(model.channels in (4, 5), f"channels of {subject.label} must be 4 or 5, not {model.channels!r}.")
    tasks = list(model.tasks)
    require(all(isinstance(t, str) for t in tasks), f"tasks of {subject.label} must be a sequence of text.")
    require(
        len(set(tasks)) == len(tasks), f"tasks of {subject.label} has a name twice; nobody could choose one of the two."
    )
    require(
        model.seq_len is None or (type(model.seq_len) is int and model.seq_len > 0),
        f"seq_len of {subject.label} must be None or a positive whole number, not {model.seq_len!r}.",
    )
    require(isinstance(model.module, torch.nn.Module), f"module of {subject.label} must be a torch.nn.Module.")
    for file in model.files:
        require(Path(file).exists(), f"files of {subject.label} names '{file}', which does not exist.")


def check_model_task_table(subject: Subject) -> None:
    """A table of tasks, where there is one, has a row for each task, in output order, and each column once."""
    model = subject.provider
    table = model.task_table if isinstance(model, DescribedModel) else None
    if table is None:
        raise CheckSkippedError("It has no table of its tasks.")
    require(
        [str(name) for name in table.index] == list(model.tasks),
        f"The rows of the task_table of {subject.label} are not its tasks, name by name; put them in the order of the output.",
    )
    require(
        table.columns.is_unique,
        f"The task_table of {subject.label} has a column twice; a query could not tell which is meant.",
    )


def check_model_output(subject: Subject) -> None:
    """``(B, channels, L)`` gives finite floating-point predictions, ``(B, T)`` or ``(B, T, L')``, one for each task."""
    model = subject.provider
    out = _predict(model, _inputs(model, 2))
    require(
        out.ndim in (2, 3) and out.shape[0] == 2 and 0 not in out.shape,
        f"{subject.label} returned shape {tuple(out.shape)} for a batch of 2; it must be (2, tasks) or (2, tasks, positions).",
    )
    require(
        out.is_floating_point(), f"{subject.label} returned {out.dtype}; it must return floating-point predictions."
    )
    require(
        bool(torch.isfinite(out).all()), f"{subject.label} predicts NaN or infinity on random DNA; check its weights."
    )
    require(
        not model.tasks or out.shape[1] == len(model.tasks),
        f"{subject.label} names {len(model.tasks)} tasks and predicts {out.shape[1]}.",
    )


def check_model_deterministic(subject: Subject) -> None:
    """The same input gives the same prediction in evaluation mode, also in a model made anew from the same options."""
    model = subject.provider
    inputs = _inputs(model)
    first = _predict(model, inputs)
    torch.manual_seed(1)
    require(
        torch.equal(_predict(model, inputs), first),
        f"{subject.label} predicts something else at the second call; turn randomness off in evaluation mode.",
    )
    again = _predict(subject.create(), inputs)
    require(
        torch.allclose(again, first, rtol=1e-4, atol=1e-6),
        f"{subject.label} made twice from the same options predicts differently; load or seed every weight.",
    )


def check_model_batch_equals_singles(subject: Subject) -> None:
    """A window's prediction does not depend on what else is in the batch."""
    model = subject.provider
    inputs = _inputs(model, 3)
    together = _predict(model, inputs)
    alone = torch.cat([_predict(model, inputs[i : i + 1]) for i in range(3)])
    require(
        torch.allclose(together, alone, rtol=1e-3, atol=1e-5 + 1e-4 * float(together.abs().max())),
        f"{subject.label} predicts differently in a batch than alone (by up to {float((together - alone).abs().max()):.2g}); "
        "normalise by stored statistics, not by the batch.",
    )


def check_model_reads_the_sequence(subject: Subject) -> None:
    """Predictions differ between sequences, and gradients of them reach the bases."""
    model = subject.provider
    a, b = _predict(model, _inputs(model, seed=0)), _predict(model, _inputs(model, seed=100))
    require(
        not torch.equal(a, b), f"{subject.label} predicts the same for two different sequences; are its weights loaded?"
    )
    inputs = _inputs(model).requires_grad_()
    with left_as_found(model.module):
        out = model.module(inputs)
        require(
            out.requires_grad,
            f"No gradient of {subject.label} reaches its input; take detach, no_grad and rounding out of its forward.",
        )
        (gradient,) = torch.autograd.grad(out.sum(), inputs)
    require(
        bool(torch.isfinite(gradient).all()) and bool(gradient[:, :4].any()),
        f"The gradient of {subject.label} at its input is zero everywhere, or not finite.",
    )


def check_model_takes_n(subject: Subject) -> None:
    """Unknown bases, columns of zeros, give a finite prediction."""
    model = subject.provider
    codes = random_codes(model.seq_len or LENGTH)
    codes[: len(codes) // 3] = N_CODE
    inputs = _inputs(model)
    inputs[:, :4] = torch.from_numpy(one_hot(codes))
    require(
        bool(torch.isfinite(_predict(model, inputs)).all()),
        f"{subject.label} predicts NaN or infinity where bases are N (columns of zeros); do not divide by their number.",
    )


def check_model_left_as_found(subject: Subject) -> None:
    """A prediction changes neither its input nor the model: weights, buffers, mode."""
    model = subject.provider
    inputs = _inputs(model, 2)
    kept = inputs.clone()
    before = _state(model.module)
    _predict(model, inputs)
    require(torch.equal(inputs, kept), f"{subject.label} changes its input in place; work on a copy.")
    changed = [name for name, value in _state(model.module).items() if not _same(value, before.get(name))]
    require(
        not changed,
        f"A prediction changes {', '.join(changed[:4])} of {subject.label}; update nothing in evaluation mode.",
    )


CHECKS = (
    check_model_describes_itself,
    check_model_task_table,
    check_model_output,
    check_model_deterministic,
    check_model_batch_equals_singles,
    check_model_reads_the_sequence,
    check_model_takes_n,
    check_model_left_as_found,
)


def _state(module: torch.nn.Module) -> dict[str, Any]:
    state: dict[str, Any] = {name: value.detach().clone() for name, value in module.state_dict().items()}
    state |= {f"training flag of '{name}'": child.training for name, child in module.named_modules()}
    return state


def _same(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a is b
