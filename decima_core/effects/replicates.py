"""One model, or several replicates of it whose predictions are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import attrs
import torch

from decima_core.errors import ConfigError, ModelError
from decima_core.guard import left_as_found
from decima_core.providers import SequenceModel
from decima_core.sections import TargetOptions
from decima_core.targets import Target, make_target


@attrs.frozen(kw_only=True, eq=False)
class Replicates:
    """Models with the same tasks and windows, and the target on each; what they say is averaged.

    Raises
    ------
    ConfigError
        If there is none.
    ModelError
        If they differ in channels, window length or tasks.
    """

    models: tuple[SequenceModel, ...]
    targets: tuple[Target, ...]

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
    def of(
        cls, model: SequenceModel | Sequence[SequenceModel], options: TargetOptions, task_names: Sequence[str] = ()
    ) -> Replicates:
        """A model or several, with the target that ``options`` describe on each."""
        models = tuple(model) if isinstance(model, Sequence) else (model,)
        return cls(models=models, targets=tuple(make_target(m, options, task_names) for m in models))

    @property
    def first(self) -> SequenceModel:
        return self.models[0]

    @property
    def description(self) -> str:
        """The target in words."""
        text = self.targets[0].description
        return text if len(self.models) == 1 else f"{text}; mean of {len(self.models)} replicates"

    @contextmanager
    def ready(self, device: torch.device) -> Iterator[None]:
        """Every model in evaluation mode on ``device``; all left as found afterwards."""
        with ExitStack() as stack:
            for target in self.targets:
                stack.enter_context(left_as_found(target, device))
            yield

    def predictions(self, inputs: torch.Tensor) -> torch.Tensor:
        """Mean over the replicates of their predictions ``(B, T)`` for inputs ``(B, 5, L)``, bases and mask."""
        mask = inputs[:, 4:] if self.first.channels == 5 else None
        with torch.no_grad():
            total = torch.stack([target.predictions(inputs[:, :4], mask).double() for target in self.targets])
        return total.mean(dim=0)


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, Sequence) else value
