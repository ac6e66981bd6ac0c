"""The plugin contract: five kinds of provider, the spec that announces each, and the protocol that each follows.

A *spec* is light: importing the module that holds it must not import torch, captum, h5py, scipy or any other heavy
library. Those belong inside ``create``, which runs when somebody uses the provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import attrs

from decima_core.errors import PluginError, UnknownNameError, first_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import torch

    from decima_core.records import Attribution, GeneRecord, Locus, Motif, MotifHits, Peaks

ProviderT = TypeVar("ProviderT")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


@attrs.frozen(kw_only=True)
class Spec(Generic[ProviderT]):
    """Announces one provider.

    Parameters
    ----------
    name
        What users type: lower kebab case, e.g. ``"integrated-gradients"``.
    summary
        One sentence for lists.
    options
        An options class (see :mod:`decima_core.options`) whose defaults are the method's defaults.
    create
        Makes the provider from an options object; imports heavy libraries inside itself.
    requires
        Modules that ``create`` needs and that may be absent, e.g. ``("grelu",)``. Where one is absent the provider is
        listed as available with ``pip install`` of ``install``, not as broken.
    install
        What to install for ``requires``, e.g. ``"decima-core[grelu]"``.
    aliases
        Other spellings that find the provider, e.g. ``("inputxgradient",)``.
    """

    kind: ClassVar[str] = ""

    name: str
    summary: str
    options: type
    create: Callable[[Any], ProviderT]
    requires: tuple[str, ...] = ()
    install: str = ""
    aliases: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        # A forgotten comma makes ("one") a text, and a text is a sequence of letters.
        for field in ("requires", "aliases", "suffixes"):
            given = getattr(self, field, ())
            if not isinstance(given, tuple) or not all(isinstance(item, str) for item in given):
                raise PluginError(
                    f"The {field} of {self.kind} '{self.name}' must be a tuple of texts such as ('one',), not {given!r}."
                )
        for name in (self.name, *self.aliases):
            if not isinstance(name, str) or not _NAME.match(name):
                raise PluginError(
                    f"The name {name!r} of a {self.kind} is not in lower kebab case, such as 'my-method'."
                )
        if not isinstance(self.summary, str) or not self.summary.strip() or "\n" in self.summary:
            raise PluginError(f"The {self.kind} '{self.name}' needs a summary: one sentence on one line.")
        if not (isinstance(self.options, type) and attrs.has(self.options)):
            raise PluginError(f"The options of {self.kind} '{self.name}' must be a class made with @options_class.")
        try:
            self.options()
        except Exception as error:
            raise PluginError(
                f"The options of {self.kind} '{self.name}' cannot be made from their defaults: {first_line(error)}"
            ) from error
        if not callable(self.create):
            raise PluginError(f"The create of {self.kind} '{self.name}' must be a function of its options.")
        for suffix in getattr(self, "suffixes", ()):
            if not suffix.startswith(".") or suffix != suffix.lower() or len(suffix) < 2:
                raise PluginError(
                    f"The suffix {suffix!r} of {self.kind} '{self.name}' is not a lower-case file ending such as '.h5'."
                )


# --- data sources -----------------------------------------------------------------------------------------------------


@runtime_checkable
class DataSource(Protocol):
    """Where genes come from. A context manager; picklable; opens its files lazily, once per process."""

    @property
    def tasks(self) -> Sequence[str]:
        """Names of the tasks the genes are labelled with, in the order of a model trained on them; may be empty."""

    @property
    def files(self) -> Sequence[str]:
        """Paths of every file the genes come from, for the run's manifest."""

    def genes(self, split: str | None = None) -> Sequence[str]:
        """Gene names in file order; of one split if asked. Raises UnknownNameError for a split that does not exist."""

    def splits(self) -> Sequence[str]:
        """Names of the splits that exist, in order of first appearance."""

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        """One gene; the central ``seq_len`` bases of its window, or the source's own length.

        Raises UnknownNameError for a gene that does not exist and DataError where the data are damaged or too short.
        """

    def close(self) -> None: ...

    def __enter__(self) -> DataSource: ...

    def __exit__(self, *exc: object) -> None: ...


