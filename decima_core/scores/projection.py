"""Hypothetical scores become what each base contributes: projected on the sequence.

A hypothetical score says what a base would contribute if it were there, so there is one for each of the four bases. Their
product with the one-hot sequence is what the base that is there contributes (TF-MoDISco, Shrikumar et al. 2018). Summed over
the bases without that step, each position would be the sum of four alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs

from decima_core.errors import DataError
from decima_core.records import Attribution, GeneRecord
from decima_core.scores.reader import ScoreFacts, ScoreReader

Values = Literal["auto", "hypothetical", "projected", "as-is"]


@attrs.define
class Found:
    """What was found in the windows read so far: how many, and how many had values on bases that their sequence does not have."""

    windows: int = 0
    hypothetical: int = 0


class Projected:
    """A reader of scores whose scores are what each base contributes; a reader of scores itself.

    Parameters
    ----------
    scores
        The reader.
    values
        ``"hypothetical"``: scores are projected, kept beside it as ``Attribution.hypothetical``, and a window that has none off its
        sequence is an error. ``"projected"``: they
        are left, and a window that has some off its sequence is an error. ``"as-is"``: they are left. ``"auto"``: they are
        projected, which leaves projected ones as they are; but left where the format holds contributions.
    facts
        What is known of the scores as a whole; by default what their file says.
    """

    def __init__(self, scores: ScoreReader, values: Values = "auto", facts: ScoreFacts | None = None) -> None:
        self._scores, self._values, self.facts = scores, values, facts or scores.facts
        self.found = Found()
        self.projects = values == "hypothetical" or (values == "auto" and scores.facts.projects)

    @property
    def names(self) -> Sequence[str]:
        """Names of the windows in file order."""
        return self._scores.names

    @property
    def files(self) -> Sequence[str]:
        """Paths of every file they come from."""
        return self._scores.files

    def read(self, name: str) -> tuple[GeneRecord, Attribution]:
        """As :class:`~decima_core.scores.reader.ScoreReader`.

        Raises
        ------
        DataError
            Also if the scores are not what ``values`` says.
        """
        record, attribution = self._scores.read(name)
        projected = attribution.projected(record)
        off = bool((projected.values != attribution.values).any())
        self.found.windows += 1
        self.found.hypothetical += off
        if off and self._values == "projected":
            raise DataError(
                f"Window '{name}' has scores on bases that its sequence does not have, so they are not projected; leave out "
                "--projected and they will be, or keep them all with -O scores.values=as-is."
            )
        if not off and self._values == "hypothetical" and attribution.values.any():
            raise DataError(
                f"Window '{name}' has scores on the bases of its sequence alone, so they are not hypothetical; leave out "
                "--hypothetical, or give the scores of all four bases."
            )
        kept = projected if self.projects else attribution
        if self._values == "hypothetical":
            kept = attrs.evolve(kept, hypothetical=attribution.values)
        return record, attrs.evolve(kept, method=self.facts.method, target=self.facts.target)

    def told(self) -> str:
        """What was found in the windows read so far, and what was done, in one sentence."""
        found = self.found
        if not found.hypothetical:
            return "The scores lie on the bases of the sequences alone: projected."
        what = (
            f"Scores for bases that the sequence does not have in {found.hypothetical:,} of {found.windows:,} windows"
        )
        if self.projects:
            return f"{what}: hypothetical, and projected on the sequences."
        return f"{what}; they were left as they are, for --hypothetical would project them."

    def close(self) -> None:
        """Close the files."""
        self._scores.close()

    def __enter__(self) -> Projected:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
