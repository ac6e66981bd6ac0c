"""Opening what a dataset is made of: gene files, data sources, tables of genes."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from decima_core.errors import ConfigError
from decima_core.providers import DataSource
from decima_core.registry import Registry


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Every plugin installed when it was first asked for."""
    return Registry.discover()


def open_source(genes: Any) -> DataSource:
    """A data source as it is, or the one that reads a file."""
    if isinstance(genes, (str, os.PathLike)):
        path = os.fspath(genes)
        found = registry().for_file("source", path)
        source: DataSource = registry().create("source", found.spec.name, path=path)
        return source
    if isinstance(genes, DataSource):
        return genes
    raise ConfigError(f"A dataset reads a gene file or a data source, not {type(genes).__name__}.")
