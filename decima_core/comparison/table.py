"""The means over genes, as tables: each contender beside the reference, every pair, and each gene by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import pandas as pd

from decima_core.comparison.measures import MEASURES, UNDEFINED, Agreement
from decima_core.comparison.side_by_side import GeneComparison
from decima_core.records import Interpretation

STAGES = ("attribute", "peaks", "motifs")
SECONDS = tuple(f"{stage}_s" for stage in STAGES)
COLUMNS = ("contender", "status", "genes", *MEASURES, "peaks", "hits", *SECONDS, "note")
PAIR_COLUMNS = ("reference", "contender", "genes", *MEASURES)
GENE_COLUMNS = ("gene", "contender", *MEASURES, "peaks", "hits", *SECONDS, "note")


def comparison_table(comparisons: Iterable[GeneComparison]) -> pd.DataFrame:
    """One row a contender, in their order, the reference first: means over the genes of what :func:`compare` yields.

    ``status`` is ``reference``, ``ok`` or ``failed``; ``note`` says why it failed, or in how many genes a measure is undefined.
    ``docs/compare.md`` defines the columns.
    """
    tally = Tally()
    for each in comparisons:
        tally.add(each)
    return tally.table()


@attrs.define
class _Work:
    """What one contender did over the genes so far."""

    genes: int = 0
    peaks: int = 0
    hits: int = 0
    seconds: dict[str, float] = attrs.field(factory=lambda: dict.fromkeys(STAGES, 0.0))

    def add(self, result: Interpretation) -> None:
        self.genes += 1
        self.peaks += len(result.peaks)
        self.hits += len(result.hits)
        for stage in STAGES:
            self.seconds[stage] += result.seconds[stage]


@attrs.define
class _Means:
    """Sums of the measures of one pair, and in how many genes each is defined."""

    genes: int = 0
    sums: dict[str, float] = attrs.field(factory=lambda: dict.fromkeys(MEASURES, 0.0))
    defined: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(MEASURES, 0))

    def add(self, agreement: Agreement) -> None:
        self.genes += 1
        for name, value in attrs.asdict(agreement).items():
            if not math.isnan(value):
                self.sums[name] += value
                self.defined[name] += 1

    def mean(self) -> Agreement:
        return Agreement(**{n: self.sums[n] / self.defined[n] if self.defined[n] else math.nan for n in MEASURES})

    def note(self) -> str:
        return "; ".join(
            f"{name} is undefined in {self.genes - n} of {self.genes} genes: {UNDEFINED[name]}"
            for name, n in self.defined.items()
            if n < self.genes
        )


class Tally:
    """Takes genes one by one; holds sums alone, so its size does not grow with the genes."""

    def __init__(self) -> None:
        self.genes = 0
        self.contenders: tuple[str, ...] = ()
        self.failures: Mapping[str, str] = {}
        self._work: dict[str, _Work] = {}
        self._means: dict[tuple[str, str], _Means] = {}

    def add(self, comparison: GeneComparison) -> None:
        """One more gene."""
        self.genes += 1
        self.contenders, self.failures = comparison.contenders, comparison.failures
        for label, result in comparison.results.items():
            self._work.setdefault(label, _Work()).add(result)
        for pair, agreement in comparison.agreements.items():
            self._means.setdefault(pair, _Means()).add(agreement)

    def table(self) -> pd.DataFrame:
        """One row a contender; of one that failed, the number of genes before that and the reason."""
        return _frame([self._row(label) for label in self.contenders], COLUMNS)

    def _row(self, label: str) -> dict[str, Any]:
        row: dict[str, Any] = {"contender": label, "genes": self._work.get(label, _Work()).genes}
        if label in self.failures:
            return {**row, "status": "failed", "note": self.failures[label]}
        row |= _counts(self._work[label].peaks, self._work[label].hits, self._work[label].seconds)
        if label == self.contenders[0]:
            return {**row, "status": "reference", "note": ""}
        means = self._means[self.contenders[0], label]
        return {**row, "status": "ok", **attrs.asdict(means.mean()), "note": means.note()}

    def pairs(self) -> pd.DataFrame:
        """One row for each ordered pair of contenders that did not fail: the second held against the first."""
        rows = [
            {"reference": a, "contender": b, "genes": means.genes, **attrs.asdict(means.mean())}
            for (a, b), means in self._means.items()
            if a not in self.failures and b not in self.failures
        ]
        return _frame(rows, PAIR_COLUMNS)


def gene_rows(comparison: GeneComparison) -> pd.DataFrame:
    """One row for each contender that did not fail: its figures for one gene, those of agreement empty for the reference."""
    rows = []
    for label, result in comparison.results.items():
        row = {"gene": comparison.gene, "contender": label, "note": ""}
        row |= _counts(len(result.peaks), len(result.hits), result.seconds)
        if label != comparison.contenders[0]:
            agreement = attrs.asdict(comparison.agreements[comparison.contenders[0], label])
            why = [f"{name} is undefined: {UNDEFINED[name]}" for name, v in agreement.items() if math.isnan(v)]
            row |= {**agreement, "note": "; ".join(why)}
        rows.append(row)
    return _frame(rows, GENE_COLUMNS)


def _counts(peaks: int, hits: int, seconds: Mapping[str, float]) -> dict[str, Any]:
    return {"peaks": peaks, "hits": hits, **{f"{stage}_s": seconds[stage] for stage in STAGES}}


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows as a table whose types do not depend on what happens to be empty."""
    table = pd.DataFrame(rows, columns=list(columns))
    for name in columns:
        if name in (*MEASURES, *SECONDS):
            table[name] = table[name].astype("float64")
        elif name in ("genes", "peaks", "hits"):
            table[name] = table[name].astype("Int64")
        else:
            table[name] = table[name].astype(object)
    return table
