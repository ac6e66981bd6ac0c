"""What every attribution method promises; checked on small models whose right answers are known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from decima_core.guard import HOOK_TABLES
from decima_core.joint_method import JointMethod
from decima_core.joint_target import JointTarget
from decima_core.providers import AttributionMethodSpec, Scores
from decima_core.targets import Target
from decima_core.testing.results import CheckFailedError, CheckSkippedError, require
from decima_core.testing.samples import (
    LENGTH,
    Breaking,
    Convolution,
    Equivariant,
    Linear,
    MaskKeeper,
    random_sequence,
    target_of,
)
from decima_core.testing.subject import Subject


def _attribute(
    subject: Subject, target: Target, sequence: torch.Tensor, mask: torch.Tensor | None = None, method: Any = None
) -> Scores:
    """What the method, a new one unless given, returns; random draws begin where they always do."""
    torch.manual_seed(0)
    np.random.seed(0)
    scores = (subject.create() if method is None else method).attribute(target, sequence, mask)
    require(isinstance(scores, Scores), f"{subject.label} returned {type(scores).__name__}, not Scores(values=...).")
    return scores  # type: ignore[no-any-return]


def _claims(subject: Subject, claim: str) -> bool:
    spec = subject.spec
    assert isinstance(spec, AttributionMethodSpec)
    return bool(getattr(spec, claim))


def _mask(batch: int) -> torch.Tensor:
    mask = torch.zeros(batch, 1, LENGTH)
    mask[:, :, LENGTH // 4 : LENGTH // 2] = 1
    return mask


def check_method_shape(subject: Subject) -> None:
    """Values are ``(B, 4, L)``, finite, and hold no graph; with a mask and without."""
    for module, mask in ((Convolution(), None), (Convolution(5), _mask(2))):
        scores = _attribute(subject, target_of(module), random_sequence(2), mask)
        values = scores.values
        where = f"Values of {subject.label}{' with a gene mask' if mask is not None else ''}"
        require(
            tuple(values.shape) == (2, 4, LENGTH),
            f"{where} have shape {tuple(values.shape)} for a sequence of shape (2, 4, {LENGTH}); return one value a base.",
        )
        require(bool(torch.isfinite(values).all()), f"{where} hold NaN or infinity.")
        require(values.is_floating_point(), f"{where} are {values.dtype}, not floating-point numbers.")
        require(
            not values.requires_grad, f"{where} still hold the graph they were computed with; return values.detach()."
        )
        if scores.hypothetical is not None:
            _check_hypothetical(subject, scores, random_sequence(2))


def _check_hypothetical(subject: Subject, scores: Scores, sequence: torch.Tensor) -> None:
    """The hypothetical score of the base that is there is the sum of the values over the bases."""
    hypothetical = scores.hypothetical
    require(
        hypothetical is not None and hypothetical.shape == sequence.shape,
        f"The hypothetical scores of {subject.label} must have the shape of the sequence, {tuple(sequence.shape)}.",
    )
    assert hypothetical is not None
    observed, track = (hypothetical * sequence).sum(1), scores.values.sum(1) * sequence.sum(1)
    require(
        torch.allclose(observed, track, rtol=1e-3, atol=1e-4),
        f"The hypothetical score of the base that is there must be the sum of the values of {subject.label} over the bases; "
        f"they differ by up to {_gap(observed, track)}.",
    )


def check_method_batch_equals_singles(subject: Subject) -> None:
    """A sequence's attribution does not depend on what else is in the batch."""
    target, sequence = target_of(Convolution()), random_sequence(3)
    together = _attribute(subject, target, sequence).values
    alone = torch.cat([_attribute(subject, target, sequence[i : i + 1]).values for i in range(3)])
    require(
        torch.allclose(together, alone, rtol=1e-3, atol=1e-5),
        f"{subject.label} gives a sequence another attribution in a batch than alone (by up to "
        f"{_gap(together, alone)}); compute each example by itself, and seed the draws of each alike.",
    )


