"""Methods and a peak caller computed with tangermeme: DeepLIFT/SHAP, saturation mutagenesis and recursive seqlets.

This module only announces them; each lives in a sibling that is imported when somebody uses it. They need the package
``tangermeme``: ``pip install "decima-core[tangermeme]"``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from decima_core import AttributionMethodSpec, PeakCallerSpec, hookimpl
from decima_tangermeme.options import DeepLiftShapOptions, MutagenesisOptions, SeqletOptions

if TYPE_CHECKING:
    from decima_core import AttributionMethod, PeakCaller

__all__ = ["decima_attribution_methods", "decima_peak_callers"]

_REQUIRES = ("tangermeme",)
_INSTALL = "decima-core[tangermeme]"


def _deep_lift_shap(options: DeepLiftShapOptions) -> AttributionMethod:
    from decima_tangermeme.deep_lift_shap import DeepLiftShapMethod

    return DeepLiftShapMethod(options)


def _saturation_mutagenesis(options: MutagenesisOptions) -> AttributionMethod:
    from decima_tangermeme.mutagenesis import MutagenesisMethod

    return MutagenesisMethod(options)


def _recursive_seqlets(options: SeqletOptions) -> PeakCaller:
    from decima_tangermeme.seqlets import RecursiveSeqlets

    return RecursiveSeqlets(options)


@hookimpl
def decima_attribution_methods() -> Iterable[AttributionMethodSpec]:
    """The two methods."""
    yield AttributionMethodSpec(
        name="deep-lift-shap",
        aliases=("deepliftshap", "deep-shap"),
        summary="DeepLIFT averaged over dinucleotide shuffles of the sequence (Lundberg & Lee 2017), by tangermeme.",
        options=DeepLiftShapOptions,
        create=_deep_lift_shap,
        requires=_REQUIRES,
        install=_INSTALL,
        complete=True,
    )
    yield AttributionMethodSpec(
        name="saturation-mutagenesis",
        aliases=("ism",),
        summary="What the target loses on average when a base becomes one of the three others, by tangermeme.",
        options=MutagenesisOptions,
        create=_saturation_mutagenesis,
        requires=_REQUIRES,
        install=_INSTALL,
    )


@hookimpl
def decima_peak_callers() -> Iterable[PeakCallerSpec]:
    """The caller."""
    yield PeakCallerSpec(
        name="recursive-seqlets",
        summary="Spans of high attribution, each part of which is significant too (tangermeme's recursive seqlets).",
        options=SeqletOptions,
        create=_recursive_seqlets,
        requires=_REQUIRES,
        install=_INSTALL,
    )
