"""What was done before in an output folder: whether it is of this run, and what of it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decima_core.errors import OutputError
from decima_core.fingerprint import same_or_why
from decima_core.outputs.assembly import RunSummary, finished
from decima_core.outputs.manifest import InputHashes
from decima_core.outputs.unfinished import SERIAL, Contents, Unfinished
from decima_core.shards import Shard


class Identity:
    """What a run is, by which it is told from others: its record, without what became of it.

    The hashes of the inputs are waited for when they are asked for, for large files take a while.
    """

    def __init__(self, record: dict[str, Any], hashes: InputHashes) -> None:
        self._record, self._hashes = record, hashes

    @property
    def command(self) -> str:
        """What was typed."""
        return " ".join(self._record["command"])

    def record(self) -> dict[str, Any]:
        """The record, with the inputs."""
        if self._record["inputs"] is None:
            self._record["inputs"] = self._hashes.collect()
        return self._record

    def unlike(self, record: Mapping[str, Any]) -> str:
        """Why a recorded run is another one than this, in words; nothing where it is this. Files are looked at last."""
        return same_or_why(record, self._record, inputs=False) or same_or_why(record, self.record())


class Before:
    """What a call of a run, or of a shard of it, finds in its output folder.

    Parameters
    ----------
    unfinished
        The unfinished run that may lie there.
    run
        What this call is to do.
    resume, overwrite
        Whether it is to go on with what is there, or to replace it.
    shard
        The part that it does, of several.
    """

    def __init__(
        self, unfinished: Unfinished, run: Identity, *, resume: bool, overwrite: bool, shard: Shard | None
    ) -> None:
        self._unfinished, self._run = unfinished, run
        self._resume, self._overwrite, self._shard = resume, overwrite, shard

    @property
    def name(self) -> str:
        """What the journal of the call is called."""
        return SERIAL if self._shard is None else self._shard.name

    def finished(self) -> RunSummary | None:
        """The summary of this run, where the call is to go on with it and it was finished already.

        Raises
        ------
        OutputError
            If another run is finished there, and is not to be replaced.
        """
        output = self._unfinished.output
        record = finished(output)
        if record is None or not self._resume or self._unfinished.plan() is not None:
            return None
        why = self._run.unlike(record)
        if not why:
            return RunSummary.of(output, record, before=True)
        if self._overwrite:
            return None
        raise OutputError(
            f"The finished run in '{output}' is another one: {why}. Give another --output, or --overwrite to replace it."
        )

    def contents(self) -> Contents:
        """What other journals hold, if they are of this run; else nothing, and the folder is cleared for a new one.

        The folder is claimed.

        Raises
        ------
        OutputError
            If another run has begun there, and is not to be replaced.
        """
        begun = self._unfinished.plan()
        alone = self._shard is None
        if alone and (begun is None or (self._overwrite and not self._resume)):
            self._unfinished.begin_anew()
            return Contents()
        if begun is None:
            return Contents()
        why = self._run.unlike(begun["manifest"])
        if not why:
            return self._unfinished.contents(but=self.name) if alone else Contents()
        if alone and (self._overwrite or not self._unfinished.contents().places):
            self._unfinished.begin_anew()
            return Contents()
        raise OutputError(
            f"The unfinished run in '{self._unfinished.output}' is another one: {why}. Go on with what was given then, give another "
            "--output, or begin again with --overwrite."
        )

    def check_shard(self, contents: Contents, genes: int) -> None:
        """Refuse a shard of so many genes that has begun, unless it is to go on. Raises OutputError."""
        if self._shard is not None and contents.places and not self._resume:
            raise OutputError(
                f"Shard {self._shard} of the run in '{self._unfinished.output}' has begun: {len(contents.places):,} of {genes:,} genes "
                "are done. Go on with --resume."
            )