@runtime_checkable
class LabelledSource(Protocol):
    """What a data source adds if it also knows the measured values of its genes; datasets for training need it."""

    def labels(self, gene: str) -> npt.NDArray[np.float32]:
        """``(T, 1)`` float32 in the order of ``tasks``.

        Raises UnknownNameError for a gene that does not exist and DataError where there are no labels.
        """


@runtime_checkable
class PlacedSource(Protocol):
    """What a data source adds if it knows where its windows lie on the genome; variants of a VCF need it."""

    def locus(self, gene: str, seq_len: int | None = None) -> Locus | None:
        """The place of the window that ``read(gene, seq_len)`` returns, without reading it; None where not known."""

    def contigs(self) -> Mapping[str, int | None]:
        """Length of each contig the source knows of, by name; None where only the name is known."""


@runtime_checkable
class FlankedSource(Protocol):
    """What a data source adds if it can read beyond a gene's window; deletions and shifts need the bases there."""

    def read_flanked(self, gene: str, seq_len: int | None, flank: int) -> tuple[GeneRecord, int]:
        """The window of ``read(gene, seq_len)`` with up to ``flank`` more bases on each side, and the position in the
        returned record at which that window starts. There may be fewer, or more on one side than on the other, where
        the source holds no more; its mask and TSS are those of the wider record."""


@attrs.frozen(kw_only=True)
class DataSourceSpec(Spec[DataSource]):
    """Announces a data source. Its options class has a field ``path``; ``suffixes`` are the file endings it reads."""

    kind: ClassVar[str] = "data source"

    suffixes: tuple[str, ...] = ()


# --- models -----------------------------------------------------------------------------------------------------------


@runtime_checkable
class SequenceModel(Protocol):
    """A model that reads DNA.

    ``module`` maps ``(B, channels, L)`` float32 to ``(B, T)`` or ``(B, T, L')``. Channels 0-3 are the bases; with
    ``channels == 5`` channel 4 is the gene mask.
    """

    @property
    def name(self) -> str:
        """A name for outputs, e.g. the checkpoint's."""

    @property
    def module(self) -> torch.nn.Module: ...

    @property
    def channels(self) -> int:
        """4 (sequence) or 5 (sequence and gene mask)."""

    @property
    def tasks(self) -> Sequence[str]:
        """Task names in output order; empty where the model does not name them."""

    @property
    def seq_len(self) -> int | None:
        """The window length the model needs; None where any length will do."""

    @property
    def files(self) -> Sequence[str]:
        """Paths of the files the model was made from, for the run's manifest."""


@runtime_checkable
class DescribedModel(Protocol):
    """What a model adds if it knows more of its tasks than their names: a query on the table then stands for tasks."""

    @property
    def task_table(self) -> pd.DataFrame | None:
        """A row for each task, in output order, with the task's name as index; None where there is no table after all."""


@attrs.frozen(kw_only=True)
class ModelSpec(Spec[SequenceModel]):
    """Announces a kind of model. An options field ``path`` makes it usable as ``--model PATH``."""

    kind: ClassVar[str] = "model"

    suffixes: tuple[str, ...] = ()


# --- attribution methods ----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class Scores:
    """What an attribution method returns: ``values`` ``(B, 4, L)`` and, where the method promises completeness, the
    ``convergence_delta`` ``(B,)``: sum of the values minus (target at the input - target at the baseline).

    ``hypothetical`` ``(B, 4, L)``, where the method was asked for them, holds what each of the four bases would contribute at
    each position. At the base that is there it is the sum of the values over the bases. ``prediction`` ``(B,)`` is the target
    at the sequence, where the method came across it; else the engine asks the target again.
    """

    values: torch.Tensor
    convergence_delta: torch.Tensor | None = None
    hypothetical: torch.Tensor | None = None
    prediction: torch.Tensor | None = None


