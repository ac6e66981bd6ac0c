"""Scores in the HDF5 layout of Decima, which is also that of this program's own ``attributions.h5``.

``genes (G)`` text, ``gene_mask_start (G)``, ``gene_mask_end (G)``, ``attribution (G, 4, L)`` (or ``projected (G, L)``, which this
program writes where it is asked to: :mod:`decima_core.attribution_layout`), ``sequence (G, L)`` codes 0-4; perhaps ``hypothetical (G, 4, L)``, ``tss (G)``, ``prediction (G)``, ``convergence_delta (G)``, and ``chrom``, ``start``, ``end``, ``strand`` ``(G)``. All in
transcript orientation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.attribution_layout import FULL, PROJECTED, SCALE, StoredAttributions
from decima_core.errors import DataError, UnknownNameError, shorten
from decima_core.records import Attribution, GeneRecord, Locus
from decima_core.scores.files import check_filters, readable
from decima_core.scores.reader import ScoreFacts
from decima_core.scores.rows import HDF5Rows, Rows, check_numbers
from decima_core.scores.windows import values_of, window

NEEDED = ("genes", "gene_mask_start", "gene_mask_end", "sequence")
_PLACE = ("chrom", "start", "end", "strand")
_NUMBERS = ("tss", "prediction", "convergence_delta")


def is_decima(file: h5py.File) -> bool:
    """Whether an open file has scores in this layout."""
    return any(isinstance(file.get(name), h5py.Dataset) for name in (FULL, PROJECTED))


class DecimaScores:
    """Scores of genes in an open file; a reader of scores. They are what each base contributes, so they are not projected.

    Raises
    ------
    DataError
        If a dataset is missing or damaged, or datasets disagree.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._path, self.files = file, path, (str(path),)
        missing = [name for name in NEEDED if not isinstance(file.get(name), h5py.Dataset)]
        if missing:
            raise DataError(
                f"The scores '{path}' lack the dataset {' and '.join(missing)}; it has {shorten(sorted(file))}. Decima's layout "
                f"needs {', '.join((*NEEDED, FULL))}."
            )
        self._scores: Rows = HDF5Rows(file[FULL], path) if FULL in file else ProjectedRows(file, path)
        count, length = self._scores.count, self._scores.length
        hypothetical = file.get("hypothetical")
        self._hypothetical = HDF5Rows(hypothetical, path) if isinstance(hypothetical, h5py.Dataset) else None
        if self._hypothetical is not None and hypothetical.shape != (count, 4, length):
            raise DataError(
                f"Dataset 'hypothetical' of '{path}' has shape {hypothetical.shape}, and the attributions are of {count:,} genes of "
                f"{length:,} bases; it holds a number for each of the four bases."
            )
        if file["sequence"].shape != (count, length):
            raise DataError(
                f"Dataset 'sequence' of '{path}' has shape {file['sequence'].shape}, but the attributions are of {count:,} genes of "
                f"{length:,} bases."
            )
        names = self._column("genes")
        assert names is not None
        self.names: tuple[str, ...] = tuple(names.tolist())
        if len(set(self.names)) != count:
            repeated = next(name for i, name in enumerate(self.names) if name in self.names[:i])
            raise DataError(f"The scores '{path}' name gene '{repeated}' twice; give each gene a name of its own.")
        self._number = {name: i for i, name in enumerate(self.names)}
        bounds = [self._column(name) for name in ("gene_mask_start", "gene_mask_end")]
        self._bounds = np.array(bounds, dtype=np.int64).T
        self._numbers = {name: self._column(name) for name in _NUMBERS}
        place = {name: self._column(name) for name in _PLACE}
        self._place = place if all(column is not None for column in place.values()) else None
        self.facts = _facts(file)

    def _column(self, name: str) -> npt.NDArray[Any] | None:
        """A dataset with a value for each gene, text decoded; None where it is not there."""
        if not isinstance(self._file.get(name), h5py.Dataset):
            return None
        dataset = self._file[name]
        what = f"Dataset '{name}'"
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
        if is_text != (name in ("genes", "chrom", "strand")) or (not is_text and dataset.dtype.kind not in "iuf"):
            raise DataError(f"{what} of '{self._path}' has type {dataset.dtype}; it must hold {_kind(name)}.")
        if dataset.shape != (self._scores.count,):
            raise DataError(
                f"{what} of '{self._path}' has shape {dataset.shape}, but the attributions are of {self._scores.count:,} genes."
            )
        with readable(self._path, what):
            try:
                values: npt.NDArray[Any] = dataset.asstr()[:] if is_text else dataset[:]
            except UnicodeDecodeError:
                raise DataError(
                    f"{what} of '{self._path}' holds text that is not UTF-8; write it again as UTF-8."
                ) from None
        return values

    def read(self, name: str) -> tuple[GeneRecord, Attribution]:
        """As :class:`~decima_core.scores.reader.ScoreReader`."""
        number = self._number.get(name)
        if number is None:
            raise UnknownNameError("gene", name, self.names, where=f"'{self._path}'")
        with readable(self._path, f"The sequence of gene '{name}'"):
            codes = self._file["sequence"][number]
        on, off = self._bounds[number].tolist()
        mask = np.zeros(len(codes), np.float32)
        mask[max(on, 0) : max(off, 0)] = 1
        tss = self._number_of("tss", number)
        if self._numbers["tss"] is None and off > on:
            tss = on
        try:
            return window(
                name,
                codes,
                values_of(self._scores.row(number), name, self._scores.what),
                mask=mask,
                tss=None if tss is None else int(tss),
                locus=self._locus(number),
                hypothetical=self._hypothetical_of(name, number),
                prediction=self._number_of("prediction", number),
                convergence_delta=self._number_of("convergence_delta", number),
            )
        except DataError as error:
            raise DataError(f"{error} It is row {number} of the scores '{self._path}'.") from None

    def _hypothetical_of(self, name: str, number: int) -> npt.NDArray[np.float32] | None:
        rows = self._hypothetical
        return None if rows is None else values_of(rows.row(number), name, rows.what)

    def _number_of(self, column: str, number: int) -> float | None:
        """A number of a gene; None where there is none, which NaN stands for."""
        values = self._numbers[column]
        return None if values is None or np.isnan(values[number]) else float(values[number])

    def _locus(self, number: int) -> Locus | None:
        if self._place is None:
            return None
        chrom, start, end, strand = (column[number] for column in self._place.values() if column is not None)
        return Locus(chrom=chrom, start=int(start), end=int(end), strand=strand) if chrom else None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> DecimaScores:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class ProjectedRows:
    """Rows of the dataset ``projected``, spread over the four bases; the file is closed by who opened it."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._stored, self._path = StoredAttributions(file), path
        dataset = self._stored.dataset
        self.what = f"Dataset '{PROJECTED}' of '{path}'"
        check_numbers(dataset.dtype, self.what)
        check_filters(dataset, self.what)
        if dataset.ndim != 2 or 0 in dataset.shape:
            raise DataError(f"{self.what} has shape {dataset.shape}; it must be (genes, bases). Write the file again.")
        self.count, self.length = dataset.shape
        if SCALE in file and file[SCALE].shape != (self.count,):
            raise DataError(
                f"Dataset '{SCALE}' of '{path}' has shape {file[SCALE].shape}; it must hold a number for each of {self.count:,} genes."
            )

    def row(self, number: int) -> npt.NDArray[Any]:
        """Window ``number``, ``(4, L)``."""
        with readable(self._path, f"Window {number} of dataset '{PROJECTED}'"):
            found: npt.NDArray[Any] = self._stored.values(number)
        return found

    def close(self) -> None:
        """Nothing to do."""


def _kind(name: str) -> str:
    return "text" if name in ("genes", "chrom", "strand") else "numbers"


def _facts(file: h5py.File) -> ScoreFacts:
    """What the file's attributes say; ``run`` holds the header lines of the run that wrote it, as JSON."""
    attributes = {key: str(file.attrs[key]) for key in ("model_name", "genome", "run") if key in file.attrs}
    try:
        run = json.loads(attributes.get("run", "{}"))
    except ValueError:  # another program's attribute of that name
        run = {}
    said = run if isinstance(run, dict) else {}
    return ScoreFacts(
        format="Decima HDF5",
        model=str(said.get("model") or attributes.get("model_name") or "unknown"),
        method=str(said.get("method") or "unknown"),
        target=str(said.get("target") or "unknown"),
        genome=attributes.get("genome") or "unknown",
        projects=False,
    )
