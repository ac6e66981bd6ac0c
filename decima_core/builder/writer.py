"""The HDF5 file of genes: made at its full size, filled a gene at a time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError
from decima_core.outputs.interrupts import uninterrupted
from decima_core.outputs.patient_file import PatientFile
from decima_core.records import GeneRecord, Locus

# 64 KiB a chunk: one gene's window is a few of them, and a crop reads what it needs.
_CHUNK = 65_536


@attrs.frozen
class Written:
    """What was written of one gene, to be found again: a checksum of its bases and labels, and what surrounds them."""

    checksum: int
    mask: int
    tss: int | None
    split: str | None
    locus: Locus | None


def fingerprint(record: GeneRecord, labels: npt.NDArray[np.float32] | None) -> Written:
    """The same for a record, wherever it comes from."""
    checksum = zlib.crc32(record.codes.tobytes())
    if labels is not None:
        checksum = zlib.crc32(np.ascontiguousarray(labels, dtype=np.float32).tobytes(), checksum)
    mask = zlib.crc32(record.mask.tobytes())
    return Written(checksum=checksum, mask=mask, tss=record.tss, split=record.split, locus=record.locus)


class GeneFile:
    """Writes a gene file; memory is that of one gene.

    Parameters
    ----------
    path
        Where to write.
    genes
        Names, in order.
    seq_len, pad
        Bases of a window, and of what is stored beside it on each side.
    tasks
        Task names; empty for a file without labels.
    compression
        Of the sequences: ``gzip``, ``lzf`` or ``none``, which stores them in one piece. Masks, one run of ones each, are
        always packed.
    provenance
        Attributes of the file.

    Raises
    ------
    OSError
        From any method, if the disk refuses; the file can then only be closed.
    """

    @uninterrupted
    def __init__(
        self,
        path: Path,
        genes: Sequence[str],
        *,
        seq_len: int,
        pad: int,
        tasks: Sequence[str],
        compression: str,
        provenance: Mapping[str, Any],
    ) -> None:
        self._seq_len, self._pad = seq_len, pad
        self._raw = PatientFile(path)
        self._file = h5py.File(self._raw, "w")
        try:
            self._create(genes, tasks, compression)
            self._file.attrs.update({key: json.dumps(value) for key, value in provenance.items()})
            self._told()
        except BaseException:
            self.close()
            raise

    def _create(self, genes: Sequence[str], tasks: Sequence[str], compression: str) -> None:
        file, n, width = self._file, len(genes), self._seq_len + 2 * self._pad
        text = h5py.string_dtype()
        names = np.array([[gene, ""] for gene in genes], dtype=object)
        file.create_dataset("genes", data=names, dtype=text)
        for key, value in (("pad", self._pad), ("seq_len", self._seq_len), ("padded_seq_len", width)):
            file.create_dataset(key, data=value)
        chunks = (1, min(width, _CHUNK))
        packed: dict[str, Any] = {"chunks": chunks, "compression": "gzip", "compression_opts": 1, "shuffle": False}
        kinds: dict[str, dict[str, Any]] = {
            "gzip": packed,
            "lzf": {"chunks": chunks, "compression": "lzf"},
            "none": {},
        }
        file.create_dataset("sequences", (n, width), np.int8, **kinds[compression])
        file.create_dataset("masks", (n, width), np.float32, **packed)
        if tasks:
            file.create_dataset("tasks", data=np.array(list(tasks), dtype=object), dtype=text)
            file.create_dataset("labels", (n, len(tasks), 1), np.float32)
        else:
            file.create_dataset("tasks", data=np.empty(0, dtype=object), dtype=text)
        for name in ("chrom", "strand"):
            file.create_dataset(name, (n,), dtype=text)
        for name in ("start", "end", "gene_mask_start", "gene_mask_end"):
            file.create_dataset(name, (n,), np.int64)

    @uninterrupted
    def write(self, row: int, record: GeneRecord, labels: npt.NDArray[np.float32] | None) -> None:
        """Fill a gene's row with its padded window, and its labels ``(T, 1)``."""
        file = self._file
        file["genes"][row] = [record.gene, record.split or ""]
        file["sequences"][row] = record.codes
        file["masks"][row] = record.mask
        if labels is not None:
            file["labels"][row] = labels
        file["gene_mask_start"][row], file["gene_mask_end"][row] = self._bounds(record)
        if record.locus is not None:
            window = record.locus.crop(self._pad, self._seq_len)
            for name in ("chrom", "start", "end", "strand"):
                file[name][row] = getattr(window, name)
        self._told()

    def _bounds(self, record: GeneRecord) -> tuple[int, int]:
        """Bounds of the mask in the window of ``seq_len``; -1 for a mask that is not one run of ones.

        They keep a TSS that lies outside what is stored.
        """
        first, last = record.mask_bounds
        is_run = bool((record.mask[first:last] == 1).all())
        if is_run and record.tss is not None and first == max(0, record.tss):
            return record.tss - self._pad, last - self._pad
        if first != record.tss:
            raise DataError(
                f"The mask of gene '{record.gene}' is not one run of ones, and its first base lies outside the window, where the "
                "file could not say so; use a longer --seq-len."
            )
        return -1, -1

    @uninterrupted
    def finish(self) -> None:
        """Close the file, complete."""
        self._file.flush()
        self.close()
        self._told()

    @uninterrupted
    def close(self) -> None:
        """Close the file as it is. Closing twice does nothing."""
        if self._file:
            self._file.close()
        self._raw.close()

    def _told(self) -> None:
        self._file.flush() if self._file else None
        if self._raw.error is not None:
            raise self._raw.error
