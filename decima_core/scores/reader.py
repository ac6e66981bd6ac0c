"""What every reader of scores does, and what a file says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

if TYPE_CHECKING:
    from decima_core.records import Attribution, GeneRecord


@attrs.frozen(kw_only=True)
class ScoreFacts:
    """What is known of scores as a whole.

    ``format`` names the kind of file in words; ``model``, ``method``, ``target`` and ``genome`` are ``"unknown"`` where
    nothing says them. ``projects`` tells whether scores of this format are projected on the sequence unless told otherwise;
    ``contigs`` gives the lengths of contigs, as far as they are known.
    """

    format: str
    model: str = "unknown"
    method: str = "unknown"
    target: str = "unknown"
    genome: str = "unknown"
    projects: bool = True
    contigs: Mapping[str, int | None] = attrs.field(factory=dict)


@runtime_checkable
class ScoreReader(Protocol):
    """Windows and their scores. A context manager; reads one window at a time."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the windows in file order, each once."""

    @property
    def files(self) -> Sequence[str]:
        """Paths of every file they come from, for the run's record."""

    @property
    def facts(self) -> ScoreFacts: ...

    def read(self, name: str) -> tuple[GeneRecord, Attribution]:
        """The window of that name and its scores ``(4, L)``, both in the window's own orientation.

        Raises UnknownNameError for a window that does not exist and DataError where the data are damaged.
        """

    def close(self) -> None: ...

    def __enter__(self) -> ScoreReader: ...

    def __exit__(self, *exc: object) -> None: ...
