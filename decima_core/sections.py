"""What a run is told that concerns no single provider: the target, how it is computed, variants, scores made elsewhere, comparisons."""

from __future__ import annotations

from typing import Literal

from decima_core.errors import OptionError
from decima_core.options import option, options_class

# How attributions lie in their file; decima_core.attribution_layout says what each is.
Layout = Literal["full", "projected", "float16"]
Precision = Literal["float32", "tf32", "bf16", "fp16"]


@options_class
class TargetOptions:
    """Which number of the model's output is explained."""

    transform: Literal["specificity", "aggregate"] = option(
        default="specificity", help="specificity contrasts tasks with off_tasks; aggregate looks at tasks alone."
    )
    tasks: tuple[str, ...] = option(
        default=(), help="Tasks to explain, by name, number from 0, or query of the model's task table; none means all."
    )
    off_tasks: tuple[str, ...] = option(
        default=(), help="Tasks to contrast with, named in the same way; none means all that are not in tasks."
    )
    compare: Literal["subtract", "divide"] = option(default="subtract", help="On-tasks minus off-tasks, or over them.")
    over_tasks: Literal["mean", "sum", "max"] = option(
        default="mean", help="How the predictions of several tasks are reduced."
    )
    over_positions: Literal["mean", "sum", "max"] = option(
        default="sum", help="How output positions are reduced, if there are any."
    )


@options_class
class ComputeOptions:
    """How the model is computed; what is computed stays the same."""

    precision: Precision = option(
        default="float32",
        help="Number format inside the model. tf32 (CUDA), bf16 and fp16 are faster and less exact; what they change is measured on the "
        "first gene and told.",
    )
    low_memory: bool = option(
        default=False,
        help="Hold less of the model's intermediate results, and compute some of them twice: a little more time, the same numbers.",
    )
    compile: bool = option(
        default=False, help="Compile the model with torch.compile, which takes a minute or more and pays in long runs."
    )

    def __attrs_post_init__(self) -> None:
        if self.low_memory and self.compile:
            raise OptionError("low_memory and compile cannot both be on: compiled code cannot be cut into pieces")


@options_class
class VariantOptions:
    """Which variants are looked at, and how; used by ``decima-core variants`` alone."""

    path: str = option(default="", help="The variants: VCF or BCF, or TSV or CSV with chrom, pos, ref, alt.")
    normalise: bool = option(
        default=False, help="Rewrite alleles as short and as far left as can be; by default they are left as given."
    )
    strict: bool = option(
        default=False, help="Refuse a list with a variant that cannot be used, instead of giving it a status."
    )
    shifts: tuple[int, ...] = option(
        default=(0,), help="Move the window by each of these numbers of bases, and average the predictions."
    )
    replicates: tuple[str, ...] = option(
        default=(), help="Weights of further replicates of the model; predictions and attributions are averaged."
    )
    pad_with_n: bool = option(
        default=False, help="Fill with N where a deletion needs bases that the source does not hold."
    )
    batch_size: int | None = option(
        default=None,
        help="Sequences in one forward pass, an even number; by default about a million bases.",
        at_least=2,
    )
    attribute: bool = option(
        default=False, help="Attribute both alleles too, and list the motifs gained, lost and changed."
    )
    formats: tuple[Literal["tsv", "parquet"], ...] = option(
        default=("tsv", "parquet"), help="File formats of the tables."
    )


@options_class
class ScoreOptions:
    """Scores that were made elsewhere, and what they mean; used by ``decima-core annotate`` alone."""

    path: str = option(
        default="", help="The scores: HDF5 of ChromBPNet or Decima, .npz or .npy of TF-MoDISco, or BigWig."
    )
    sequences: str = option(
        default="",
        help="Their sequences where the scores hold none: one-hot .npz or .npy, FASTA with a record a window, or for BigWig the "
        "genome.",
    )
    regions: str = option(
        default="",
        help="Names and places of the windows, in their order: BED or narrowPeak; a summit is its window's middle.",
    )
    values: Literal["auto", "hypothetical", "projected", "as-is"] = option(
        default="auto",
        help="hypothetical scores have a value for all four bases and are projected on the sequence; projected ones must be zero "
        "off it; as-is leaves them; auto projects, but leaves a file in Decima's layout as it is.",
    )
    orientation: Literal["auto", "forward", "region"] = option(
        default="auto",
        help="Which way the windows of regions on the minus strand were stored: forward, or region, reverse-complemented; auto is "
        "forward for ChromBPNet, and asks otherwise.",
    )
    uncovered: Literal["zero", "refuse"] = option(
        default="zero", help="Bases that a BigWig has no value for: zero, or refuse the window."
    )
    model: str = option(default="", help="Name of the model that was explained, for the header of the tables.")
    method: str = option(default="", help="Name of the attribution method, for the header of the tables.")
    target: str = option(default="", help="What was explained, in words, for the header of the tables.")


@options_class
class CompareOptions:
    """Which providers are compared, and how; used by ``decima-core compare`` alone."""

    method: tuple[str, ...] = option(
        default=(),
        help="Attribution methods, such as saliency or integrated-gradients[n_steps=20]; the first is the reference.",
    )
    peaks: tuple[str, ...] = option(default=(), help="Peak callers, in the same form.")
    motifs: tuple[str, ...] = option(default=(), help="Motif scanners, in the same form.")
    top: int = option(default=10, help="How many of each gene's highest peaks are compared.", at_least=1)
    distance: int = option(default=10, help="Bases that two summits of the same peak may lie apart.", at_least=0)
    p_value: float = option(
        default=1e-4, help="Largest p-value of the motif hits that are compared.", above=0, at_most=1
    )
