"""What the tests of the parts that scanners share need; the search is that of ``jaspar``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from decima_core.records import Attribution, GeneRecord, MotifHits, Peaks
from decima_core.sequence import encode
from decima_jaspar import JasparOptions, create


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache alone, and read JASPAR only once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECIMA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def _as_codes(sequence: Any) -> np.ndarray:
    return encode(sequence) if isinstance(sequence, str) else np.asarray(sequence, dtype=np.int8)


@pytest.fixture(scope="session")
def peaks_at() -> Callable[..., Peaks]:
    """Peaks with the given summits, in that order, in a window of ``length``."""

    def make(summits: Any, length: int) -> Peaks:
        position = np.asarray(summits, dtype=np.int64)
        height = np.arange(len(position), 0, -1)
        return Peaks(position=position, start=position, end=position + 1, height=height, length=length)

    return make


@pytest.fixture(scope="session")
def scan(peaks_at: Callable[..., Peaks]) -> Callable[..., MotifHits]:
    """Scan a sequence (text or codes) with motifs ``{id: ppm}`` and further options; around summits (region "peaks") unless told."""

    def run(sequence: Any, summits: Any = (), values: Any = None, scanner: Any = None, **options: Any) -> MotifHits:
        codes = _as_codes(sequence)
        length = len(codes)
        record = GeneRecord(gene="g", codes=codes, mask=np.zeros(length), tss=0)
        values = np.zeros((4, length), np.float32) if values is None else values
        attribution = Attribution(gene="g", values=values)
        scanner = create(JasparOptions(**{"region": "peaks", **options})) if scanner is None else scanner
        return scanner.scan(record, attribution, peaks_at(summits, length))

    return run


@pytest.fixture(scope="session")
def consensus() -> Callable[[str], np.ndarray]:
    """The PPM of a word: probability 1 at each of its letters."""

    def make(word: str) -> np.ndarray:
        ppm = np.zeros((4, len(word)))
        ppm[_as_codes(word), np.arange(len(word))] = 1
        return ppm

    return make
