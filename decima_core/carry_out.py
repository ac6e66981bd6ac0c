"""Carries out a run: gene by gene into a journal, and, when all are there, into the files of the results.

:func:`carry_out` is given the work (:class:`~decima_core.gene_work.GeneWork`) and knows nothing of what it is.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from decima_core.before import Before, Identity
from decima_core.config import Plan, RunConfig
from decima_core.deviation import Deviation
from decima_core.errors import DecimaError, OutputError
from decima_core.gene_work import GeneWork
from decima_core.outputs.assembly import RunSummary, assemble, finished
from decima_core.outputs.fit import Fit
from decima_core.outputs.journal import Journal
from decima_core.outputs.manifest import InputHashes, plain
from decima_core.outputs.outcome import GeneFailure, GeneResults
from decima_core.outputs.partial_folder import check_free, explained
from decima_core.outputs.run_log import RunLog
from decima_core.outputs.unfinished import FORMAT, Contents, Unfinished
from decima_core.pace import Pace
from decima_core.run_record import RunClock, manifest, option_files
from decima_core.scores.bigwig_library import library
from decima_core.shards import Shard
from decima_core.target_list import target_folders
from decima_core.workforce import Workforce

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Conduct:
    """How a run is carried out, which changes nothing in its results.

    Parameters
    ----------
    resume
        Go on with a run that did not end, if there is one; leave alone one that did.
    fail_fast
        Stop at the first gene that fails.
    shard
        Do this part of the genes, and leave it to a merge to put the results together.
    """

    resume: bool = False
    fail_fast: bool = False
    shard: Shard | None = None


@attrs.frozen(kw_only=True)
class Observer:
    """Called as a run goes on.

    ``started(genes, device, output, done)`` once, with the genes that this call has to do and how many of them were done before; then
    ``gene_done(results)`` or ``gene_failed(failure)`` after each of the others.
    """

    started: Callable[[list[str], str, Path, int], None] = lambda genes, device, output, done: None
    gene_done: Callable[[GeneResults], None] = lambda results: None
    gene_failed: Callable[[GeneFailure], None] = lambda failure: None


def check_start(settings: RunConfig, conduct: Conduct) -> None:
    """Refuse at once what would be refused after everything was loaded.

    Raises
    ------
    OutputError
        If the output is a file, or holds a finished or an unfinished run that the call says nothing about.
    PluginError
        If a BigWig is asked for and pyBigWig is not installed.
    """
    output, overwrite = Path(settings.output), settings.overwrite
    if settings.bigwig:
        library()
    unfinished = Unfinished(output)
    unfinished.tidy()
    plan, record = unfinished.plan(), finished(output)
    if plan is not None and record is not None and record.get("id") == plan["id"]:
        with unfinished.claimed():
            unfinished.remove()  # that run was killed between its end and this
        plan = None
    if plan is not None and not (overwrite or conduct.resume or conduct.shard):
        done = unfinished.contents().counts["genes"]
        if done:
            raise OutputError(
                f"The folder '{output}' holds an unfinished run: {done:,} of {len(plan['manifest']['genes']):,} genes are done. Go on "
                "with --resume, or begin again with --overwrite."
            )
    check_free(output, overwrite or conduct.resume)
    for folder in target_folders(settings.targets).values():
        check_free(output / folder, overwrite or conduct.resume)


def carry_out(
    work: GeneWork, plan: Plan, clock: RunClock, watch: Observer, conduct: Conduct, workforce: Workforce
) -> RunSummary:
    """Have the genes done that are not done yet, and put the results together when all are there.

    Raises
    ------
    DecimaError
        If the run cannot go on, or no gene can be explained. Where genes are done they are kept, and a note of the error says so.
    KeyboardInterrupt
        With that sentence, if genes are kept.
    """
    hashes = InputHashes([*work.files, *option_files(plan)])
    try:
        return _Call(work, plan, clock, watch, conduct, hashes, workforce).run()
    finally:
        hashes.close()


class _Call:
    """One call that carries out a run or a shard of it: what is left to do of it, gene by gene, and the end."""

    def __init__(
        self,
        work: GeneWork,
        plan: Plan,
        clock: RunClock,
        watch: Observer,
        conduct: Conduct,
        hashes: InputHashes,
        workforce: Workforce,
    ) -> None:
        self._work, self._settings, self._clock, self._watch = work, plan.config, clock, watch
        self._workforce = workforce
        self._fail_fast, self._shard = conduct.fail_fast, conduct.shard
        self._unfinished = Unfinished(plan.config.output)
        self._output = self._unfinished.output
        self._genes = list(work.names) if conduct.shard is None else conduct.shard.of(work.names)
        self._device = "" if work.device is None else str(work.device)
        told = {"genes": list(work.names), **work.facts}
        if work.targets:
            folders = target_folders(work.targets)
            told["targets"] = {name: {"folder": folders[name], "target": what} for name, what in work.targets.items()}
        # As JSON holds it, for it is compared with what was read.
        record = plain(manifest(plan, clock, target=work.header["target"], device=work.device, inputs=None, **told))
        self._identity = Identity(record, hashes)
        self._before = Before(
            self._unfinished,
            self._identity,
            resume=conduct.resume,
            overwrite=plan.config.overwrite,
            shard=conduct.shard,
        )
        self._log = RunLog(self._unfinished.path / f"{self._before.name}.log")
        self._setup = clock.elapsed()

    def run(self) -> RunSummary:
        if (summary := self._before.finished()) is not None:
            return summary
        with self._unfinished.claimed(shared=self._shard is not None), self._log:
            contents = self._before.contents()
            with explained(self._output), closing(self._unfinished.journal(self._before.name, contents)) as journal:
                self._before.check_shard(contents, len(self._genes))
                todo = [gene for gene in self._genes if gene not in contents.places]
                done = len(self._genes) - len(todo)
                self._log.say(f"{len(self._genes):,} genes, {done:,} done before; {self._identity.command}")
                self._watch.started(self._genes, self._device, self._output, done)
                with self._kept(contents):
                    self._do(todo, contents, journal)
            with self._kept(contents):
                return self._summary(contents)

    # --- gene by gene -------------------------------------------------------------------------------------------------

    def _do(self, genes: Sequence[str], contents: Contents, journal: Journal) -> None:
        """Explain genes, and keep what comes of each before the next."""
        fit, agreed, measured = Fit(), False, False
        if contents.places:
            fit.check(contents.read(next(iter(contents.places))).results)
        pace = Pace(len(self._genes), len(self._genes) - len(genes))
        if self._unfinished.plan() is not None:
            self._log.open()
        for done in self._workforce.outcomes(self._work, genes):
            outcome, gene = done.outcome, done.outcome.gene
            if isinstance(outcome, GeneResults):
                fit.check(outcome.results)
            elif self._fail_fast:
                raise outcome.exception()
            if not agreed:
                self._agree()
                self._log.open()
                agreed = True
            contents.add(journal.path, journal.append(done.record), done.record)
            pace.step()
            if isinstance(outcome, GeneResults):
                if outcome.deviation and not measured:  # once, though each worker measures it
                    measured = True
                    logger.warning("%s", Deviation.of(outcome.deviation))
                self._log.say(f"{gene}: {sum(outcome.seconds.values()):.2f} s; {pace}")
                self._watch.gene_done(outcome)
            else:
                self._log.say(f"{gene}: failed ({outcome.stage}, {outcome.error}): {outcome.reason} {pace}")
                self._watch.gene_failed(outcome)

    def _agree(self) -> None:
        """Put down what the run is before its first gene is kept; a shard may find that another has."""
        work = self._work
        shared = {
            "attributes": {"model_name": work.header["model"], "genome": str(work.genome or "unknown")},
            "bigwig": dict(work.contigs) if self._settings.bigwig else None,
        }
        folders: list[dict[str, Any]] = [{"metadata": dict(work.header), **shared}]
        if work.targets:
            where = target_folders(work.targets)
            folders = [
                {"name": name, "folder": where[name], "metadata": {**work.header, "target": told}, **shared}
                for name, told in work.targets.items()
            ]
        own = uuid.uuid4().hex
        agreed = self._unfinished.agree(
            {
                "format": FORMAT,
                "id": own,
                "overwrite": self._settings.overwrite,
                "folders": folders,
                "manifest": self._identity.record(),
            }
        )
        if agreed["id"] != own and (why := self._identity.unlike(agreed["manifest"])):
            raise OutputError(f"Another run began in '{self._output}' meanwhile: {why}. Give another --output.")

    @contextmanager
    def _kept(self, contents: Contents) -> Iterator[None]:
        """What ends the run inside is told with what is kept; where nothing is, nothing is left behind."""
        try:
            with explained(self._output):
                yield
        except (DecimaError, KeyboardInterrupt) as error:
            with suppress(OSError):  # the disk may be what ended it
                self._log.say("interrupted" if isinstance(error, KeyboardInterrupt) else f"stopped: {error}")
            done = sum(gene in contents.places for gene in self._genes)
            if not contents.places and self._shard is None:
                self._unfinished.remove()
                raise
            note = f"{done:,} of {len(self._genes):,} genes are kept in '{self._output}'; go on with --resume."
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(note) from None
            error.add_note(note)
            raise

    # --- the end ------------------------------------------------------------------------------------------------------

    def _summary(self, contents: Contents) -> RunSummary:
        """The results of a run put together, or what a shard of one has come to."""
        self._log.say(f"{contents.counts['genes']:,} genes done, {len(contents.failures):,} failed")
        if self._shard is None:
            more = self._workforce.facts()
            return assemble(self._unfinished, contents, {"setup": self._setup}, self._clock.counter, more)
        counts, seconds = contents.counts, {"setup": self._setup, **contents.seconds, "total": self._clock.elapsed()}
        return RunSummary(
            output=self._output,
            device=self._device,
            genes=counts["genes"],
            peaks=counts["peaks"],
            hits=counts["hits"],
            seconds=seconds,
            failures=tuple(contents.failures.values()),
            tally=contents.tally,
            whole=False,
        )
