"""Attributions as a BigWig: one value a base on the genome's forward strand, for a genome browser.

The value is the attribution summed over the bases. Where windows overlap it is the mean of theirs, whatever their order. It is
written out of a finished ``attributions.h5``, one window after the other along the genome, so memory is that of the windows
that overlap.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs
import h5py
import numpy as np
import numpy.typing as npt

from decima_core.attribution_layout import StoredAttributions
from decima_core.errors import OutputError, first_line
from decima_core.records import GeneRecord
from decima_core.scores.bigwig_library import is_whole, library

Track = npt.NDArray[np.float64]

_BYTES = 4  # a base; compressed it is less, and the summaries for a browser are small


def check_place(record: GeneRecord) -> None:
    """Refuse a window whose place is not known: it cannot be in a BigWig. Raises OutputError."""
    if record.locus is None:
        raise OutputError(
            f"The place of '{record.gene}' on the genome is not known, so it cannot be in a BigWig; leave out --bigwig, or say where "
            "windows lie (-O source.loci=FILE, or --regions FILE for scores)."
        )


def write_bigwig(path: Path, attributions: Path, contigs: Mapping[str, int | None]) -> None:
    """Write ``path`` out of a finished attribution file whose windows all have places.

    ``contigs`` gives the length of each contig where it is known; another is as long as its windows reach. Bases beyond a
    contig's ends are left out.

    Raises
    ------
    OutputError
        If it cannot be written whole.
    """
    # Where the disk is full the library does not raise: it hangs for minutes, then ends the process. So there is a look at the
    # disk first, and a process of its own.
    _check_space(path, attributions)
    command = [sys.executable, "-m", __name__, str(path), str(attributions)]
    done = subprocess.run(command, input=json.dumps(dict(contigs)), capture_output=True, text=True, check=False)
    if done.returncode or not is_whole(path):
        reason = (done.stderr.strip().splitlines() or [f"the library stopped with {done.returncode}"])[-1]
        raise OutputError(
            f"The BigWig '{path.name}' cannot be written to '{path.parent}' ({reason}); is the disk full? Free some space, or leave "
            "out --bigwig."
        )


def _check_space(path: Path, attributions: Path) -> None:
    with h5py.File(attributions, "r") as file:
        stored = StoredAttributions(file).dataset
        count, length = stored.shape[0], stored.shape[-1]
    needed = _BYTES * count * length
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise OutputError(
            f"The BigWig '{path.name}' may need {needed / 2**20:,.0f} MiB, and '{path.parent}' has {free / 2**20:,.0f} MiB left; free "
            "some space, or leave out --bigwig."
        )


def _write_here(path: Path, attributions: Path, contigs: Mapping[str, int | None]) -> None:
    """As :func:`write_bigwig`, in this process. After an error the library must not be touched again, not even to close it."""
    with h5py.File(attributions, "r") as file:
        places = _places(file)
        sizes = {
            chrom: contigs.get(chrom) or max(place.end for place in on)
            for chrom, on in sorted(places.items(), key=lambda pair: pair[0].encode())  # as the format's index has them
        }
        out = library().open(str(path), "w")
        out.addHeader(list(sizes.items()))
        for chrom, size in sizes.items():
            for start, values in _merged(_tracks(file, places[chrom], size)):
                out.addEntries(chrom, start, values=values, span=1, step=1)
        out.close()


@attrs.frozen
class _Place:
    start: int
    end: int
    strand: str
    row: int


def _places(file: h5py.File) -> dict[str, list[_Place]]:
    """The windows on each contig, from left to right."""
    columns = (file["start"][:], file["end"][:], file["strand"].asstr()[:])
    places: dict[str, list[_Place]] = {}
    for row, (chrom, start, end, strand) in enumerate(zip(file["chrom"].asstr()[:], *columns, strict=True)):
        places.setdefault(chrom, []).append(_Place(int(start), int(end), strand, row))
    for on in places.values():
        on.sort(key=lambda place: (place.start, place.row))
    return places


def _tracks(file: h5py.File, places: Iterable[_Place], size: int) -> Iterator[tuple[int, Track]]:
    """First base and values of each window, on the forward strand and within the contig."""
    stored = StoredAttributions(file)
    for place in places:
        track = stored.track(place.row).astype(np.float64)
        if place.strand == "-":
            track = track[::-1]
        start, end = max(place.start, 0), min(place.end, size)
        if start < end:
            yield start, track[start - place.start : end - place.start]


def _merged(tracks: Iterable[tuple[int, Track]]) -> Iterator[tuple[int, Track]]:
    """Stretches that do not overlap, from left to right; where windows did, their mean."""
    first, total, count = 0, np.zeros(0), np.zeros(0)
    for start, values in tracks:
        done = min(start - first, len(total))
        if done:
            yield first, total[:done] / count[:done]
        first, total, count = start, total[done:], count[done:]
        more = len(values) - len(total)
        if more > 0:
            total, count = np.pad(total, (0, more)), np.pad(count, (0, more))
        total[: len(values)] += values
        count[: len(values)] += 1
    if len(total):
        yield first, total / count


if __name__ == "__main__":
    try:
        _write_here(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.stdin.read()))
    except Exception as error:
        sys.stderr.write(f"{first_line(error)}\n")
        sys.stderr.flush()
        os._exit(1)  # at once: the library's object is still held, and to let go of it may end or hang the process
