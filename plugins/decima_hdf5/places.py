"""Where genes' windows and masks lie, as a gene file itself may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError, first_line
from decima_core.records import Locus
from decima_hdf5.index import GeneIndex
from decima_hdf5.text import texts

_PLACES = ("chrom", "start", "end", "strand")
_BOUNDS = ("gene_mask_start", "gene_mask_end")


def stored_loci(file: h5py.File, index: GeneIndex, path: Path) -> dict[str, Locus]:
    """The window of ``seq_len`` bases of each gene whose place the datasets chrom, start, end and strand give.

    Raises
    ------
    DataError
        If only some of the datasets are there, one has another shape or type, or a place is no interval.
    """
    if not _all_or_none(file, _PLACES, path):
        return {}
    chroms, strands = (_column(texts(file[name], path), name, index, path) for name in ("chrom", "strand"))
    starts, ends = (_column(_numbers(file[name], path), name, index, path) for name in ("start", "end"))
    loci = {}
    for gene, row in index.rows.items():
        if not chroms[row]:
            continue
        try:
            loci[gene] = Locus(chrom=chroms[row], start=int(starts[row]), end=int(ends[row]), strand=strands[row])
        except DataError as error:
            raise DataError(f"The place of gene '{gene}' in the gene file '{path}' is wrong. {error}") from None
    return loci


def stored_bounds(file: h5py.File, path: Path) -> npt.NDArray[np.int64] | None:
    """``(N, 2)``, half-open bounds of each gene's mask in the window of ``seq_len`` bases; None where the file has none.

    Raises
    ------
    DataError
        If only one of the two datasets is there, or one has another shape or type than ``(N,)`` integer.
    """
    if not _all_or_none(file, _BOUNDS, path):
        return None
    first, last = (_numbers(file[name], path) for name in _BOUNDS)
    rows = file["genes"].shape[0]
    for name, column in zip(_BOUNDS, (first, last), strict=True):
        if column.shape != (rows,):
            raise DataError(f"Dataset '{name}' of the gene file '{path}' has shape {column.shape}; write ({rows:,},).")
    wrong = np.flatnonzero((last <= first) & ~((first == -1) & (last == -1)))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"Row {row} of the gene file '{path}' gives the mask's bounds as {first[row]} and {last[row]}; the end lies after "
            "the start, or both are -1 where they are not known."
        )
    return np.stack([first, last], axis=1)


def _all_or_none(file: h5py.File, names: tuple[str, ...], path: Path) -> bool:
    there = [name for name in names if isinstance(file.get(name), h5py.Dataset)]
    if there and len(there) < len(names):
        lacking = next(name for name in names if name not in there)
        raise DataError(f"The gene file '{path}' has the dataset {there[0]} but not {lacking}; write both or neither.")
    return bool(there)


def _numbers(dataset: h5py.Dataset, path: Path) -> npt.NDArray[np.int64]:
    name = dataset.name.lstrip("/")
    if dataset.dtype.kind not in "iu":
        raise DataError(f"Dataset '{name}' of the gene file '{path}' has type {dataset.dtype}; write whole numbers.")
    try:
        return np.asarray(dataset[()], dtype=np.int64)
    except (OSError, RuntimeError) as error:
        raise DataError(f"Dataset '{name}' of the gene file '{path}' is damaged ({first_line(error)}).") from error


def _column(values: npt.NDArray[Any], name: str, index: GeneIndex, path: Path) -> npt.NDArray[Any]:
    if values.shape != (len(index.rows),):
        raise DataError(
            f"Dataset '{name}' of the gene file '{path}' has shape {values.shape}; write one value for each of its "
            f"{len(index.rows):,} genes."
        )
    return values
