"""A folder of results that is written as ``*.partial`` and taken over only when it is complete.

A folder that holds ``run.json`` is a finished run; one without it never is, whatever else lies in it. A run that is to
replace an older one leaves it alone until the very end, so a failure costs nothing.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from decima_core.errors import OutputError

MANIFEST = "run.json"
FORMER = f"{MANIFEST}.old"
# What a run writes into the folder of each of several targets.
PART = ("attributions.h5", "attributions.bw", "peaks.tsv", "peaks.bed", "hits.tsv", "hits.bed")
# What any command writes into such a folder: a run that replaces another removes what it does not write itself.
RESULTS = (
    *PART,
    "failures.tsv",
    "run.log",
    "effects.tsv",
    "effects.parquet",
    "motif_changes.tsv",
    "motif_changes.parquet",
    "alleles.h5",
    "comparison.tsv",
    "comparison_pairs.tsv",
    "comparison_genes.tsv",
    "one_hot.npz",
    "hypothetical.npz",
    "windows.tsv",
    "modisco.h5",
    "patterns.meme",
)


class PartialFolder:
    """The files of a run, under their partial names until :meth:`take_over`.

    Raises
    ------
    OutputError
        If the folder holds a finished run and ``overwrite`` is false, or cannot be made.
    """

    def __init__(self, path: str | Path, files: Sequence[str], *, overwrite: bool = False) -> None:
        self.path = Path(path)
        check_free(self.path, overwrite)
        self._files = (*files, MANIFEST)
        self._obsolete = tuple(name for name in RESULTS if name not in files)
        self._made_folder = not self.path.exists()
        with self.explained():
            self.path.mkdir(parents=True, exist_ok=True)

    def partial(self, name: str) -> Path:
        """Where a file lies while it is written."""
        return self.path / f"{name}.partial"

    def retire(self) -> None:
        """While old and new files may lie side by side, there is no manifest: the older run's is put away until :meth:`take_over`."""
        with self.explained(), suppress(FileNotFoundError):
            (self.path / MANIFEST).replace(self.path / FORMER)

    def take_over(self) -> None:
        """Give every file its name, in place of an older run's, the manifest last. What else the older run wrote goes."""
        with self.explained():
            for name in self._files:
                sync(self.partial(name))
            self.retire()
            for part in part_folders(self.path, FORMER):
                _remove_part(part)
            for name in self._obsolete:
                (self.path / name).unlink(missing_ok=True)
            for name in self._files:
                self.partial(name).replace(self.path / name)
            # Last: whoever is killed before finds in it, the next time, what is still to go.
            (self.path / FORMER).unlink(missing_ok=True)
            sync(self.path)

    def discard(self) -> None:
        """Remove the partial files, and the folder if it was made for them."""
        for name in self._files:
            with suppress(OSError):
                self.partial(name).unlink(missing_ok=True)
        if self._made_folder:
            with suppress(OSError):
                self.path.rmdir()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What the disk refuses becomes an OutputError."""
        with explained(self.path):
            yield


def part_folders(path: Path, manifest: str = MANIFEST) -> list[Path]:
    """The folders of a run's targets under ``path``, by its record and by theirs: not one that another run has replaced."""
    whole = recorded(path, manifest) or {}
    targets, found = whole.get("targets"), []
    for target in targets.values() if isinstance(targets, dict) else ():
        name = target.get("folder") if isinstance(target, dict) else None
        # A name and no path, for else a record could point anywhere.
        if not isinstance(name, str) or Path(name).name != name or name in ("", "..") or not whole.get("id"):
            continue
        own = recorded(path / name) or {}
        if own.get("id") == whole["id"] and own.get("part_of") == "..":
            found.append(path / name)
    return found


def _remove_part(folder: Path) -> None:
    """Remove what a run wrote into the folder of a target, the manifest first; the folder itself if nothing else is in it."""
    for name in (MANIFEST, *PART):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, where the system can say so."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the disk refuses while ``path`` is written becomes an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(explain(path, error)) from error


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse an output folder that is a file, or that holds a finished run unless ``overwrite``."""
    with explained(path):
        is_file, is_run = path.exists() and not path.is_dir(), (path / MANIFEST).exists()
    if is_file:
        raise OutputError(f"The output '{path}' is a file; give a folder with --output.")
    if is_run and not overwrite:
        raise OutputError(
            f"The folder '{path}' already holds a finished run; give another one with --output, or --overwrite to replace it."
        )


def recorded(path: Path, name: str = MANIFEST) -> dict[str, Any] | None:
    """The record of the finished run in a folder, or None where there is none."""
    try:
        record = json.loads((path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def explain(path: Path, error: OSError) -> str:
    """Why ``path`` could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: the results cannot be written to '{path}'. Free some space or give another --output."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The results cannot be written to '{path}': permission denied. Give another --output."
    return f"The results cannot be written to '{path}': {error.strerror or error}. Give another --output."
