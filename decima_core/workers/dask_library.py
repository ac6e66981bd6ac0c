"""Dask, where it is installed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from decima_core.errors import PluginError

if TYPE_CHECKING:
    from decima_core.workers.dask import DaskWorkers


def dask_workers() -> type[DaskWorkers]:
    """The executor on Dask.

    Raises
    ------
    PluginError
        If distributed is not installed.
    """
    if importlib.util.find_spec("distributed") is None:
        raise PluginError("Workers by Dask need distributed, which is not installed; pip install 'decima-core[dask]'.")
    from decima_core.workers.dask import DaskWorkers

    return DaskWorkers
