"""A gene file, a model, and fake providers in a registry that count what they are asked to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import LinearModel, plant, random_codes, word_ppm, wrap, write_gene_file

from decima_core import (
    AttributionMethodSpec,
    MotifScannerSpec,
    PeakCallerSpec,
    Peaks,
    Registry,
    Scores,
    hookimpl,
    option,
    options_class,
)

LENGTH = 160
SITE = 60


@options_class
class MethodOptions:
    """Options of the fake methods."""

    factor: float = option(default=1.0, help="Multiplies the scores.")
    fails_on: int = option(default=0, help="Raise at this call, counted from 1; 0 never.")


@options_class
class CallerOptions:
    """Options of the fake caller."""

    number: int = option(default=5, help="Peaks.", at_least=0)
    offset: int = option(default=0, help="Bases that summits are moved by.")


class Counting:
    """Fake providers and how often each did its work."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def method(self, options: MethodOptions) -> Any:
        calls = self.calls

        class Method:
            def attribute(
                self, target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None
            ) -> Scores:
                calls["attribute"] += 1
                self.seen = getattr(self, "seen", 0) + 1
                if self.seen == options.fails_on:
                    # As a library that raises half-way: it leaves the model in another mode, with a hook that breaks it.
                    target.train()
                    target.register_forward_hook(lambda *_: torch.zeros(1))
                    raise RuntimeError("no gradient today")
                with torch.enable_grad():
                    x = sequence.clone().requires_grad_()
                    target(x, mask).sum().backward()
                return Scores(values=options.factor * x.detach() * x.grad)

        return Method()

    def caller(self, options: CallerOptions) -> Any:
        calls = self.calls

        class Caller:
            def call(self, attribution: Any) -> Peaks:
                calls["peaks"] += 1
                track = attribution.track()
                at = np.argsort(-np.abs(track), kind="stable")[: options.number]
                moved = np.clip(at + options.offset, 0, len(track) - 1)
                return Peaks(position=moved, start=moved, end=moved + 1, height=track[at], length=len(track))

        return Caller()

    def scanner(self, options: Any, inner: Any) -> Any:
        calls = self.calls

        class Scanner:
            motifs = inner.motifs

            def scan(self, *given: Any) -> Any:
                calls["motifs"] += 1
                return inner.scan(*given)

        return Scanner()


@options_class
class NoOptions:
    """Nothing to set."""


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def registry(counting: Counting) -> Registry:
    """The bundled plugins, and fake ones: methods ``gradient`` and ``unmade``, caller ``top``, scanner ``counted``."""
    found = Registry.discover(disabled=())
    jaspar = found.create("motifs", "jaspar", motifs={"GATA": word_ppm("AGATAAG"), "SPI": word_ppm("CATTGTTC")})

    class Plugin:
        @hookimpl
        def decima_attribution_methods(self) -> Any:
            yield AttributionMethodSpec(
                name="gradient", summary="Fake.", options=MethodOptions, create=counting.method, aliases=("grad",)
            )
            yield AttributionMethodSpec(name="unmade", summary="Fake.", options=NoOptions, create=self.unmade)

        @hookimpl
        def decima_peak_callers(self) -> Any:
            yield PeakCallerSpec(name="top", summary="Fake.", options=CallerOptions, create=counting.caller)

        @hookimpl
        def decima_motif_scanners(self) -> Any:
            yield MotifScannerSpec(
                name="counted", summary="Fake.", options=NoOptions, create=lambda o: counting.scanner(o, jaspar)
            )

        @staticmethod
        def unmade(options: Any) -> Any:
            raise RuntimeError("its library is broken")

    found.register(Plugin(), "fakes")
    assert found.failures == ()
    return found


@pytest.fixture
def gene_file(tmp_path: Path) -> Path:
    codes = random_codes(3, 3, LENGTH)
    for row in codes:
        plant(row, "AGATAAG", SITE)
    return write_gene_file(tmp_path / "genes.h5", codes)


@pytest.fixture
def source(gene_file: Path, registry: Registry) -> Any:
    return registry.create("source", "hdf5", path=str(gene_file))


@pytest.fixture
def model() -> Any:
    return wrap(LinearModel(3, 5, LENGTH), name="linear")
