"""Attributions in the HDF5 layout that Decima's own tools read.

``genes (G)``, ``gene_mask_start (G)``, ``gene_mask_end (G)``, ``attribution (G, 4, L)`` float32, ``sequence (G, L)``
int8 and the attributes ``model_name`` and ``genome``; where the method gave them also ``hypothetical (G, 4, L)`` float32.
Genes are written as they come; memory is that of one gene.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from decima_core.errors import OutputError
from decima_core.outputs.interrupts import uninterrupted
from decima_core.outputs.patient_file import PatientFile
from decima_core.records import Interpretation

# About 256 KiB a chunk: small enough that one region reads fast, large enough to compress well.
_CHUNK = 16_384


class AttributionFile:
    """Writes ``attributions.h5`` gene by gene, in the order of ``genes``; ``metadata`` is kept as JSON in the attribute ``run``.

    Raises
    ------
    OSError
        From any method, if the disk refuses; the file can then only be closed.
    """

    @uninterrupted
    def __init__(
        self, path: Path, genes: Sequence[str], attributes: Mapping[str, str], metadata: Mapping[str, Any]
    ) -> None:
        self.path = path
        self.genes = list(genes)
        self._metadata = metadata
        self._written = 0
        self._raw = PatientFile(path)
        self._file = h5py.File(self._raw, "w")
        try:
            with self._writing():
                self._create(attributes)
        except BaseException:
            self.close()
            raise

    def _create(self, attributes: Mapping[str, str]) -> None:
        n = len(self.genes)
        self._file.attrs.update(attributes)
        self._file["genes"] = np.array([g.encode() for g in self.genes], dtype=np.bytes_)
        for name in ("gene_mask_start", "gene_mask_end"):
            self._file.create_dataset(name, shape=(n,), dtype=np.int64)
        # NaN where a gene has none.
        for name in ("tss", "prediction", "convergence_delta"):
            self._file.create_dataset(name, shape=(n,), dtype=np.float64, fillvalue=np.nan)

    @uninterrupted
    def write(self, result: Interpretation) -> None:
        """Append one gene.

        Raises
        ------
        OutputError
            If its window length differs from the first gene's, or it is not the next gene.
        """
        row, record = self._written, result.record
        if record.gene != self.genes[row]:
            raise OutputError(
                f"Gene '{record.gene}' came where '{self.genes[row]}' was expected in '{self.path.name}'."
            )
        with self._writing():
            if row == 0:
                self._create_arrays(len(record), hypothetical=result.attribution.hypothetical is not None)
            length = self._file["sequence"].shape[1]
            if len(record) != length:
                raise OutputError(
                    f"The window of gene '{record.gene}' has {len(record):,} bases and that of '{self.genes[0]}' "
                    f"{length:,}; one file holds one length: give --seq-len, or run them apart."
                )
            if ("hypothetical" in self._file) != (result.attribution.hypothetical is not None):
                raise OutputError(
                    f"The method gave hypothetical scores for some genes and none for others, '{record.gene}' among them; "
                    "it must give them for all or for none."
                )
            self._write_row(row, result)
        self._written += 1

    def _write_row(self, row: int, result: Interpretation) -> None:
        file, record = self._file, result.record
        file["attribution"][row] = result.attribution.values
        if "hypothetical" in file:
            file["hypothetical"][row] = result.attribution.hypothetical
        file["sequence"][row] = record.codes
        file["gene_mask_start"][row], file["gene_mask_end"][row] = record.mask_bounds
        attribution = result.attribution
        for name, value in (
            ("tss", record.tss),
            ("prediction", attribution.prediction),
            ("convergence_delta", attribution.convergence_delta),
        ):
            if value is not None:
                file[name][row] = value
        if record.locus is not None:
            self._write_locus(row, result)

    def _create_arrays(self, length: int, *, hypothetical: bool) -> None:
        n, chunk = len(self.genes), min(length, _CHUNK)
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        for name in ("attribution", "hypothetical") if hypothetical else ("attribution",):
            self._file.create_dataset(name, (n, 4, length), np.float32, chunks=(1, 4, chunk), **packed)
        self._file.create_dataset("sequence", (n, length), np.int8, chunks=(1, chunk), **packed)

    def _write_locus(self, row: int, result: Interpretation) -> None:
        locus = result.record.locus
        assert locus is not None
        text = h5py.string_dtype()
        for name, value, dtype in (
            ("chrom", locus.chrom, text),
            ("start", locus.start, np.int64),
            ("end", locus.end, np.int64),
            ("strand", locus.strand, text),
        ):
            if name not in self._file:
                self._file.create_dataset(name, shape=(len(self.genes),), dtype=dtype)
            self._file[name][row] = value

    @uninterrupted
    def finish(self) -> None:
        """Close the file, complete."""
        try:
            with self._writing():
                self._file.attrs["run"] = json.dumps(self._metadata)
        finally:
            self.close()
        if self._raw.error is not None:
            raise self._raw.error

    @uninterrupted
    def close(self) -> None:
        """Close the file as it is. Closing twice does nothing."""
        self._file.close()
        self._raw.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What is written inside is on the disk afterwards, or the disk's own error is raised."""
        try:
            yield
            self._file.flush()
        finally:
            if self._raw.error is not None:
                raise self._raw.error
