"""One gene, one model, one method, one target or several: the attributions, checked."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch

from decima_core.errors import AttributionError, DataError, ModelError, guarded
from decima_core.joint_method import JointMethod
from decima_core.joint_target import JointTarget
from decima_core.providers import AttributionMethod, Scores, SequenceModel
from decima_core.records import Attribution, GeneRecord
from decima_core.sequence import N_CODE
from decima_core.targets import Target

logger = logging.getLogger(__name__)


def explain(
    record: GeneRecord,
    model: SequenceModel,
    target: Target,
    method: AttributionMethod,
    device: torch.device,
    method_name: str = "",
) -> Attribution:
    """The attribution of ``target`` on one gene.

    The caller holds the target in evaluation mode (:func:`decima_core.guard.left_as_found`).

    Raises
    ------
    DataError
        If the model reads the gene mask and the window holds none of the gene.
    ModelError
        If the model does not fit the window, raises, or predicts NaN.
    AttributionError
        If the method raises or returns something unusable.
    """
    sequence, mask = model_inputs(record, model, device)
    name = method_name or type(method).__name__
    with _about(record.gene):
        scores = run_method(method, target, sequence, mask, record.gene, name)
        return _attribution(record, model, target, scores, (sequence, mask), name)


def explain_each(
    record: GeneRecord,
    model: SequenceModel,
    targets: JointTarget,
    method: AttributionMethod,
    device: torch.device,
    method_name: str = "",
) -> Generator[Attribution, None, None]:
    """The attribution of each of several targets on one gene, in turn: those that :func:`explain` gives, within rounding.

    Where the method can (:class:`~decima_core.joint_method.JointMethod`), all come from one forward pass; otherwise one target is
    explained after another. Memory beside the model's is that of one attribution. Raises as :func:`explain`.
    """
    if len(targets) == 1 or not isinstance(method, JointMethod):
        for target in targets.each():
            yield explain(record, model, target, method, device, method_name)
        return
    sequence, mask = model_inputs(record, model, device)
    name = method_name or type(method).__name__
    what = f"The method '{name}' on gene '{record.gene}'"
    with _about(record.gene):
        stream = guarded(lambda: iter(method.attribute_many(targets, sequence, mask)), AttributionError, what)
        for target in targets.each():
            scores = guarded(lambda: next(stream, None), AttributionError, what)
            checked = _checked(scores, sequence, name)
            yield _attribution(record, model, target, checked, (sequence, mask), name)


def explain_many(
    record: GeneRecord,
    model: SequenceModel,
    targets: JointTarget,
    method: AttributionMethod,
    device: torch.device,
    method_name: str = "",
) -> list[Attribution]:
    """All that :func:`explain_each` yields."""
    return list(explain_each(record, model, targets, method, device, method_name))


def model_inputs(
    record: GeneRecord, model: SequenceModel, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The sequence ``(1, 4, L)`` of a gene and, for a model that reads it, the mask ``(1, 1, L)``."""
    check_fit(record, model)
    sequence = torch.from_numpy(record.one_hot()[None]).to(device)
    return sequence, torch.from_numpy(np.array(record.mask)[None, None]).to(device) if model.channels == 5 else None


def _attribution(
    record: GeneRecord,
    model: SequenceModel,
    target: Target,
    scores: Scores,
    inputs: tuple[torch.Tensor, torch.Tensor | None],
    name: str,
) -> Attribution:
    """The record of what a method found, beside what the target is there."""
    prediction = scores.prediction
    if prediction is None:
        with torch.no_grad():
            prediction = target(*inputs)
    value = float(prediction[0])
    if not math.isfinite(value):
        raise ModelError(
            f"Model '{model.name}' predicts {value} for gene '{record.gene}'; check its weights, and whether the "
            "target divides by zero."
        )
    delta, hypothetical = scores.convergence_delta, scores.hypothetical
    attribution = Attribution(
        gene=record.gene,
        values=_array(scores.values),
        tss=record.tss,
        method=name,
        target=target.description,
        prediction=value,
        convergence_delta=None if delta is None else float(delta[0]),
        hypothetical=None if hypothetical is None else _array(hypothetical),
    )
    if not attribution.values.any():
        logger.warning("Every attribution of gene '%s' is zero: %s.", record.gene, _why_zero(record))
    return attribution


def _why_zero(record: GeneRecord) -> str:
    """What makes every attribution of a gene zero."""
    if (record.codes == N_CODE).all():
        return (
            f"its window of {len(record):,} bases holds no known base; look at where it lies (the options seq_len and upstream of a "
            "genome)"
        )
    return (
        "the target does not depend on the sequence here, or the model cuts its gradient (detach, no_grad, or rounding in its "
        "forward)"
    )


def _array(scores: torch.Tensor) -> npt.NDArray[np.float32]:
    """The scores ``(4, L)`` of the first sequence of a batch."""
    array: npt.NDArray[np.float32] = scores[0].detach().to("cpu", torch.float32).numpy()
    return array


@contextmanager
def _about(gene: str) -> Iterator[None]:
    """The model knows of no gene, so what it says when it fails is told which."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{error} This was gene '{gene}'.") from error.__cause__


def run_method(
    method: AttributionMethod,
    target: torch.nn.Module,
    sequence: torch.Tensor,
    mask: torch.Tensor | None,
    gene: str,
    method_name: str,
) -> Scores:
    """Call the method and check the shape of what it returns.

    Raises
    ------
    AttributionError
        If it raises anything but a DecimaError, or returns another shape.
    """
    name = method_name or type(method).__name__
    what = f"The method '{name}' on gene '{gene}'"
    return _checked(guarded(lambda: method.attribute(target, sequence, mask), AttributionError, what), sequence, name)


def _checked(scores: object, sequence: torch.Tensor, name: str) -> Scores:
    if not isinstance(scores, Scores):
        raise AttributionError(f"The method '{name}' returned {type(scores).__name__}, not Scores(values=...).")
    for what, found in (("", scores.values), (" of hypothetical scores", scores.hypothetical)):
        if found is not None and found.shape != sequence.shape:
            raise AttributionError(
                f"The method '{name}' returned shape {tuple(found.shape)}{what} for a sequence of shape "
                f"{tuple(sequence.shape)}."
            )
    if scores.prediction is not None and scores.prediction.shape != (len(sequence),):
        raise AttributionError(
            f"The method '{name}' returned predictions of shape {tuple(scores.prediction.shape)} for {len(sequence)} "
            "sequence(s); there is one for each."
        )
    return scores


def check_fit(record: GeneRecord, model: SequenceModel) -> None:
    """Refuse a gene that the model cannot read, in words.

    Raises
    ------
    ModelError
        If the model has neither 4 nor 5 channels, or needs another window length.
    DataError
        If it reads the gene mask and the window holds none of the gene.
    """
    if model.channels not in (4, 5):
        raise ModelError(
            f"Model '{model.name}' says that it reads {model.channels} channels; a model reads 4 (bases) or 5 (bases and gene mask)."
        )
    if model.seq_len is not None and model.seq_len != len(record):
        raise ModelError(
            f"Model '{model.name}' needs windows of {model.seq_len:,} bases, but gene '{record.gene}' has {len(record):,}."
        )
    if model.channels == 5 and not record.mask.any():
        raise DataError(
            f"The window of {len(record):,} bases holds no masked base of gene '{record.gene}', which model "
            f"'{model.name}' needs; use a longer seq_len."
        )
