"""The files of a run out of its journals: in the order of its genes, whoever did which of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from decima_core.errors import DecimaError
from decima_core.outputs.outcome import GeneFailure
from decima_core.outputs.partial_folder import recorded
from decima_core.outputs.run_folder import RunFolder
from decima_core.outputs.target_folders import write_target_folders
from decima_core.outputs.unfinished import Contents, Unfinished


@attrs.frozen(kw_only=True)
class RunSummary:
    """What a run did: the folder, counts, and wall time in seconds by stage.

    ``device`` is empty where nothing was computed on one; ``notes`` are sentences about what was found in the input; ``failures`` are
    the genes that could not be explained; ``tally`` are further counts. ``whole`` is false for a shard, whose results are yet to be
    merged; ``before`` is true where the run was finished already.
    """

    output: Path
    device: str
    genes: int
    peaks: int
    hits: int
    seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()
    failures: tuple[GeneFailure, ...] = ()
    tally: Mapping[str, int] = attrs.field(factory=dict)
    whole: bool = True
    before: bool = False

    @classmethod
    def of(cls, output: Path, record: Mapping[str, Any], **more: Any) -> RunSummary:
        """The summary of a finished run, by its ``run.json``."""
        counts = record["counts"]
        return cls(
            output=output,
            device=record.get("device", ""),
            genes=counts["genes"],
            peaks=counts["peaks"],
            hits=counts["hits"],
            seconds=record["seconds"],
            failures=tuple(GeneFailure(**failure) for failure in record.get("failures", ())),
            tally={k: v for k, v in record.get("scores", {}).items() if isinstance(v, int) and not isinstance(v, bool)},
            **more,
        )


def assemble(
    unfinished: Unfinished,
    contents: Contents,
    seconds: Mapping[str, float],
    started: float,
    more: Mapping[str, Any] | None = None,
) -> RunSummary:
    """Write the files of a run whose genes are all done, and take the journals away.

    Nothing depends on when it is done, or how often: if it is interrupted, nothing is lost, and it can be done again.

    Parameters
    ----------
    contents
        What the journals hold: every gene of the run.
    seconds
        Wall time by stage that no gene has.
    started
        When the call began, by ``time.perf_counter``.
    more
        What else ``run.json`` tells.

    Raises
    ------
    OutputError
        If the files cannot be written.
    DataError
        If a journal is damaged.
    DecimaError
        If no gene has results: why the first has none.
    """
    plan = unfinished.plan()
    assert plan is not None
    record, folders = plan["manifest"], plan["folders"]
    failures = tuple(contents.failures[gene] for gene in record["genes"] if gene in contents.failures)
    if not contents.places:
        raise all_failed(failures)
    genes = [gene for gene in record["genes"] if gene in contents.places]
    writing = time.perf_counter()

    def told() -> dict[str, Any]:
        now = time.perf_counter()
        spent = {**seconds, **contents.seconds}
        spent["write"] = spent.get("write", 0.0) + now - writing
        found = {"counts": contents.counts, "seconds": {**spent, "total": now - started}, "id": plan["id"]}
        if contents.tally:
            found["scores"] = {**record["scores"], **contents.tally}
        # Each process measures it on the first gene that it does; the first gene of all is the same whoever did it.
        if measured := [contents.deviations[gene] for gene in genes if gene in contents.deviations]:
            found["deviation"] = measured[0]
        if failures:
            found["failures"] = [attrs.asdict(failure) for failure in failures]
        return {**record, **(more or {}), **found}

    common: dict[str, Any] = {"failures": failures, "logs": unfinished.logs()}
    if "folder" in folders[0]:
        record = write_target_folders(unfinished.output, plan, genes, contents.read, told, **common)
    else:
        (description,) = folders
        with RunFolder(unfinished.output, genes, **description, overwrite=plan["overwrite"], **common) as folder:
            for gene in genes:
                (result,) = contents.read(gene).results
                folder.append(result)
            record = told()
            folder.finish(record)
    unfinished.remove()
    return RunSummary.of(unfinished.output, record)


def all_failed(failures: Sequence[GeneFailure]) -> DecimaError:
    """The error for a run in which every gene failed."""
    first = failures[0]
    more = f" None of the {len(failures):,} genes could be explained." if len(failures) > 1 else ""
    return attrs.evolve(first, reason=first.reason + more).exception()


finished = recorded
"""The record of the finished run in a folder, or None where there is none."""
