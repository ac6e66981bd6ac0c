"""What is kept between calls: the registry, and gene files with the row of each gene."""

from __future__ import annotations

import os
from functools import lru_cache

import attrs

from decima_core.providers import DataSource
from decima_core.registry import Registry

PathLike = str | os.PathLike[str]


@attrs.frozen
class Opened:
    """A gene file and the row of each gene in it."""

    source: DataSource
    rows: dict[str, int]


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Every plugin installed when it was first asked for."""
    return Registry.discover()


def open_genes(h5_file: PathLike) -> Opened:
    """The file, opened once and again when it changes on disk."""
    path = os.fspath(h5_file)
    try:
        state = os.stat(path)  # noqa: PTH116  # a look-up costs little more than this; a Path would double it
    except OSError:
        return _open_unchanged(path, ())  # the source says what is wrong
    return _open_unchanged(path, (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=8)
def _open_unchanged(path: str, state: tuple[int, ...]) -> Opened:
    source: DataSource = registry().create("source", "hdf5", path=path)
    return Opened(source, {gene: i for i, gene in enumerate(source.genes())})
