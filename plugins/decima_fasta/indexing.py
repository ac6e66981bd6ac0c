"""The index of a genome: found, checked, or made.

It lies beside the genome (``.fai``, and ``.gzi`` for a bgzipped one), where other programs find it too. Where that
folder cannot be written, it lies in the cache directory: ``DECIMA_CACHE_DIR`` if set, else the user's own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import platformdirs
import pysam
import pysam.utils

from decima_core.errors import DataError, first_line
from decima_fasta.diagnosis import diagnose
from decima_fasta.files import text_lines
from decima_fasta.index import Contig, Misfit, misfit, read_fai
from decima_fasta.kinds import is_bgzipped
from decima_fasta.raw import BgzipRaw, DamagedError, PlainRaw

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Index:
    """Paths of an index and the contigs it lists; ``gzi`` is None for a plain file."""

    fai: Path
    gzi: Path | None
    contigs: tuple[Contig, ...] = ()

    def exists(self) -> bool:
        return self.fai.is_file() and (self.gzi is None or self.gzi.is_file())


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps htslib from printing on standard error; what goes wrong is raised instead."""
    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)


def sound_index(path: Path) -> Index:
    """An index that describes the genome at ``path``; one that is missing, stale or damaged is made anew.

    Raises
    ------
    DataError
        If the file is not a FASTA file that can be read at random, is cut short, or no place for an index is writable.
    """
    compressed = is_bgzipped(path)
    places = _places(path, compressed)
    stale = ""
    for place in places:
        if not place.exists():
            continue
        checked, problem = _check(path, place)
        if problem is None:
            return checked
        if problem.short:
            raise DataError(
                f"The genome '{path}' is shorter than its index '{place.fai}' says; if it is cut short, copy or download it "
                "again; if it is whole, delete the index."
            )
        stale = stale or f"The index '{place.fai}' does not describe the genome '{path}': {problem.reason}."
    made = _make(path, places)
    if stale:
        logger.warning("%s A new one was written to '%s'.", stale, made.fai)
    return made


def _places(path: Path, compressed: bool) -> tuple[Index, ...]:
    """Where the index may lie, best first. A cached one is of one version of one file."""
    state = path.stat()
    key = repr((str(path), state.st_size, state.st_mtime_ns))
    folder = Path(os.environ.get("DECIMA_CACHE_DIR") or platformdirs.user_cache_dir("decima_core"))
    stem = folder.absolute() / f"{path.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return tuple(
        Index(fai=Path(f"{base}.fai"), gzi=Path(f"{base}.gzi") if compressed else None) for base in (path, stem)
    )


def _check(path: Path, place: Index) -> tuple[Index, Misfit | None]:
    """The index with its contigs, and why it does not describe the genome, or None."""
    try:
        contigs = read_fai(place.fai)
        with PlainRaw(path) if place.gzi is None else BgzipRaw(path, place.gzi) as raw:
            problem = misfit(contigs, raw)
        if problem is None and place.fai.stat().st_mtime_ns < path.stat().st_mtime_ns:
            problem = Misfit("it is older")  # an edit that moves no contig would pass the check
    except DamagedError as error:
        return place, Misfit(str(error))
    except OSError as error:
        return place, Misfit(f"it cannot be read ({first_line(error)})")
    return attrs.evolve(place, contigs=contigs), problem


def _make(path: Path, places: tuple[Index, ...]) -> Index:
    failure: OSError | None = None
    for place in places:
        try:
            place.fai.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.fai.parent, prefix=".decima-index-") as folder:
                return _make_in(Path(folder), path, place)
        except OSError as error:
            failure = error
    reason = first_line(failure) if failure is not None else ""
    raise DataError(
        f"No index of the genome '{path}' can be made, neither beside it nor in '{places[-1].fai.parent}' ({reason}); set "
        "DECIMA_CACHE_DIR to a folder that can be written."
    )


def _make_in(folder: Path, path: Path, place: Index) -> Index:
    """Make the index in a folder of its own, then move it: other processes see a whole index or none."""
    logger.info("Indexing the genome '%s'; this is done once.", path)
    fresh = Index(fai=folder / "new.fai", gzi=None if place.gzi is None else folder / "new.gzi")
    options = ["--fai-idx", str(fresh.fai)] + ([] if fresh.gzi is None else ["--gzi-idx", str(fresh.gzi)])
    problem: Misfit | None
    try:
        with quiet():
            pysam.faidx(str(path), *options)
    except pysam.utils.SamtoolsError:
        fault = diagnose(text_lines(path, "genome"))
        if fault is None:  # the text is sound: the disk may be full
            raise OSError("htslib could not make it") from None
        problem = Misfit(fault)
    else:
        made = path.stat().st_mtime_ns
        for file in filter(None, (fresh.fai, fresh.gzi)):
            if file.stat().st_mtime_ns < made:  # a genome dated in the future would make every index look old
                os.utime(file, ns=(made, made))
        fresh, problem = _check(path, fresh)
    if problem is not None:
        fault = diagnose(text_lines(path, "genome"))
        raise DataError(f"The genome '{path}' {fault or f'cannot be indexed: {problem.reason}; is it FASTA?'}")
    if fresh.gzi is not None and place.gzi is not None:
        fresh.gzi.replace(place.gzi)
    fresh.fai.replace(place.fai)
    return attrs.evolve(place, contigs=fresh.contigs)
