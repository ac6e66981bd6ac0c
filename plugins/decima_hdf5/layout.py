"""The gene HDF5 layout: what a file must hold, checked once when it is first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np

from decima_core.errors import DataError, first_line, shorten
from decima_hdf5.text import texts

_REQUIRED = ("genes", "sequences", "masks")
_SHAPES = {
    "genes": "(genes, 2)",
    "sequences": "(genes, bases)",
    "masks": "(genes, bases)",
    "labels": "(genes, tasks, 1)",
}


@attrs.frozen(kw_only=True)
class Layout:
    """The sizes and names of one gene file.

    Parameters
    ----------
    seq_len
        Bases that a model is meant to see: the file's default window.
    width
        Bases stored for each gene, ``padded_seq_len``; never less than ``seq_len``.
    pad
        Bases added on each side of the window, to leave room for shifts.
    tasks
        Task names in label order; empty where the file has none.
    has_labels
        Whether the file has labels.
    """

    seq_len: int
    width: int
    pad: int
    tasks: tuple[str, ...]
    has_labels: bool = False


def read_layout(file: h5py.File, path: Path) -> Layout:
    """Check the layout of an open file.

    Raises
    ------
    DataError
        If a required dataset is missing, or datasets have a wrong shape or type, or disagree; the message names the
        file, the datasets and both numbers.
    """
    found = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        there = f"it has {shorten(sorted(found))}" if found else "it has no datasets"
        raise DataError(
            f"The gene file '{path}' lacks the dataset {' and '.join(missing)}; {there}. "
            "Write it in the gene HDF5 layout, which needs genes, sequences and masks."
        )
    _check_shapes(found, path)
    tasks = _tasks(found, path)
    width = int(found["sequences"].shape[1])
    seq_len, pad = _lengths(found, width, path)
    return Layout(seq_len=seq_len, width=width, pad=pad, tasks=tasks, has_labels="labels" in found)


def _check_shapes(found: dict[str, Any], path: Path) -> None:
    for name, shape in _SHAPES.items():
        if name in found and len(found[name].shape or ()) != shape.count(",") + 1:
            raise DataError(
                f"Dataset '{name}' of the gene file '{path}' has shape {found[name].shape}; write it as {shape}."
            )
    genes, sequences, masks = (found[name] for name in _REQUIRED)
    if genes.shape[1] != 2:
        raise DataError(
            f"Dataset 'genes' of the gene file '{path}' has {genes.shape[1]} columns; write two: gene name and split."
        )
    if genes.shape[0] == 0:
        raise DataError(f"The gene file '{path}' holds no genes; check the program that wrote it.")
    if sequences.dtype.kind not in "iu":
        raise DataError(
            f"Dataset 'sequences' of the gene file '{path}' has type {sequences.dtype}; "
            "write base codes 0-4 (A, C, G, T, N) as int8."
        )
    if masks.dtype.kind not in "iufb":
        raise DataError(f"Dataset 'masks' of the gene file '{path}' has type {masks.dtype}; write float32.")
    for name in ("sequences", "masks", "labels"):
        if name in found and found[name].shape[0] != genes.shape[0]:
            raise DataError(
                f"The gene file '{path}' names {genes.shape[0]:,} genes, but its dataset '{name}' has "
                f"{found[name].shape[0]:,} rows; write one row for each gene."
            )
    if sequences.shape[1] != masks.shape[1]:
        raise DataError(
            f"The gene file '{path}' has {sequences.shape[1]:,} bases of sequence a gene but {masks.shape[1]:,} of "
            "mask; write both with the same length."
        )
    if sequences.shape[1] == 0:
        raise DataError(f"The sequences of the gene file '{path}' have no bases; check the program that wrote it.")


def _tasks(found: dict[str, Any], path: Path) -> tuple[str, ...]:
    if "tasks" not in found:
        return ()
    tasks = found["tasks"]
    if len(tasks.shape or ()) != 1:
        raise DataError(f"Dataset 'tasks' of the gene file '{path}' has shape {tasks.shape}; write one row of names.")
    names = tuple(texts(tasks, path).tolist())
    if "labels" in found and found["labels"].shape[1] != len(names):
        raise DataError(
            f"The gene file '{path}' names {len(names):,} tasks, but its labels have {found['labels'].shape[1]:,}; "
            "write one label for each task."
        )
    return names


def _lengths(found: dict[str, Any], width: int, path: Path) -> tuple[int, int]:
    """``(seq_len, pad)``; what the file leaves out follows from the rest."""
    padded = _scalar(found, "padded_seq_len", path)
    if padded is not None and padded != width:
        raise DataError(
            f"The gene file '{path}' gives padded_seq_len as {padded:,}, but its sequences have {width:,} bases; "
            "correct the one that is wrong."
        )
    given_pad = _scalar(found, "pad", path)
    pad = given_pad or 0
    given_len = _scalar(found, "seq_len", path)
    seq_len = width - 2 * pad if given_len is None else given_len
    if not 1 <= seq_len <= width:
        which = f"seq_len as {given_len:,}" if given_len is not None else f"pad as {pad:,}"
        raise DataError(
            f"The gene file '{path}' gives {which}, but its sequences have {width:,} bases; "
            "correct the one that is wrong."
        )
    if not 0 <= pad <= width - seq_len:
        raise DataError(
            f"The gene file '{path}' gives pad as {pad:,}, but its sequences have only {width - seq_len:,} bases more "
            f"than seq_len ({seq_len:,}); correct the one that is wrong."
        )
    return seq_len, pad


def _scalar(found: dict[str, Any], name: str, path: Path) -> int | None:
    if name not in found:
        return None
    try:
        value = np.asarray(found[name][()])
    except (OSError, RuntimeError) as error:
        raise DataError(f"Dataset '{name}' of the gene file '{path}' is damaged ({first_line(error)}).") from error
    if value.size != 1 or value.dtype.kind not in "iuf" or value.item() != value.item() // 1:
        raise DataError(f"Dataset '{name}' of the gene file '{path}' is not a whole number; write it as one integer.")
    return int(value.item())
