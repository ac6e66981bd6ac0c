"""Text stored in HDF5, of whatever kind, as Python strings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, first_line


def texts(dataset: h5py.Dataset, path: Path) -> npt.NDArray[Any]:
    """All strings of a dataset, of its shape, dtype object; fixed or variable length, ASCII or UTF-8.

    The dataset is read once.

    Raises
    ------
    DataError
        If the dataset holds no text, text that is not UTF-8, or cannot be read; the message names it and the file.
    """
    what = f"Dataset '{dataset.name.lstrip('/')}' of the gene file '{path}'"
    if h5py.check_string_dtype(dataset.dtype) is None:
        raise DataError(f"{what} has type {dataset.dtype}; write it as text.")
    try:
        raw = dataset[()]
        words = [word.decode("utf-8") if isinstance(word, bytes) else str(word) for word in raw.ravel().tolist()]
    except UnicodeDecodeError:
        raise DataError(f"{what} holds text that is not UTF-8; write it again as UTF-8.") from None
    except (OSError, RuntimeError) as error:
        raise DataError(f"{what} is damaged ({first_line(error)}); copy, download or write the file again.") from error
    array = np.empty(len(words), dtype=object)
    array[:] = words
    return array.reshape(raw.shape)
