"""The five questions put to every plugin.

A plugin is a module (or any object) registered under the entry-point group ``decima_core``. It answers the questions
it cares about with functions marked ``@hookimpl`` that take no argument and yield specs. Each docstring below holds the
plugin you would write; ``docs/hooks.md`` shows the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from decima_core.providers import (
    AttributionMethodSpec,
    DataSourceSpec,
    ModelSpec,
    MotifScannerSpec,
    PeakCallerSpec,
)

GROUP = "decima_core"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def decima_data_sources() -> Iterable[DataSourceSpec]:  # type: ignore[empty-body]
    """Where genes come from.

    Example::

        from decima_core import DataSourceSpec, hookimpl, option, options_class

        @options_class
        class ZarrOptions:
            path: str = option(default="", help="The Zarr store to read.")

        def create(options):
            from my_plugin.zarr_source import ZarrSource  # heavy imports stay in here

            return ZarrSource(options.path)

        @hookimpl
        def decima_data_sources():
            yield DataSourceSpec(
                name="zarr",
                summary="Genes in a Zarr store.",
                options=ZarrOptions,
                create=create,
                suffixes=(".zarr",),
            )
    """


@hookspec
def decima_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Kinds of model.

    Example::

        from decima_core import ModelSpec, hookimpl, option, options_class

        @options_class
        class OnnxOptions:
            path: str = option(default="", help="The ONNX file.")

        def create(options):
            from my_plugin.onnx_model import OnnxModel

            return OnnxModel(options.path)

        @hookimpl
        def decima_models():
            yield ModelSpec(
                name="onnx",
                summary="Models stored as ONNX.",
                options=OnnxOptions,
                create=create,
                suffixes=(".onnx",),
            )
    """


@hookspec
def decima_attribution_methods() -> Iterable[AttributionMethodSpec]:  # type: ignore[empty-body]
    """Ways to compute which bases drive a target.

    Example::

        from decima_core import AttributionMethodSpec, Scores, hookimpl, option, options_class

        @options_class
        class SmoothOptions:
            samples: int = option(default=20, help="Noisy copies to average over.", at_least=1)

        class SmoothGradient:
            def __init__(self, options):
                self.options = options

            def attribute(self, target, sequence, mask=None):
                import torch

                total = torch.zeros_like(sequence)
                for _ in range(self.options.samples):
                    noisy = (sequence + 0.1 * torch.randn_like(sequence)).requires_grad_()
                    total += torch.autograd.grad(target(noisy, mask).sum(), noisy)[0]
                return Scores(values=sequence * total / self.options.samples)

        @hookimpl
        def decima_attribution_methods():
            yield AttributionMethodSpec(
                name="smooth-gradient",
                summary="Input x gradient averaged over noisy copies (Smilkov et al. 2017).",
                options=SmoothOptions,
                create=SmoothGradient,
            )
    """


@hookspec
def decima_peak_callers() -> Iterable[PeakCallerSpec]:  # type: ignore[empty-body]
    """Ways to find places of high attribution.

    Example::

        from decima_core import Peaks, PeakCallerSpec, hookimpl, option, options_class

        @options_class
        class HighestOptions:
            flank: int = option(default=9, help="Bases on each side of the summit.", at_least=0)

        class Highest:
            def __init__(self, options):
                self.flank = options.flank

            def call(self, attribution):
                track = attribution.track()
                top = int(track.argmax())
                if track[top] <= 0:
                    return Peaks.empty(len(track))
                return Peaks(
                    position=[top],
                    start=[max(0, top - self.flank)],
                    end=[min(len(track), top + self.flank + 1)],
                    height=[track[top]],
                    length=len(track),
                )

        @hookimpl
        def decima_peak_callers():
            yield PeakCallerSpec(
                name="highest",
                summary="The single highest base.",
                options=HighestOptions,
                create=Highest,
            )
    """


@hookspec
def decima_motif_scanners() -> Iterable[MotifScannerSpec]:  # type: ignore[empty-body]
    """Ways to place motifs on a sequence.

    Example::

        from decima_core import MotifScannerSpec, hookimpl, option, options_class

        @options_class
        class MoodsOptions:
            path: str = option(default="", help="A MEME file of motifs.")
            p_threshold: float = option(default=1e-4, help="Report sites with at most this p-value.", above=0, at_most=1)

        def create(options):
            from my_plugin.moods_scanner import MoodsScanner

            return MoodsScanner(options)

        @hookimpl
        def decima_motif_scanners():
            yield MotifScannerSpec(
                name="moods",
                summary="Motif sites found by MOODS.",
                options=MoodsOptions,
                create=create,
                requires=("MOODS",),
                install="my-plugin[moods]",
            )
    """
