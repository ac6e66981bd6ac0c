"""Attributions in the HDF5 layout that Decima's own tools read, or a smaller one.

``genes (G)``, ``gene_mask_start (G)``, ``gene_mask_end (G)``, ``attribution (G, 4, L)`` float32 or another of
:mod:`decima_core.attribution_layout`, ``sequence (G, L)`` int8 and the attributes ``model_name`` and ``genome``; where the
method gave them also ``hypothetical (G, 4, L)`` float32. Genes are written as they come; memory is that of one gene, and of some numbers for each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np

from decima_core.attribution_layout import PROJECTED, SCALE
from decima_core.errors import OutputError
from decima_core.outputs.encoding import CHUNK, EncodedResult, encode
from decima_core.outputs.interrupts import uninterrupted
from decima_core.outputs.patient_file import PatientFile
from decima_core.records import Interpretation


@attrs.frozen
class Shape:
    """What all genes of one file have in common; ``gene`` is the first of them."""

    gene: str
    length: int
    hypothetical: bool

    @classmethod
    def of(cls, result: EncodedResult) -> Shape:
        return cls(result.gene, result.length, "hypothetical" in result.arrays)

    def check(self, other: Shape) -> None:
        """Refuse a gene that does not fit in the same file. Raises OutputError."""
        if other.length != self.length:
            raise OutputError(
                f"The window of gene '{other.gene}' has {other.length:,} bases and that of '{self.gene}' "
                f"{self.length:,}; one file holds one length: give --seq-len, or run them apart."
            )
        if other.hypothetical != self.hypothetical:
            raise OutputError(
                f"The method gave hypothetical scores for some genes and none for others, '{other.gene}' among them; "
                "it must give them for all or for none."
            )


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
        self._shape: Shape | None = None
        self._facts: dict[str, list[Any]] = {}
        self._raw = PatientFile(path)
        self._file = h5py.File(self._raw, "w")
        try:
            with self._writing():
                self._file.attrs.update(attributes)
                self._file["genes"] = np.array([g.encode() for g in self.genes], dtype=np.bytes_)
        except BaseException:
            self.close()
            raise

    def write(self, result: Interpretation) -> None:
        """Append one gene; as :meth:`append`."""
        self.append(encode(result))

    @uninterrupted
    def append(self, result: EncodedResult) -> None:
        """Append one gene.

        Raises
        ------
        OutputError
            If its window length differs from the first gene's, or it is not the next gene.
        """
        row = self._written
        if result.gene != self.genes[row]:
            raise OutputError(
                f"Gene '{result.gene}' came where '{self.genes[row]}' was expected in '{self.path.name}'."
            )
        with self._writing():
            if self._shape is None:
                self._create_arrays(result)
                self._shape = Shape.of(result)
            self._shape.check(Shape.of(result))
            for name, chunks in result.arrays.items():
                dataset = self._file[name]
                for number, chunk in enumerate(chunks):
                    at = number * dataset.chunks[-1]
                    dataset.id.write_direct_chunk((row, at) if dataset.ndim == 2 else (row, 0, at), chunk)
        for name, value in result.facts.items():
            self._facts.setdefault(name, []).append(value)
        self._written += 1

    def _create_arrays(self, result: EncodedResult) -> None:
        n, length, chunk = len(self.genes), result.length, min(result.length, CHUNK)
        # As the chunks come (decima_core.outputs.encoding).
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        numbers = {"sequence": np.int8, PROJECTED: np.float32 if result.facts.get(SCALE) is None else np.float16}
        for name in result.arrays:
            rows = () if name in numbers else (4,)
            dtype = numbers.get(name, np.float32)
            self._file.create_dataset(name, (n, *rows, length), dtype, chunks=(1, *rows, chunk), **packed)

    @uninterrupted
    def finish(self) -> None:
        """Close the file, complete."""
        try:
            with self._writing():
                self._write_facts()
                self._file.attrs["run"] = json.dumps(self._metadata)
        finally:
            self.close()
        if self._raw.error is not None:
            raise self._raw.error

    def _write_facts(self) -> None:
        """A number or a word for each gene: NaN, 0 or nothing where it is not known. A column that is never known is left out."""
        for name in ("gene_mask_start", "gene_mask_end"):
            self._file[name] = np.array(self._facts.get(name, []), dtype=np.int64)
        for name in ("tss", "prediction", "convergence_delta"):
            values = [np.nan if value is None else value for value in self._facts.get(name, [])]
            self._file[name] = np.array(values, dtype=np.float64)
        if any(value is not None for value in self._facts.get(SCALE, [])):
            self._file[SCALE] = np.array(self._facts[SCALE], dtype=np.float32)
        for name in ("chrom", "start", "end", "strand"):
            values = self._facts.get(name, [])
            if any(value is not None for value in values):
                text = name in ("chrom", "strand")
                column = [("" if text else 0) if value is None else value for value in values]
                self._file.create_dataset(name, data=column, dtype=h5py.string_dtype() if text else np.int64)

    @uninterrupted
    def close(self) -> None:
        """Close the file as it is. Closing twice does nothing."""
        self._file.close()
        self._raw.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What the disk refused inside, or since the last time, is raised at the end."""
        try:
            yield
        finally:
            if self._raw.error is not None:
                raise self._raw.error
