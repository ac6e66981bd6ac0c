"""The results of a run of several targets: a folder for each, like that of a run of its own, and above them what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from decima_core.outputs.outcome import GeneFailure, GeneResults
from decima_core.outputs.partial_folder import recorded
from decima_core.outputs.run_folder import RunFolder, SharedFolder

_AT_ONCE = 32
"""Folders whose files are open at the same time: each has five, and a process may open 1,024 on most machines."""


def write_target_folders(
    output: Path,
    plan: Mapping[str, Any],
    genes: Sequence[str],
    read: Callable[[str], GeneResults],
    told: Callable[[], dict[str, Any]],
    *,
    failures: Sequence[GeneFailure] = (),
    logs: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write the folder of each target, and the record of the run last, which is returned.

    Nothing is taken over before all of it is written. Each folder has a ``run.json`` of its own, from which that target's results can
    be had again.

    Parameters
    ----------
    output
        The folder of the run.
    plan
        What the run is: ``folders`` describes that of each target, in the order of a gene's results.
    genes
        The genes that have results, in their order, and ``read`` the results of one.
    told
        The record of the run, as far as it is known when it is called.
    failures, logs
        What is told of all targets together.

    Raises
    ------
    OutputError
        If the files cannot be written, or a folder holds a finished run that is not to be replaced.
    """
    parts = plan["folders"]
    with ExitStack() as stack:
        top = stack.enter_context(
            SharedFolder(output, parts[0]["metadata"], overwrite=plan["overwrite"], failures=failures, logs=logs)
        )
        folders = []
        for first in range(0, len(parts), _AT_ONCE):
            group = parts[first : first + _AT_ONCE]
            opened = [stack.enter_context(_folder(output, plan, part, genes)) for part in group]
            counts = [{"genes": len(genes), "peaks": 0, "hits": 0} for _ in group]
            for gene in genes:
                for folder, result, count in zip(opened, read(gene).results[first:], counts, strict=False):
                    folder.append(result)
                    count["peaks"] += result.summary.peaks
                    count["hits"] += result.summary.hits
            for folder, part, count in zip(opened, group, counts, strict=True):
                folder.prepare(_record(output, part, count, told()))
            folders += opened
        record = told()
        # While folders are taken over one by one, the run is no finished one.
        top.retire()
        for folder in folders:
            folder.publish()
        top.finish(record)
    return record


def _folder(output: Path, plan: Mapping[str, Any], part: Mapping[str, Any], genes: Sequence[str]) -> RunFolder:
    path = output / part["folder"]
    # Where an earlier attempt was killed in between, some folders are this run's already.
    ours = (recorded(path) or {}).get("id") == plan["id"]
    return RunFolder(
        path,
        genes,
        metadata=part["metadata"],
        attributes=part["attributes"],
        overwrite=plan["overwrite"] or ours,
        bigwig=part["bigwig"],
    )


def _record(
    output: Path, part: Mapping[str, Any], counts: Mapping[str, int], whole: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``run.json`` says in the folder of one target: what a run of that target alone would say, and whose part it is."""
    config = {key: value for key, value in whole["config"].items() if key != "targets"}
    target = whole["config"]["targets"][part["name"]]
    own = {
        "config": {**config, "target": target, "output": str(output / part["folder"])},
        "target": part["metadata"]["target"],
        "counts": dict(counts),
        "part_of": "..",
    }
    return {**{key: value for key, value in whole.items() if key != "targets"}, **own}
