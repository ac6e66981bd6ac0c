"""One run of one area: starts the contenders, holds their answers together, then times them in turn."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import decima_core
from benchmarks.contenders import Contender, ContenderError, versions
from benchmarks.machine import describe
from benchmarks.results import OURS, Result, Row, Table, Target, rounded


class Disagreement(RuntimeError):
    """Two contenders gave different answers: there is nothing to time."""


@attrs.frozen(kw_only=True)
class Settings:
    """How a benchmark is run.

    Parameters
    ----------
    peers
        Interpreters in which peers are looked for, in this order.
    tiny
        Inputs so small that it only shows that everything runs.
    rounds
        How often each contender is timed.
    threads
        Threads of each contender.
    """

    peers: tuple[str, ...] = ()
    tiny: bool = False
    rounds: int = 7
    threads: int = 1


def same(ours: Any, theirs: Any) -> str:
    """The usual comparison: arrays and values must be equal."""
    equal = np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else ours == theirs
    if not equal:
        raise Disagreement(f"{ours!r} is not {theirs!r}")
    return ""


class Bench:
    """What an area is given to work with.

    Parameters
    ----------
    settings
        How it is run.
    folder
        A temporary folder for its inputs; removed afterwards.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.about: dict[str, Any] = {}
        self._machine = describe()
        self._contenders: dict[str, Contender] = {}
        self._versions: dict[str, dict[str, str | None]] = {}
        self._skipped: list[str] = []
        self._tables: dict[str, list[Row]] = {}
        self._table = ""

    def size(self, full: int, tiny: int) -> int:
        """A size, by whether this run is tiny."""
        return tiny if self.settings.tiny else full

    def ours(self, script: str, label: str = OURS, packages: Sequence[str] = ("torch", "numpy", "h5py")) -> Contender:
        """Start a contender of our own."""
        self.used(label, packages)
        return self._start(label, script, sys.executable)

    def peer(self, label: str, script: str, packages: Sequence[str]) -> Contender | None:
        """Start a peer in the first environment that has its ``packages``; None, and a remark, where none has."""
        python = self.interpreter(label, packages)
        return None if python is None else self._start(label, script, python)

    def used(self, label: str, packages: Sequence[str]) -> None:
        """Put it on record that a contender of ours takes part, with the versions of some packages."""
        self._versions[label] = {"decima_core": decima_core.__version__, **versions(sys.executable, packages)}

    def interpreter(self, label: str, packages: Sequence[str]) -> str | None:
        """The first environment's interpreter that has a peer's ``packages``; None, and a remark, where none has."""
        for python in self.settings.peers:
            found = versions(python, packages)
            if None not in found.values():
                self._versions[label] = found
                return python
        needed = " and ".join(packages)
        where = "no environment of peers was given" if not self.settings.peers else f"no environment has {needed}"
        self._skipped.append(f"{label}: {where}")
        return None

    def _start(self, label: str, script: str, python: str) -> Contender:
        started = Contender(label, script, python, threads=self.settings.threads, folder=self.folder)
        self._contenders[label] = started
        return started

    def table(self, title: str) -> None:
        """Rows go under this heading from now on."""
        self._table = title
        self._tables.setdefault(title, [])

    def compare(
        self,
        what: str,
        task: str,
        contenders: Sequence[Contender | None],
        given: Mapping[str, Any] | None = None,
        *,
        own: Mapping[str, Mapping[str, Any]] | None = None,
        agree: Callable[[Any, Any], str] | None = same,
        targets: Sequence[Target] = (),
        times: int | Mapping[str, int] = 1,
        per: int = 1,
        rounds: int | None = None,
        note: str = "",
    ) -> Row:
        """Have the same thing done by all, first to see that they agree, then in turn, round by round.

        Parameters
        ----------
        what
            It, in words.
        task
            Name of the task in the worker scripts.
        contenders
            The first is what the others are compared with. None, a peer that is not there, is passed over.
        given
            Arguments of the task.
        own
            By label, further arguments of one contender.
        agree
            Called with the first contender's answer and another's: it raises :class:`Disagreement`, or returns a remark. None where
            there is nothing to compare.
        targets
            What was aimed at.
        times
            Calls in a row in a round, for what is too short to time once; or by label.
        per
            What a call does this often: figures are divided by it.
        rounds
            Rounds, where not as set.
        note
            A remark.

        Raises
        ------
        Disagreement
            If a contender answers otherwise than the first.
        ContenderError
            If the first fails. A peer that fails is left out of the row, with a remark.
        """
        there = [c for c in contenders if c is not None]
        arguments = {c.label: {**(given or {}), **(own or {}).get(c.label, {})} for c in there}
        first, remarks = {}, [note]
        answers: dict[str, Any] = {}
        for contender in list(there):
            try:
                reply = contender.ask(task, answer=agree is not None, **arguments[contender.label])
            except ContenderError as error:
                if contender is there[0]:
                    raise
                there.remove(contender)
                self._skipped.append(f"{contender.label}: failed at “{what}” ({error})")
                continue
            first[contender.label] = float(f"{reply.seconds / per:.4g}")
            answers[contender.label] = reply.answer
        if agree is not None:
            for contender in there[1:]:
                try:
                    remarks.append(agree(answers[there[0].label], answers[contender.label]))
                except Disagreement as error:
                    raise Disagreement(f"{what}: {there[0].label} and {contender.label} disagree: {error}") from None
        figures: dict[str, list[float]] = {c.label: [] for c in there}
        for number in range(rounds or self.settings.rounds):
            turn = number % len(there)
            for contender in there[turn:] + there[:turn]:  # nobody always comes first
                n = times if isinstance(times, int) else times.get(contender.label, 1)
                seconds = contender.ask(task, times=n, **arguments[contender.label]).seconds
                figures[contender.label].append(seconds / per)
        return self.row(what, figures, first=first, targets=targets, note=" ".join(filter(None, remarks)))

    def row(
        self,
        what: str,
        figures: Mapping[str, Sequence[float]],
        *,
        unit: str = "s",
        first: Mapping[str, float] | None = None,
        targets: Sequence[Target] = (),
        note: str = "",
    ) -> Row:
        """Add a row of figures that were had in another way, such as bytes."""
        row = Row(
            what=what,
            figures={label: rounded(values) for label, values in figures.items()},
            unit=unit,
            first=dict(first or {}),
            targets=tuple(t for t in targets if t.against in figures),
            note=note,
        )
        self._tables.setdefault(self._table, []).append(row)
        medians = ", ".join(f"{label} {row.median(label):.4g} {unit}" for label in row.figures)
        print(f"{what}: {medians}", file=sys.stderr, flush=True)
        return row

    def remark(self, text: str) -> None:
        """Add something to the note of the row that was added last."""
        rows = self._tables[self._table]
        rows[-1] = attrs.evolve(rows[-1], note="; ".join(filter(None, (rows[-1].note, text))))

    def result(self, area: str) -> Result:
        """All that was found."""
        return Result(
            area=area,
            measured=datetime.date.today().isoformat(),
            machine=self._machine,
            contenders=self._versions,
            settings={"rounds": self.settings.rounds, "threads": self.settings.threads, **self.about},
            tables=tuple(Table(title=title, rows=tuple(rows)) for title, rows in self._tables.items() if rows),
            skipped=tuple(dict.fromkeys(self._skipped)),
        )

    def close(self) -> None:
        """End the contenders."""
        for contender in self._contenders.values():
            contender.close()
