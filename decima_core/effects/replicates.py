"""One model, or several replicates of it whose predictions are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import attrs
import torch

from decima_core.compute import Computation, computed
from decima_core.errors import ConfigError, ModelError
from decima_core.guard import left_as_found
from decima_core.providers import SequenceModel
from decima_core.sections import ComputeOptions, TargetOptions
from decima_core.targets import Target, make_target


@attrs.frozen(kw_only=True, eq=False)
class Replicates:
    """Models with the same tasks and windows, and the target on each; what they say is averaged. :meth:`ready` makes them.

    Raises
    ------
    ConfigError
        If there is none.
    ModelError
        If they differ in channels, window length or tasks.
    """

    models: tuple[SequenceModel, ...]
    targets: tuple[Target, ...]
    computations: tuple[Computation, ...]

    def __attrs_post_init__(self) -> None:
        if not self.models:
            raise ConfigError("No model was given.")
        first = self.models[0]
        for other in self.models[1:]:
            for what in ("channels", "seq_len", "tasks"):
                if _plain(getattr(first, what)) != _plain(getattr(other, what)):
                    raise ModelError(
                        f"The models '{first.name}' and '{other.name}' differ in their {what}; replicates must be alike."
                    )

    @classmethod
    @contextmanager
    def ready(
        cls,
        model: SequenceModel | Sequence[SequenceModel],
        options: TargetOptions,
        task_names: Sequence[str],
        device: torch.device,
        compute: ComputeOptions | None = None,
    ) -> Iterator[Replicates]:
        """A model or several, with the target that ``options`` describe on each, in evaluation mode on ``device`` and computed as
        ``compute`` says; all left as found afterwards."""
        models = tuple(model) if isinstance(model, Sequence) else (model,)
        with ExitStack() as stack:
            computations = tuple(stack.enter_context(computed(m, compute or ComputeOptions(), device)) for m in models)
            targets = tuple(
                make_target(m, options, task_names, computation.module)
                for m, computation in zip(models, computations, strict=True)
            )
            found = cls(models=models, targets=targets, computations=computations)
            for target in targets:
                stack.enter_context(left_as_found(target, device))
            yield found

    @property
    def first(self) -> SequenceModel:
        return self.models[0]

    @property
    def description(self) -> str:
        """The target in words."""
        text = self.targets[0].description
        return text if len(self.models) == 1 else f"{text}; mean of {len(self.models)} replicates"

    @contextmanager
    def in_float32(self) -> Iterator[None]:
        """Inside, all is computed in float32 and as the models' own code says, to compare with."""
        with ExitStack() as stack:
            for computation in self.computations:
                stack.enter_context(computation.in_float32())
            yield

    def predictions(self, inputs: torch.Tensor) -> torch.Tensor:
        """Mean over the replicates of their predictions ``(B, T)`` for inputs ``(B, 5, L)``, bases and mask."""
        mask = inputs[:, 4:] if self.first.channels == 5 else None
        with torch.no_grad():
            total = torch.stack([target.predictions(inputs[:, :4], mask).double() for target in self.targets])
        return total.mean(dim=0)


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, Sequence) else value
