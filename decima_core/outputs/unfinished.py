"""The folder ``unfinished`` in an output folder: what a run has done, until it is whole.

plan.json       what the run is: its settings, genes, hashes of inputs, versions, and what its files are to say
NAME.journal    the genes that one process did; a process that goes on with a run adds to its own
NAME.log        what that process did, and when
lock            held by whoever works here: shared by the shards of a run, alone by a run without shards and by a merge
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from decima_core.errors import DataError
from decima_core.outputs.file_lock import lock
from decima_core.outputs.interrupts import uninterrupted
from decima_core.outputs.journal import Journal, read_record, records
from decima_core.outputs.manifest import plain
from decima_core.outputs.outcome import GeneFailure, GeneResults, from_bytes, glance
from decima_core.outputs.partial_folder import explained, sync

FOLDER, PLAN, SERIAL = "unfinished", "plan.json", "genes"
FORMAT = 1


@attrs.define
class Contents:
    """What journals hold: where the results of each gene lie, why others have none, and what they sum up to.

    ``deviations`` are how far genes lie from float32, of those on which it was measured.
    """

    places: dict[str, tuple[Path, int]] = attrs.field(factory=dict)
    failures: dict[str, GeneFailure] = attrs.field(factory=dict)
    counts: dict[str, int] = attrs.field(factory=lambda: {"genes": 0, "peaks": 0, "hits": 0})
    seconds: dict[str, float] = attrs.field(factory=dict)
    tally: dict[str, int] = attrs.field(factory=dict)
    deviations: dict[str, Mapping[str, Any]] = attrs.field(factory=dict)

    def add(self, path: Path, place: int, payload: bytes) -> None:
        """Take in one record. Results stand above failures, the last failure above those before it."""
        found = glance(payload)
        if found.gene in self.places:
            return
        if isinstance(found, GeneFailure):
            self.failures[found.gene] = found
            return
        self.places[found.gene] = (path, place)
        self.failures.pop(found.gene, None)
        _add(self.counts, {"genes": 1, "peaks": found.peaks, "hits": found.hits})
        _add(self.seconds, found.seconds)
        _add(self.tally, found.tally)
        if found.deviation:
            self.deviations[found.gene] = found.deviation

    def read(self, gene: str) -> GeneResults:
        """The results of a gene.

        Raises
        ------
        DataError
            If they are damaged.
        """
        found = from_bytes(read_record(*self.places[gene]))
        assert isinstance(found, GeneResults)
        return found


def _add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


class Unfinished:
    """The unfinished run of an output folder, which may or may not be there."""

    def __init__(self, output: str | Path) -> None:
        self.output = Path(output)
        self.path = self.output / FOLDER
        self._lock: Any = None

    # --- what is there ----------------------------------------------------------------------------------------------

    def plan(self) -> dict[str, Any] | None:
        """The plan, or None where no run has begun.

        Raises
        ------
        DataError
            If it is damaged, or of a version that is not known.
        """
        with explained(self.output):
            try:
                text = (self.path / PLAN).read_text(encoding="utf-8")
            except (FileNotFoundError, NotADirectoryError):
                return None
        try:
            plan: dict[str, Any] = json.loads(text)
            known = plan["format"] == FORMAT
        except (ValueError, KeyError, TypeError):
            raise DataError(f"'{self.path / PLAN}' is damaged; remove '{self.path}' and begin again.") from None
        if not known:
            raise DataError(
                f"'{self.path}' was written by another version of decima_core; go on with that, or remove it."
            )
        return plan

    def journals(self) -> list[Path]:
        """Every journal, in the order of their names."""
        return sorted(self.path.glob("*.journal"))

    def logs(self) -> list[Path]:
        """Every log, in the order of their names."""
        return sorted(self.path.glob("*.log"))

    def contents(self, *, but: str = "") -> Contents:
        """What all journals hold, but for the one of that name."""
        found = Contents()
        with explained(self.output):
            for path in self.journals():
                if path.stem != but:
                    for place, payload in records(path):
                        found.add(path, place, payload)
        return found

    # --- working there ----------------------------------------------------------------------------------------------

    @contextmanager
    def claimed(self, *, shared: bool = False) -> Iterator[None]:
        """Nobody else works there meanwhile, or with ``shared`` nobody but others who share. Without a plan nothing is left behind.

        Raises
        ------
        OutputError
            If somebody does, or the folder cannot be made.
        """
        made = not self.output.exists()
        self._lock = self._locked(shared)
        try:
            yield
        finally:
            if not (self.path / PLAN).exists() and self._alone():
                self.remove()
                if made:
                    with suppress(OSError):
                        self.output.rmdir()
            self._lock.close()

    def _alone(self) -> bool:
        """Whether no other shard is at work."""
        try:
            lock(self._lock.fileno())
        except BlockingIOError:
            return False
        return True

    def begin_anew(self) -> None:
        """Take away what is there, and claim the folder again."""
        self.remove()
        self._lock.close()
        self._lock = self._locked(False)

    def _locked(self, shared: bool) -> Any:
        with explained(self.output):
            while True:
                self.path.mkdir(parents=True, exist_ok=True)
                try:
                    file = (self.path / "lock").open("ab")
                except FileNotFoundError:
                    continue  # a run that was just finished took the folder away
                try:
                    lock(file.fileno(), shared=shared)
                    if os.fstat(file.fileno()).st_ino == (self.path / "lock").stat().st_ino:
                        return file
                except FileNotFoundError:
                    pass
                except BaseException:
                    file.close()
                    raise
                file.close()

    @uninterrupted
    def agree(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Put the plan down, unless another process did, and return the one that counts. Whoever comes first wins, whole."""
        target = self.path / PLAN
        with explained(self.output):
            self.path.mkdir(parents=True, exist_ok=True)
            own = self.path / f"{PLAN}.{socket.gethostname()}.{os.getpid()}"
            try:
                with own.open("w", encoding="utf-8") as file:
                    file.write(json.dumps(plain(plan), indent=2) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    os.link(own, target)
                except FileExistsError:
                    pass
                except OSError as error:
                    if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                        raise
                    if not target.exists():  # a file system without links
                        own.replace(target)
            finally:
                own.unlink(missing_ok=True)
            sync(self.path)
        found = self.plan()
        assert found is not None
        return found

    def journal(self, name: str, contents: Contents) -> Journal:
        """The journal of this name, to add to; what it holds is added to ``contents``.

        Raises
        ------
        OutputError
            If another process adds to it, or the disk refuses.
        """
        path = self.path / f"{name}.journal"
        with explained(self.output):
            return Journal(path, lambda place, payload: contents.add(path, place, payload))

    @uninterrupted
    def remove(self) -> None:
        """Take it away at once: under its name there is either all of it or nothing."""
        self.tidy()
        with explained(self.output), suppress(FileNotFoundError):
            self.path.replace(self._old)
        self.tidy()

    def tidy(self) -> None:
        """Take away what is left of a folder whose removal was interrupted."""
        shutil.rmtree(self._old, ignore_errors=True)

    @property
    def _old(self) -> Path:
        return self.path.with_name(f"{FOLDER}.old")