def check_method_deterministic(subject: Subject) -> None:
    """The same seed gives the same values, also when one provider is used twice."""
    target, sequence = target_of(Convolution()), random_sequence(2)
    method = subject.create()
    first = _attribute(subject, target, sequence, method=method).values
    require(
        torch.equal(_attribute(subject, target, sequence, method=method).values, first),
        f"{subject.label} gives other values at its second call with the same seed; keep no state between calls.",
    )
    require(
        torch.equal(_attribute(subject, target, sequence).values, first),
        f"{subject.label} made anew gives other values with the same seed; draw from a generator seeded by the option "
        "'seed', or from torch's own.",
    )


def check_method_exact_on_linear(subject: Subject) -> None:
    """On a linear model the values are weights x sequence, where the spec claims it (``exact_on_linear``)."""
    if not _claims(subject, "exact_on_linear"):
        raise CheckSkippedError("Its spec does not claim exact_on_linear.")
    module = Linear()
    sequence = random_sequence(2)
    values = _attribute(subject, target_of(module), sequence).values
    expected = module.weights.detach() * sequence
    require(
        torch.allclose(values, expected, rtol=1e-3, atol=1e-4),
        f"{subject.label} claims exact_on_linear, but differs from weights x sequence on a linear model by up to "
        f"{_gap(values, expected)}; mend it, or drop the claim.",
    )


def check_method_complete(subject: Subject) -> None:
    """The values sum to the change of the target, where the spec claims it (``complete``), and the delta says how nearly."""
    if not _claims(subject, "complete"):
        raise CheckSkippedError("Its spec does not claim completeness.")
    target, sequence = target_of(Convolution()), random_sequence(2)
    scores = _attribute(subject, target, sequence)
    delta = scores.convergence_delta
    require(
        delta is not None and tuple(delta.shape) == (2,),
        f"{subject.label} claims completeness; return Scores(convergence_delta=...) of shape (batch,): the sum of the values "
        "minus the change of the target from the baseline.",
    )
    assert delta is not None
    scale = scores.values.abs().sum(dim=(1, 2))
    require(
        bool((delta.abs() <= 0.05 * scale).all()),
        f"{subject.label} claims completeness, but its values miss the change of the target by {_gap(delta)} "
        f"where they sum to {float(scale.max()):.2g} in all.",
    )
    # A delta that is always zero tells nothing: the change that it implies must not depend on how sharply it is computed.
    if _claims(subject, "exact_on_linear"):
        with torch.no_grad():
            change = target(sequence) - target(torch.zeros_like(sequence))
        implied = scores.values.sum(dim=(1, 2)) - delta
        require(
            torch.allclose(implied.float(), change, rtol=1e-3, atol=1e-4),
            f"The sum of the values of {subject.label} minus its convergence_delta is not the change of the target from the "
            f"baseline of zeros ({[round(float(v), 4) for v in implied]}, not {[round(float(v), 4) for v in change]}).",
        )


def check_method_prediction(subject: Subject) -> None:
    """The prediction, where the method tells one, is the target's value at the sequence."""
    target, sequence = target_of(Convolution()), random_sequence(2)
    prediction = _attribute(subject, target, sequence).prediction
    if prediction is None:
        raise CheckSkippedError("It tells no prediction, so the engine makes one.")
    with torch.no_grad():
        expected = target(sequence)
    require(
        prediction.shape == expected.shape and torch.allclose(prediction, expected, rtol=1e-4, atol=1e-6),
        f"The prediction of {subject.label} ({prediction.tolist()}) is not the target's value at the sequence "
        f"({expected.tolist()}); leave it out, or take it from an evaluation of the sequence itself.",
    )


