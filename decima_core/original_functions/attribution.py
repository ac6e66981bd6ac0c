"""``attributions``: which bases of one gene drive a model's prediction for chosen tasks."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from decima_core.attribute import run_method
from decima_core.device import resolve_device
from decima_core.errors import ConfigError, DataError, ModelError
from decima_core.guard import left_as_found
from decima_core.models import WrappedModel, guess_channels, task_names
from decima_core.options import build
from decima_core.original_functions.kept import PathLike, open_genes, registry
from decima_core.providers import AttributionMethod
from decima_core.records import Attribution
from decima_core.sections import TargetOptions
from decima_core.targets import make_target


def attributions(
    gene: str | None,
    tasks: Any,
    model: Any,
    device: str | torch.device | None = None,
    h5_file: PathLike | None = None,
    inputs: torch.Tensor | npt.NDArray[Any] | None = None,
    off_tasks: Any = None,
    transform: Literal["specificity", "aggregate"] = "specificity",
    method: Any = "input-x-gradient",
    **kwargs: Any,
) -> tuple[npt.NDArray[np.float32], Any]:
    """Attributions of one gene, and the position of its TSS.

    Parameters
    ----------
    gene, h5_file
        The gene to read from a file; not used if ``inputs`` are given.
    inputs
        ``(5, L)`` sequence and mask, or ``(4, L)`` sequence for a model that reads no mask; or a batch of either.
    tasks, off_tasks
        One or several task names or numbers; off-tasks default to all others.
    model
        A ``torch.nn.Module``, a wrapped model, or a LightningModel with ``data_params["tasks"]["name"]``.
    transform
        ``"specificity"`` (mean of tasks - mean of off-tasks) or ``"aggregate"`` (mean of tasks); output positions are summed.
    method
        A provider's name, a captum class, or an object with the AttributionMethod protocol.
    kwargs
        Options of the provider, or keyword arguments of the captum class.

    Returns
    -------
    ``(4, L)`` float32 and the TSS (None without a mask); for a batch ``(B, 4, L)`` and an array ``(B,)``.

    Raises
    ------
    DecimaError
        One of its subclasses for anything that does not fit; the model is left exactly as found, also then.
    """
    batch, single, starts = _batch(gene, h5_file, inputs)
    wrapped = _wrap(model, batch.shape[1])
    choice = {"transform": transform, "tasks": _names(tasks), "off_tasks": _names(off_tasks)}
    target = make_target(wrapped, build(TargetOptions, choice, "the target"))
    attributer, name = _method(method, kwargs)
    where = resolve_device(device)
    sequence = batch[:, :4].to(where)
    mask = batch[:, 4:5].to(where) if wrapped.channels == 5 else None
    with left_as_found(target, where):
        scores = run_method(attributer, target, sequence, mask, gene or "inputs", name)
    values = scores.values.detach().to("cpu", torch.float32).numpy()
    for row in values:
        Attribution(gene=gene or "inputs", values=row, method=name)  # refuses NaN, by name
    return (values[0], starts[0]) if single else (values, np.array(starts))


def _batch(gene: str | None, h5_file: PathLike | None, inputs: Any) -> tuple[torch.Tensor, bool, list[int | None]]:
    """Inputs ``(B, 4 or 5, L)``, whether one gene was asked for, and the TSS of each."""
    if inputs is None:
        if h5_file is None or gene is None:
            raise ConfigError("Give either inputs, or a gene and the h5_file that holds it.")
        record = open_genes(h5_file).source.read(gene)
        return torch.from_numpy(record.inputs())[None], True, [record.tss]
    tensor = torch.as_tensor(inputs).detach().to(torch.float32)
    if tensor.ndim not in (2, 3) or tensor.shape[-2] not in (4, 5):
        raise DataError(
            f"inputs have shape {tuple(tensor.shape)}; they must be (5, length) with the gene mask last, (4, length) "
            "without one, or a batch of either."
        )
    single = tensor.ndim == 2
    batch = tensor[None] if single else tensor
    if batch.shape[1] == 4:
        return batch, single, [None] * len(batch)
    for i, mask in enumerate(batch[:, 4]):
        if not mask.any():
            raise DataError(
                f"The gene mask of {gene or f'input {i}'} is all zero, so its TSS is unknown; mask the gene's bases."
            )
    return batch, single, [int(row.nonzero()[0, 0]) for row in batch[:, 4]]


def _wrap(model: Any, given: int) -> WrappedModel:
    """The model with as many channels as it reads: its own word first, else as many as were given."""
    if not isinstance(model, nn.Module):
        module = getattr(model, "module", None)
        if not isinstance(module, nn.Module):
            raise ModelError(f"The model is a {type(model).__name__}; give a torch.nn.Module or a wrapped model.")
        channels, names, label = int(model.channels), tuple(model.tasks), str(model.name)
    else:
        module, names, label = model, task_names(model), type(model).__name__
        channels = guess_channels(model) or given
    if channels > given:
        raise ModelError(f"Model '{label}' reads 5 channels, but the inputs have 4; add the gene mask as the fifth.")
    return WrappedModel(module=module, channels=channels, tasks=names, name=label)


def _names(tasks: Any) -> tuple[str, ...]:
    if tasks is None:
        return ()
    if isinstance(tasks, (str, int, np.integer)):
        return (str(tasks),)
    return tuple(str(t) for t in tasks)


def _method(method: Any, kwargs: dict[str, Any]) -> tuple[AttributionMethod, str]:
    if isinstance(method, str):
        return registry().create("method", method, **kwargs), method
    if isinstance(method, type) and method.__module__.split(".")[0] == "captum":
        return registry().create("method", "captum", cls=method, arguments=kwargs), method.__name__
    if isinstance(method, type) or not hasattr(method, "attribute"):
        raise ConfigError(
            f"The method {method!r} is neither a provider's name, nor a captum class, nor an object with attribute()."
        )
    if kwargs:
        raise ConfigError(
            f"{', '.join(kwargs)} cannot be passed to a method that is an object already; build it with them."
        )
    return method, type(method).__name__
