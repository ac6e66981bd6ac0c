"""Names and places of windows: BED with three columns or more, and narrowPeak with its summit.

Coordinates are 0-based half-open on the forward strand. The window of a region is centred on its summit where the file gives
one (column 10 of narrowPeak, counted from the region's start), else on its middle; ``L`` bases around ``c`` are
``[c - L // 2, c - L // 2 + L)``, as ChromBPNet cuts them.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from decima_core.errors import DataError, first_line
from decima_core.files import existing_file
from decima_core.records import Locus

logger = logging.getLogger(__name__)

_NO_DATA = ("#", "track ", "track\t", "browser ", "browser\t")
_NARROW_PEAK = 10


@attrs.frozen(kw_only=True)
class Region:
    """A line of the file; ``summit`` counts from ``start``, and is None where there is none; ``name`` may be empty."""

    line: int
    chrom: str
    start: int
    end: int
    name: str
    strand: str
    summit: int | None

    def centre(self) -> int:
        """The base that the window is centred on."""
        return self.start + ((self.end - self.start) // 2 if self.summit is None else self.summit)


@attrs.frozen(kw_only=True)
class Regions:
    """The lines of a file, in order."""

    path: Path
    regions: tuple[Region, ...]

    def __len__(self) -> int:
        return len(self.regions)

    def common_length(self) -> int:
        """The length of all regions.

        Raises
        ------
        DataError
            If they differ in length, so that something else must say how long a window is.
        """
        first = self.regions[0]
        for region in self.regions:
            if region.end - region.start != first.end - first.start:
                raise DataError(
                    f"The regions '{self.path}' have {first.end - first.start:,} bases in line {first.line:,} and "
                    f"{region.end - region.start:,} in line {region.line:,}; windows of one run are equally long: give their length "
                    "with --seq-len."
                )
        return first.end - first.start

    def windows(self, length: int) -> dict[str, Locus]:
        """The window of ``length`` bases of each region, by name, in order; ``strand`` is ``+`` where a region has none.

        A region without a name is named after its window, ``chr1:100-2214``. A name that comes again is told apart by a
        number, ``peak1_2``, with a warning.
        """
        loci = [self._window(region, length) for region in self.regions]
        names = [
            r.name or f"{locus.chrom}:{locus.start}-{locus.end}" for r, locus in zip(self.regions, loci, strict=True)
        ]
        return dict(zip(self._apart(names), loci, strict=True))

    def _window(self, region: Region, length: int) -> Locus:
        start = region.centre() - length // 2
        strand = "-" if region.strand == "-" else "+"
        return Locus(chrom=region.chrom, start=start, end=start + length, strand=strand)

    def _apart(self, names: Sequence[str]) -> list[str]:
        count = Counter(names)
        repeated = [name for name, n in count.items() if n > 1]
        if not repeated:
            return list(names)
        logger.warning(
            "Names that occur more than once in the regions '%s': %s, such as %s; windows of one name are numbered.",
            self.path,
            f"{len(repeated):,}",
            ", ".join(repeated[:4]),
        )
        used, seen, apart = set(names), Counter[str](), []
        for name in names:
            seen[name] += 1
            new = name
            while seen[name] > 1 and (new := f"{name}_{seen[name]}") in used:
                seen[name] += 1
            used.add(new)
            apart.append(new)
        return apart

    def minus(self) -> Region | None:
        """The first region on the minus strand, if any."""
        return next((region for region in self.regions if region.strand == "-"), None)


def read_regions(path: str | Path) -> Regions:
    """The regions of a BED file of at least three columns, plain or compressed with gzip.

    Raises
    ------
    DataError
        If the file cannot be read or holds none, or a line is not understood; the message names the line.
    """
    full = existing_file(path, "file of regions")
    regions = tuple(_parse(full, number, fields) for number, fields in _lines(full))
    if not regions:
        raise DataError(
            f"The regions '{full}' hold no line; give a BED or narrowPeak file with a line for each window."
        )
    return Regions(path=full, regions=regions)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open("rb") as head:
            packed = head.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip() and not line.startswith(_NO_DATA):
                    yield number, [f.strip() for f in (line.split("\t") if "\t" in line else line.split())]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"The regions '{path}' cannot be read as text ({first_line(error)}); give a BED or narrowPeak file."
        ) from None


def _parse(path: Path, number: int, fields: list[str]) -> Region:
    where = f"Line {number:,} of the regions '{path}'"
    if len(fields) < 3:
        raise DataError(f"{where} has {len(fields)} columns; BED has at least three: chrom, start, end.")
    chrom, (start, end) = fields[0], (_whole(f) for f in fields[1:3])
    if start is None or end is None:
        raise DataError(f"{where} has start '{fields[1]}' and end '{fields[2]}'; both must be whole numbers.")
    if not chrom or start < 0 or end <= start:
        raise DataError(
            f"{where} is no region: '{chrom}' from {start} to {end}; an end lies after its start, counted from 0."
        )
    strand = fields[5] if len(fields) > 5 else "."
    if strand not in ("+", "-", ".", ""):
        raise DataError(f"{where} has strand '{strand}'; write +, - or a dot.")
    name = fields[3] if len(fields) > 3 and fields[3] != "." else ""
    if name.startswith("#"):
        raise DataError(
            f"{where} has the name '{name}', which would break the tables of results; it must not begin with '#'."
        )
    return Region(
        line=number,
        chrom=chrom,
        start=start,
        end=end,
        name=name,
        strand=strand,
        summit=_summit(fields, end - start, where),
    )


def _summit(fields: list[str], length: int, where: str) -> int | None:
    """Column 10 of narrowPeak; -1 there says that no summit was called."""
    if len(fields) != _NARROW_PEAK:
        return None
    summit = _whole(fields[9])
    if summit is None or not -1 <= summit < length:
        raise DataError(
            f"{where} has summit '{fields[9]}'; narrowPeak counts it from the start, so it lies in 0 to {length - 1:,}, or is -1 "
            "where there is none."
        )
    return None if summit == -1 else summit


def _whole(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() else None
