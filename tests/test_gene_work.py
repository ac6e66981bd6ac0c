"""The work of a run for one gene: what becomes of it depends on nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs
import numpy as np
import pytest
import torch

from decima_core.deviation import Deviation, Difference
from decima_core.errors import ConfigError, DataError, ModelError, OutputError, UnknownNameError
from decima_core.gene_work import GeneWork, MeasuredOnce, seed_gene
from decima_core.outputs.outcome import GeneFailure, GeneResults
from decima_core.pipeline import Clock
from decima_core.records import Attribution, GeneRecord, Interpretation, MotifHits, Peaks


def interpretation(gene: str) -> Interpretation:
    codes = np.zeros(20, dtype=np.int8)
    attribution = Attribution(gene=gene, values=np.full((4, 20), torch.rand(1).item()))
    return Interpretation(
        record=GeneRecord(gene=gene, codes=codes),
        attribution=attribution,
        peaks=Peaks.empty(20),
        hits=MotifHits.empty(20),
    )


def work(error: Exception | None = None, stage: str = "attribute") -> GeneWork:
    def explain(gene: str, clock: Clock, following: str | None) -> Sequence[Interpretation]:
        with clock(stage):
            if error is not None:
                raise error
            return [interpretation(gene)]

    return GeneWork(
        names=["A", "B"],
        explain=explain,
        header={"model": "m", "target": "t"},
        genome=None,
        contigs={},
        files=[],
        device=torch.device("cpu"),
        facts={},
        seed=7,
    )


@pytest.fixture(autouse=True)
def _random_states_are_put_back():
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


def test_a_gene_comes_out_the_same_in_any_order() -> None:
    def arrays(*genes: str) -> dict[str, object]:
        outcomes = [work().outcome(gene) for gene in genes]
        assert all(isinstance(outcome, GeneResults) for outcome in outcomes)
        return {outcome.gene: outcome.results[0].arrays for outcome in outcomes if isinstance(outcome, GeneResults)}

    together = arrays("A", "B")
    assert together == arrays("B", "A") == {**arrays("B"), **arrays("A")}
    assert together["A"] != together["B"]


def test_every_generator_is_seeded_by_seed_and_gene() -> None:
    def drawn(seed: int, gene: str) -> tuple[float, float, float]:
        seed_gene(seed, gene)
        return torch.rand(1).item(), float(np.random.rand()), random.random()

    first = drawn(0, "A")
    assert first == drawn(0, "A")
    for other in (drawn(1, "A"), drawn(0, "B")):
        assert not set(first) & set(other)
    assert drawn(1, "1A") != drawn(11, "A")


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (DataError("bad"), "read"),
        (ModelError("bad"), "attribute"),
        (MemoryError(), "attribute"),
        (ZeroDivisionError("bad"), "peaks"),
        (UnknownNameError("gene", "A"), "read"),
    ],
)
def test_what_concerns_a_gene_is_its_failure(error: Exception, stage: str) -> None:
    failure = work(error, stage).outcome("A")
    assert isinstance(failure, GeneFailure)
    assert (failure.gene, failure.stage, failure.error) == ("A", stage, type(error).__name__)


@pytest.mark.parametrize("error", [ConfigError("bad"), UnknownNameError("task", "x"), OutputError("bad")])
def test_what_concerns_the_run_stops_it(error: Exception) -> None:
    with pytest.raises(type(error)):
        work(error).outcome("A")


def test_an_interrupt_is_no_failure() -> None:
    with pytest.raises(KeyboardInterrupt):
        work(KeyboardInterrupt()).outcome("A")  # type: ignore[arg-type]


def test_a_gpu_that_no_longer_answers_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "empty_cache", broken)
    monkeypatch.setattr("decima_core.gene_work.seed_gene", lambda *_: None)
    on_gpu = attrs.evolve(work(ModelError("It raised.")), device=torch.device("cuda"))
    with pytest.raises(
        ModelError, match=r"can no longer be used after gene 'A' \(It raised\. Then: RuntimeError: CUDA"
    ):
        on_gpu.outcome("A")


def test_the_first_gene_that_is_explained_is_measured_and_no_other() -> None:
    asked: list[str] = []

    def measure(gene: str) -> Deviation:
        asked.append(gene)
        same = Difference(correlation=1.0, largest=0.0)
        return Deviation(precision="bf16", gene=gene, prediction=same, attribution=same)

    measured = attrs.evolve(work(), measure=MeasuredOnce(measure))
    first, second = measured.outcome("A"), measured.outcome("B")
    assert isinstance(first, GeneResults)
    assert isinstance(second, GeneResults)
    assert asked == ["A"]
    assert Deviation.of(first.deviation).gene == "A"
    assert "compare" in first.seconds
    assert second.deviation == {}
    assert "compare" not in second.seconds


def test_a_gene_that_cannot_be_measured_fails_and_the_others_are_not_held_up() -> None:
    def measure(gene: str) -> Deviation:
        raise MemoryError("too large in float32")

    measured = attrs.evolve(work(), measure=MeasuredOnce(measure))
    first = measured.outcome("A")
    assert isinstance(first, GeneFailure)
    assert first.stage == "compare"
    assert isinstance(measured.outcome("B"), GeneResults)