def check_method_several_targets(subject: Subject) -> None:
    """Several targets together have the scores that each has alone, where the method explains them together."""
    method = subject.create()
    if not isinstance(method, JointMethod):
        raise CheckSkippedError("It explains one target after another.")
    module, sequence, mask = Convolution(5, tasks=3), random_sequence(2), _mask(2)
    module.eval().requires_grad_(False)
    pairs = ((0, 1), (1, 0), (1, 2), (2, 0))  # more targets than tasks: their gradients are put together out of fewer
    targets = JointTarget([Target(module, on=(on,), off=(off,)).eval() for on, off in pairs]).eval()
    before = _snapshot(targets)
    together = list(method.attribute_many(targets, sequence, mask))
    _require_unchanged(subject, targets, before, " by attribute_many")
    require(
        len(together) == len(pairs),
        f"{subject.label} yields {len(together)} scores for {len(pairs)} targets; one for each.",
    )
    for target, scores in zip(targets.each(), together, strict=True):
        alone = _attribute(subject, target, sequence, mask)
        limit = 1e-4 * float(alone.values.abs().max())
        require(
            bool(((scores.values - alone.values).abs() <= limit).all()),
            f"{subject.label} gives a target another attribution among several than alone (by up to "
            f"{_gap(scores.values, alone.values)}); weigh the gradients of the columns by targets.weights(columns).",
        )


def check_method_zero_where_ignored(subject: Subject) -> None:
    """Bases that the model does not read get no credit."""
    first, last = LENGTH // 3, 2 * LENGTH // 3
    values = _attribute(subject, target_of(Convolution(first=first, last=last)), random_sequence(2)).values
    outside = torch.cat([values[:, :, :first], values[:, :, last:]], dim=2)
    require(
        bool((outside.abs() <= 1e-6).all()),
        f"{subject.label} gives up to {_gap(outside)} to bases that the model does not read.",
    )
    require(bool(values[:, :, first:last].any()), f"{subject.label} gives nothing to the bases that the model reads.")


def check_method_holds_the_mask(subject: Subject) -> None:
    """The gene mask is passed to every evaluation unchanged: it is no base, and gets no credit."""
    module = MaskKeeper()
    target, mask = target_of(module), _mask(2)
    mask[1] = 1 - mask[1]
    kept = mask.clone()
    for i in range(2):
        module.masks.clear()
        _attribute(subject, target, random_sequence(1, seed=i), mask[i : i + 1])
        require(module.masks, f"{subject.label} never evaluated the target.")
        wrong = [m for seen in module.masks for m in seen if not torch.equal(m, kept[i])]
        require(
            not wrong,
            f"{subject.label} evaluated the target with a gene mask that is not the one given, {len(wrong)} times; hold it "
            "fixed in every baseline and every perturbation: target(perturbed_sequence, mask).",
        )


def check_method_takes_n(subject: Subject) -> None:
    """Unknown bases, columns of zeros, give finite values."""
    sequence = random_sequence(1)
    sequence[:, :, 10:20] = 0
    values = _attribute(subject, target_of(Convolution()), sequence).values
    require(bool(torch.isfinite(values).all()), f"{subject.label} gives NaN or infinity where a sequence holds N.")


def check_method_reverse_complement(subject: Subject) -> None:
    """On a model that reads both strands alike, the other strand gets the same values, mirrored."""
    target, sequence = target_of(Equivariant()), random_sequence(1)
    values = _attribute(subject, target, sequence).values
    # What draws at random is compared with itself at another seed: draws for the other strand are other draws.
    torch.manual_seed(12345)
    np.random.seed(12345)
    other = subject.create(**_reseeded(subject)).attribute(target, sequence, None).values
    if not torch.allclose(other, values, rtol=1e-4, atol=1e-6):
        raise CheckSkippedError("It draws at random, and so draws otherwise for the other strand.")
    mirrored = _attribute(subject, target, sequence.flip(1, 2)).values.flip(1, 2)
    require(
        torch.allclose(mirrored, values, rtol=1e-3, atol=1e-5),
        f"{subject.label} explains a strand and its reverse complement differently (by up to "
        f"{_gap(mirrored, values)}) though the model does not; treat A like T, C like G, left like right.",
    )