@runtime_checkable
class AttributionMethod(Protocol):
    """Computes which bases drive a target.

    ``target(sequence, mask)`` is a ``torch.nn.Module`` that maps ``(B, 4, L)`` and, for models that read one, a mask
    ``(B, 1, L)`` to one value an example, ``(B,)``. Only the sequence is explained: the mask is passed to every call
    unchanged. The engine has put the target in evaluation mode and frozen its weights, and restores both afterwards.
    """

    def attribute(
        self, target: torch.nn.Module, sequence: torch.Tensor, mask: torch.Tensor | None = None
    ) -> Scores: ...


@attrs.frozen(kw_only=True)
class AttributionMethodSpec(Spec[AttributionMethod]):
    """Announces an attribution method.

    ``exact_on_linear`` claims that on a linear model the values are weight x input (a baseline of zeros); ``complete`` that
    they sum to the change of the target from the baseline, and that ``Scores.convergence_delta`` says how nearly. Both are
    claimed of the default options, and checked by the conformance kit.
    """

    kind: ClassVar[str] = "attribution method"

    exact_on_linear: bool = False
    complete: bool = False


# --- peak callers -----------------------------------------------------------------------------------------------------


@runtime_checkable
class PeakCaller(Protocol):
    """Finds places of high attribution."""

    def call(self, attribution: Attribution) -> Peaks: ...


@attrs.frozen(kw_only=True)
class PeakCallerSpec(Spec[PeakCaller]):
    """Announces a peak caller."""

    kind: ClassVar[str] = "peak caller"


# --- motif scanners ---------------------------------------------------------------------------------------------------


@runtime_checkable
class MotifScanner(Protocol):
    """Places motifs on a sequence."""

    @property
    def motifs(self) -> Sequence[Motif]:
        """The motifs it scans with."""

    def scan(self, record: GeneRecord, attribution: Attribution, peaks: Peaks) -> MotifHits: ...


@runtime_checkable
class SiteScorer(Protocol):
    """What a motif scanner adds if it can score given places, however weak; a lost motif's site needs it."""

    def score_sites(
        self,
        record: GeneRecord,
        attribution: Attribution,
        motif_id: Sequence[str],
        start: Sequence[int],
        strand: Sequence[str],
    ) -> MotifHits:
        """One row for each place asked for, in that order, with ``peak`` -1; p-values go up to 1, and ``q_value`` is 1.

        A site that holds an N has p-value 1. Raises MotifError for a motif that the scanner does not have and a site
        that leaves the window.
        """


@attrs.frozen(kw_only=True)
class MotifScannerSpec(Spec[MotifScanner]):
    """Announces a motif scanner."""

    kind: ClassVar[str] = "motif scanner"


@attrs.frozen
class Kind:
    """One of the five kinds: its ``stage`` in a run (used in options and config), its hook and its spec class."""

    stage: str
    hook: str
    spec: type[Spec[Any]]
    protocol: type

    @property
    def label(self) -> str:
        return self.spec.kind


KINDS: tuple[Kind, ...] = (
    Kind("source", "decima_data_sources", DataSourceSpec, DataSource),
    Kind("model", "decima_models", ModelSpec, SequenceModel),
    Kind("method", "decima_attribution_methods", AttributionMethodSpec, AttributionMethod),
    Kind("peaks", "decima_peak_callers", PeakCallerSpec, PeakCaller),
    Kind("motifs", "decima_motif_scanners", MotifScannerSpec, MotifScanner),
)


def fold(name: str) -> str:
    """A provider's name as it is looked up: lower case, ``-`` for ``_``."""
    return name.strip().lower().replace("_", "-")


def kind_of(name: str) -> Kind:
    """The kind known by stage (``method``), label (``attribution method``) or its kebab form.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """
    folded = name.strip().lower().replace("_", " ").replace("-", " ")
    for kind in KINDS:
        names = (kind.stage, kind.label, f"{kind.stage}s", f"{kind.label}s", kind.label.split()[-1])
        if folded in names:
            return kind
    raise UnknownNameError("kind of provider", name, [k.stage for k in KINDS])
