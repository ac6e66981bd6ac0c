"""Carries out a run: gene by gene into a journal, and, when all are there, into the files of the results.

:func:`carry_out` is given the work (:class:`~decima_core.gene_work.GeneWork`) and knows nothing of what it is.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from decima_core.config import Plan, RunConfig
from decima_core.deviation import Deviation
from decima_core.errors import DecimaError, OutputError
from decima_core.fingerprint import same_or_why
from decima_core.gene_work import GeneWork
from decima_core.outputs.assembly import RunSummary, assemble, finished
from decima_core.outputs.fit import Fit
from decima_core.outputs.journal import Journal
from decima_core.outputs.manifest import InputHashes, plain
from decima_core.outputs.outcome import GeneFailure, GeneResults
from decima_core.outputs.partial_folder import check_free, explained
from decima_core.outputs.run_log import RunLog
from decima_core.outputs.unfinished import FORMAT, SERIAL, Contents, Unfinished
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
    """One call that carries out a run or a shard of it."""

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
        self._conduct, self._shard, self._hashes = conduct, conduct.shard, hashes
        self._unfinished = Unfinished(plan.config.output)
        self._output = self._unfinished.output
        self._genes = list(work.names) if conduct.shard is None else conduct.shard.of(work.names)
        self._log = RunLog(self._unfinished.path / f"{self._name}.log")
        self._device = "" if work.device is None else str(work.device)
        told = {"genes": list(work.names), **work.facts}
        if work.targets:
            folders = target_folders(work.targets)
            told["targets"] = {name: {"folder": folders[name], "target": what} for name, what in work.targets.items()}
        # As JSON holds it, for it is compared with what was read.
        self._record: dict[str, Any] = plain(
            manifest(plan, clock, target=work.header["target"], device=work.device, inputs=None, **told)
        )
        self._setup = clock.elapsed()

    def run(self) -> RunSummary:
        record = finished(self._output)
        if record is not None and self._conduct.resume and self._unfinished.plan() is None:
            why = self._why(record)
            if not why:
                return RunSummary.of(self._output, record, before=True)
            if not self._settings.overwrite:
                raise OutputError(
                    f"The finished run in '{self._output}' is another one: {why}. Give another --output, or --overwrite to replace it."
                )
        with self._unfinished.claimed(shared=self._shard is not None), self._log:
            contents = self._before()
            with explained(self._output), closing(self._unfinished.journal(self._name, contents)) as journal:
                self._check_shard(contents)
                todo = [gene for gene in self._genes if gene not in contents.places]
                done = len(self._genes) - len(todo)
                self._log.say(f"{len(self._genes):,} genes, {done:,} done before; {' '.join(self._record['command'])}")
                self._watch.started(self._genes, self._device, self._output, done)
                with self._kept(contents):
                    self._do(todo, contents, journal)
            with self._kept(contents):
                return self._summary(contents)

    @property
    def _name(self) -> str:
        return SERIAL if self._shard is None else self._shard.name

    # --- what was done before -----------------------------------------------------------------------------------------

    def _before(self) -> Contents:
        """What other journals hold, if they are of this run; else nothing, and the folder is cleared for a new one."""
        begun = self._unfinished.plan()
        alone = self._shard is None
        if alone and (begun is None or (self._settings.overwrite and not self._conduct.resume)):
            self._unfinished.begin_anew()
            return Contents()
        if begun is None:
            return Contents()
        why = self._why(begun["manifest"])
        if not why:
            return self._unfinished.contents(but=self._name) if alone else Contents()
        if alone and (self._settings.overwrite or not self._unfinished.contents().places):
            self._unfinished.begin_anew()
            return Contents()
        raise OutputError(
            f"The unfinished run in '{self._output}' is another one: {why}. Go on with what was given then, give another --output, or "
            "begin again with --overwrite."
        )

    def _check_shard(self, contents: Contents) -> None:
        if self._shard is not None and contents.places and not self._conduct.resume:
            raise OutputError(
                f"Shard {self._shard} of the run in '{self._output}' has begun: {len(contents.places):,} of {len(self._genes):,} genes "
                "are done. Go on with --resume."
            )

    def _why(self, record: Mapping[str, Any]) -> str:
        """Why a recorded run is another one than this; files are looked at last, for they may take a while."""
        return same_or_why(record, self._record, inputs=False) or same_or_why(record, self._with_inputs())

    def _with_inputs(self) -> dict[str, Any]:
        if self._record["inputs"] is None:
            self._record["inputs"] = self._hashes.collect()
        return self._record

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
            elif self._conduct.fail_fast:
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
                    told = str(Deviation.of(outcome.deviation))
                    logger.warning("%s", told)
                    self._log.say(told)
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
                "manifest": self._with_inputs(),
            }
        )
        if agreed["id"] != own and (why := self._why(agreed["manifest"])):
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
