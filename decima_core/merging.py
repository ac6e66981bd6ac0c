"""Puts the shards of a run together: needs neither the model nor any plugin, only what the shards left."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from decima_core.errors import OutputError, shorten
from decima_core.outputs.assembly import RunSummary, assemble, finished
from decima_core.outputs.run_log import RunLog
from decima_core.outputs.unfinished import Unfinished
from decima_core.shards import Shard

_NAME = re.compile(r"shard-(\d+)-of-(\d+)")


def merge(output: str | Path) -> RunSummary:
    """The files of a run whose shards are all done; a finished run is left as it is.

    Raises
    ------
    OutputError
        If genes are missing, naming the shards that have them to do; if a shard is still at work; if there is nothing to merge.
    DecimaError
        If no gene could be explained, or a journal is damaged.
    """
    started = time.perf_counter()
    unfinished = Unfinished(output)
    unfinished.tidy()
    plan, record = unfinished.plan(), finished(unfinished.output)
    if plan is not None and record is not None and record.get("id") == plan["id"]:
        with unfinished.claimed():
            unfinished.remove()  # that merge was killed between its end and this
        plan = None
    if plan is None:
        if record is None or "counts" not in record:
            raise OutputError(f"There is nothing to merge in '{output}': no shard has finished a gene there.")
        return RunSummary.of(unfinished.output, record, before=True)
    with unfinished.claimed(), RunLog(unfinished.path / "merge.log") as log:
        contents = unfinished.contents()
        genes = plan["manifest"]["genes"]
        missing = [gene for gene in genes if gene not in contents.places and gene not in contents.failures]
        if missing:
            raise OutputError(_incomplete(unfinished, genes, missing))
        log.say(f"merging {contents.counts['genes']:,} genes, {len(contents.failures):,} failed")
        log.open()
        return assemble(unfinished, contents, {}, started)


def _incomplete(unfinished: Unfinished, genes: Sequence[str], missing: Sequence[str]) -> str:
    """What is missing, by shards where all are of one partition."""
    found = [match for path in unfinished.journals() if (match := _NAME.fullmatch(path.stem))]
    counts = {int(match[2]) for match in found}
    what = f"{len(missing):,} of {len(genes):,} genes of the run in '{unfinished.output}' are not done"
    if len(counts) != 1:
        return f"{what} ({shorten(missing, 3)}); go on with --resume."
    (count,) = counts
    lacking = set(missing)
    shards = [Shard(number, count) for number in range(1, count + 1)]
    late = [str(shard) for shard in shards if lacking.intersection(shard.of(genes))]
    many = "shards" if len(late) > 1 else "shard"
    return f"{what}: {many} {shorten(late)}. Go on with each (--shard {late[0]} --resume), then merge again."
