"""Attributions of both alleles of variants on their common axes, in HDF5.

One group a variant, ``000000``, ``000001`` ... in the order of the table of effects' explained rows. Each has ``ref_position``
and ``alt_position`` ``(A,)`` int32 (-1 at gaps), ``event`` ``(A,)`` int8 (the attribute ``events`` of the file lists the
words), ``ref_attribution`` and ``alt_attribution`` ``(4, A)`` float32 (NaN at gaps) and ``difference`` ``(A,)`` float32, and
the row of the table as attributes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.outputs.interrupts import uninterrupted
from decima_core.outputs.patient_file import PatientFile

EVENTS = ("match", "substitution", "insertion", "deletion", "edge")


class AlleleFile:
    """Writes the groups as they come; memory is that of one variant.

    Raises
    ------
    OSError
        From any method, if the disk refuses; the file can then only be closed.
    """

    @uninterrupted
    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self._raw = PatientFile(path)
        self._file = h5py.File(self._raw, "w")
        self._written = 0
        self._file.attrs.update({**metadata, "events": json.dumps(EVENTS)})

    @uninterrupted
    def write(self, row: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Append one variant: its row as attributes, and its arrays; ``event`` holds words of :data:`EVENTS`."""
        group = self._file.create_group(f"{self._written:06d}")
        group.attrs.update(row)
        for name, values in columns.items():
            stored = _event_codes(values) if name == "event" else values
            chunks = (*stored.shape[:-1], min(stored.shape[-1], 16_384))
            group.create_dataset(name, data=stored, chunks=chunks, compression="gzip", shuffle=True)
        self._written += 1
        self._file.flush()
        self._told()

    @uninterrupted
    def finish(self) -> None:
        """Close the file, complete."""
        self.close()
        self._told()

    @uninterrupted
    def close(self) -> None:
        """Close the file as it is. Closing twice does nothing."""
        if self._file:
            self._file.close()
            self._raw.close()

    def _told(self) -> None:
        if self._raw.error is not None:
            raise self._raw.error


def _event_codes(events: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    codes = np.zeros(len(events), dtype=np.int8)
    for code, name in enumerate(EVENTS):
        codes[events == name] = code
    return codes