def check_method_leaves_as_found(subject: Subject) -> None:
    """Input, weights, gradients, mode, hooks and attributes of the model are after the call what they were before."""
    module = Convolution(5)
    target, sequence, mask = target_of(module), random_sequence(2), _mask(2)
    kept = sequence.clone(), mask.clone()
    before = _snapshot(target)
    _attribute(subject, target, sequence, mask)
    _require_unchanged(subject, target, before, "")
    for what, now, was in (("sequence", sequence, kept[0]), ("mask", mask, kept[1])):
        require(torch.equal(now, was), f"{subject.label} changes the {what} it is given; work on a clone.")
        require(
            not now.requires_grad and now.grad is None,
            f"{subject.label} leaves requires_grad or a gradient on the {what} it is given; work on sequence.detach().clone().",
        )


def check_method_leaves_as_found_after_an_error(subject: Subject) -> None:
    """The same holds where the model raises, in the first evaluation or a later one; the error is passed on."""
    for at in (1, 2, 3):
        module = Breaking(at)
        target = target_of(module)
        before = _snapshot(target)
        try:
            _attribute(subject, target, random_sequence(1))
        except CheckFailedError:
            raise
        except Exception:
            _require_unchanged(subject, target, before, f" when evaluation {at} raises")
        else:
            require(
                module.calls < at,
                f"{subject.label} swallows the error that the model raises in evaluation {at}; let it pass.",
            )


CHECKS = (
    check_method_shape,
    check_method_batch_equals_singles,
    check_method_deterministic,
    check_method_exact_on_linear,
    check_method_complete,
    check_method_prediction,
    check_method_several_targets,
    check_method_zero_where_ignored,
    check_method_holds_the_mask,
    check_method_takes_n,
    check_method_reverse_complement,
    check_method_leaves_as_found,
    check_method_leaves_as_found_after_an_error,
)


def _gap(a: torch.Tensor, b: torch.Tensor | float = 0.0) -> str:
    """The largest difference, for a message."""
    return f"{float((a - b).detach().abs().max()):.2g}"


def _reseeded(subject: Subject) -> dict[str, int]:
    options = subject.options()
    return {"seed": options.seed + 1} if hasattr(options, "seed") else {}


def _snapshot(target: torch.nn.Module) -> dict[str, Any]:
    """Everything about a model that a method could leave behind."""
    return dict(_parts(target))


def _parts(target: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    for name, module in target.named_modules():
        where = f" of module '{name.removeprefix('model.') or 'target'}'"
        yield f"the training flag{where}", module.training
        yield f"the hooks{where}", [list(getattr(module, t, None) or ()) for t in HOOK_TABLES]
        # Counters of the samples change with every forward pass; what a method adds is a new name.
        yield f"the attributes{where}", sorted(k for k in vars(module))
        yield f"the type{where}", type(module)
        yield f"the forward{where}", vars(module).get("forward")
    for name, parameter in target.named_parameters():
        where = f" of parameter '{name.removeprefix('model.')}'"
        yield f"requires_grad{where}", parameter.requires_grad
        yield f"the gradient{where}", None if parameter.grad is None else parameter.grad.tolist()
        yield f"the values{where}", parameter.detach().tolist()
    for name, buffer in target.named_buffers():
        yield f"buffer '{name.removeprefix('model.')}'", buffer.tolist()


def _require_unchanged(subject: Subject, target: torch.nn.Module, before: dict[str, Any], when: str) -> None:
    after = _snapshot(target)
    changed = [name for name in after if after[name] != before.get(name)]
    changed += [name for name in before if name not in after]
    require(
        not changed,
        f"{subject.label} leaves the model changed{when}: {', '.join(changed[:4])}; undo it in a finally clause.",
    )
