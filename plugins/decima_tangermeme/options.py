"""The options, declared once; light, so that announcing a provider imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from decima_core.errors import OptionError
from decima_core.options import option, options_class


@options_class
class DeepLiftShapOptions:
    """Options of ``deep-lift-shap``."""

    n_shuffles: int = option(
        default=20, help="Dinucleotide shuffles of the sequence to average over.", at_least=1, at_most=10_000
    )
    seed: int = option(
        default=0, help="Seed of the shuffles, tangermeme's random_state; shuffle k has seed + k.", at_least=0
    )
    internal_batch_size: int | None = option(
        default=None,
        help="Sequences per forward pass, two for each comparison; none chooses from the sequence length.",
        at_least=2,
    )
    integrate: tuple[str, ...] = option(
        default=(),
        help="Classes of modules without a rule, such as GELU, to be integrated numerically; each takes one tensor.",
    )
    nodes: int = option(
        default=8, help="Points of the numerical integration; used with integrate.", at_least=1, at_most=1_000
    )


@options_class
class MutagenesisOptions:
    """Options of ``saturation-mutagenesis``."""

    start: int | None = option(
        default=None, help="First window position to mutate, counted from 0; none: the window's first.", at_least=0
    )
    end: int | None = option(
        default=None, help="The position after the last one to mutate; none: the window's end.", at_least=1
    )
    around_tss: int | None = option(
        default=None,
        help="Mutate so many bases on each side of the TSS, the first base of the gene mask; in place of start and end.",
        at_least=1,
    )
    max_predictions: int | None = option(
        default=100_000, help="Refuse a span that needs more predictions a sequence; none: no limit.", at_least=1
    )
    internal_batch_size: int | None = option(
        default=None, help="Sequences per forward pass; none chooses from the sequence length.", at_least=1
    )

    def __attrs_post_init__(self) -> None:
        if self.around_tss is not None and (self.start is not None or self.end is not None):
            raise OptionError("around_tss and start or end both say where to mutate; give one of them.")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise OptionError(f"start is {self.start:,} and end is {self.end:,}; end must be larger.")


@options_class
class SeqletOptions:
    """Options of ``recursive-seqlets``."""

    sign: Literal["positive", "negative", "both"] = option(
        default="both", help="Call spans that raise the target, that lower it, or both."
    )
    threshold: float | None = option(
        default=None, help="Every part of a seqlet has a p-value below this; none: found from fdr.", above=0, at_most=1
    )
    fdr: float = option(
        default=0.1,
        help="False discovery rate against the same values in random order; used where threshold is none.",
        at_least=0.01,
        at_most=1,
    )
    min_length: int = option(
        default=4, help="Least length of a seqlet, and of its parts that must be significant.", at_least=1, at_most=100
    )
    max_length: int = option(default=25, help="Largest length of a seqlet.", at_least=1, at_most=100)
    flank: int = option(
        default=0, help="Bases added on each side of a seqlet once it is called.", at_least=0, at_most=2**31
    )
    clip: float | None = option(
        default=0.001,
        help="Share of the non-zero bases, at least one, whose size is cut to that of the next; none: no cut.",
        above=0,
        at_most=0.5,
    )
    number: int | None = option(
        default=None, help="Keep so many seqlets, those of lowest p-value; none: all.", at_least=1, at_most=2**31
    )

    def __attrs_post_init__(self) -> None:
        if self.min_length > self.max_length:
            raise OptionError(
                f"min_length is {self.min_length} and max_length is {self.max_length}; it must be larger."
            )
