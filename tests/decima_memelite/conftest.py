"""What the tests of the scanner ``memelite`` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from decima_core import Attribution, GeneRecord, MotifHits, Peaks, Registry
from decima_core.sequence import Codes, encode


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache of motifs alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECIMA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def make() -> Callable[..., Any]:
    """A scanner by name, of the whole window unless told otherwise."""

    def scanner(name: str, **options: Any) -> Any:
        return Registry.discover().create("motifs", name, **{"region": "window", **options})

    return scanner


@pytest.fixture(scope="session")
def window() -> Callable[..., tuple[GeneRecord, Attribution]]:
    """A gene window of a sequence (text or codes) with random attribution."""

    def make_window(sequence: str | Codes) -> tuple[GeneRecord, Attribution]:
        codes = encode(sequence) if isinstance(sequence, str) else np.asarray(sequence, dtype=np.int8)
        values = np.random.default_rng(0).normal(size=(4, len(codes))).astype(np.float32)
        return GeneRecord(gene="g", codes=codes), Attribution(gene="g", values=values)

    return make_window


@pytest.fixture(scope="session")
def scan(window: Callable[..., tuple[GeneRecord, Attribution]]) -> Callable[..., MotifHits]:
    """The hits of a scanner on a sequence, under peaks with these summits."""

    def run(scanner: Any, sequence: str | Codes, summits: Any = ()) -> MotifHits:
        record, attribution = window(sequence)
        at = np.asarray(summits, dtype=np.int64)
        peaks = Peaks(position=at, start=at, end=at + 1, height=np.ones(len(at)), length=len(record))
        return scanner.scan(record, attribution, peaks)  # type: ignore[no-any-return]

    return run
