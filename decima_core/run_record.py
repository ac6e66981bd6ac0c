"""What a run records about itself, and its seeds: shared by every command that writes results."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

import decima_core
from decima_core.config import Plan
from decima_core.options import as_dict
from decima_core.outputs.manifest import command_line, is_plain, software
from decima_core.providers import SequenceModel


@attrs.frozen
class RunClock:
    """When a run began."""

    wall: float = attrs.field(factory=time.time)
    counter: float = attrs.field(factory=time.perf_counter)

    def elapsed(self) -> float:
        """Seconds since then."""
        return time.perf_counter() - self.counter


def manifest(
    plan: Plan,
    clock: RunClock,
    *,
    model: Mapping[str, Any],
    target: str,
    inputs: Any,
    device: torch.device | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The content of ``run.json``: what :meth:`RunConfig.from_file` repeats the run from, and what ``more`` tells.

    ``device`` is None where nothing was computed on one.
    """
    table = config_table(plan)
    return {
        "decima_core": decima_core.__version__,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.wall)),
        "command": command_line(),
        "config": table,
        "repeatable": is_plain(table),
        "target": target,
        **({} if device is None else {"device": str(device)}),
        "model": model,
        "providers": {stage: planned.provenance() for stage, planned in plan.stages.items()},
        "inputs": inputs,
        "software": software(),
        **more,
    }


def model_facts(model: SequenceModel) -> dict[str, Any]:
    """What ``run.json`` says of a model."""
    return {"name": model.name, "channels": model.channels, "tasks": list(model.tasks)}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the global generators of Python, numpy and torch, for plugins that draw from them; their states are put back afterwards."""
    state, python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)
            random.setstate(python)


def metadata(*, model: str, target: str, method: str) -> dict[str, str]:
    """The header lines of every table."""
    return {
        "decima_core": decima_core.__version__,
        "model": model,
        "target": target,
        "method": method,
        "intervals": "0-based, half-open; window columns in transcript orientation, genome columns on the forward strand; in BED a "
        "gene whose place on the genome is not known stands for a chromosome",
    }


def config_table(plan: Plan) -> dict[str, Any]:
    """The settings in the shape that ``RunConfig.from_mapping`` reads."""
    settings = plan.config
    stages = {
        stage: {**({"provider": choice.provider} if choice.provider else {}), **choice.options}
        for stage, choice in settings.stages.items()
    }
    # Who does the work is told apart from this; threads are here, for the last digit of a sum may depend on them.
    names = ("genes", "split", "seq_len", "device", "seed", "output", "threads")
    fields = {name: getattr(settings, name) for name in names}
    # Without a model there are scores made elsewhere, and no target that could be chosen.
    sections = {"target": as_dict(settings.target)} if "model" in plan.stages else {"scores": as_dict(settings.scores)}
    if settings.targets:
        sections = {"targets": {name: as_dict(options) for name, options in settings.targets.items()}}
    if settings.variants.path:
        sections["variants"] = as_dict(settings.variants)
    if settings.compute != type(settings.compute)():
        sections["compute"] = as_dict(settings.compute)
    if settings.compare != type(settings.compare)():
        sections["compare"] = as_dict(settings.compare)
    if settings.bigwig:
        fields["bigwig"] = True
    if settings.attributions != "full":
        fields["attributions"] = settings.attributions
    return {**{k: v for k, v in fields.items() if v is not None}, **sections, **stages}


def option_files(plan: Plan) -> list[str]:
    """Files named by the options of the other stages, such as a MEME file of motifs."""
    paths = [
        getattr(planned.options, "path", None)
        for stage, planned in plan.stages.items()
        if stage not in ("source", "model")
    ]
    return [p for p in paths if isinstance(p, str) and Path(p).is_file()]
