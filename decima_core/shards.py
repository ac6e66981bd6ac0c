"""Parts of a run, for a scheduler that starts many processes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

import attrs

from decima_core.errors import ConfigError

_TEXT = re.compile(r"\s*([1-9][0-9]*)\s*/\s*([1-9][0-9]*)\s*")


@attrs.frozen
class Shard:
    """Part ``number`` of ``count`` of a run, both from 1: gene ``number`` and every ``count``-th after it."""

    number: int
    count: int

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"There is no shard {self} of a run; shards are numbered 1/{self.count} to {self.count}/{self.count}."
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """``"2/8"`` as a shard. Raises ConfigError."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ConfigError(f"The shard {text!r} is not of the form I/N, such as 2/8 for the second of eight.")
        return cls(int(found[1]), int(found[2]))

    @property
    def name(self) -> str:
        """What its journal is called."""
        return f"shard-{self.number}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, genes: Sequence[str]) -> list[str]:
        """Its genes, in their order."""
        return list(genes[self.number - 1 :: self.count])
