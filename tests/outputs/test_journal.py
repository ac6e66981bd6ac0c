"""A journal keeps whole records, whatever happens to its end; and what is in a record comes back as it was."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core.errors import DataError, ModelError, UnknownNameError
from decima_core.outputs.encoding import encode
from decima_core.outputs.journal import Journal, read_record, records
from decima_core.outputs.outcome import GeneFailure, GeneResults, from_bytes, glance, to_bytes
from decima_core.outputs.unfinished import Contents, Unfinished
from decima_core.records import Attribution, GeneRecord, Interpretation, Locus, MotifHits, Peaks


def payloads(path: Path) -> list[bytes]:
    return [payload for _, payload in records(path)]


def written(path: Path, parts: list[bytes]) -> list[int]:
    journal = Journal(path)
    places = [journal.append(part) for part in parts]
    journal.close()
    return places


@given(st.lists(st.binary(max_size=200), max_size=6), st.data())
def test_a_cut_leaves_the_whole_records(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "a.journal"
    places = written(path, parts)
    assert payloads(path) == parts
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    ends = [*places[1:], len(content)]
    whole = [part for part, end in zip(parts, ends, strict=False) if end <= cut]
    assert payloads(path) == whole
    written(path, [b"more"])
    assert payloads(path) == [*whole, b"more"]


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_a_changed_byte_never_passes_for_a_record(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "a.journal"
    written(path, parts)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    found = payloads(path)
    assert found == parts[: len(found)]
    assert len(found) < len(parts)


def test_a_place_gives_its_record_or_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    places = written(path, [b"one", b"two", b""])
    assert [read_record(path, place) for place in places] == [b"one", b"two", b""]
    with pytest.raises(DataError, match="damaged at byte 5"):
        read_record(path, 5)


def test_one_process_adds_to_a_journal(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    first = Journal(tmp_path / "a.journal")
    with pytest.raises(BlockingIOError, match="another run is writing there"):
        Journal(tmp_path / "a.journal")
    first.close()
    first.close()
    Journal(tmp_path / "a.journal").close()


# --- what is in a record ----------------------------------------------------------------------------------------------


def result(gene: str = "Sö", *, locus: bool = True) -> Interpretation:
    rng = np.random.default_rng(1)
    place = Locus(chrom="chr1", start=10, end=90, strand="-") if locus else None
    record = GeneRecord(gene=gene, codes=rng.integers(0, 5, 80).astype(np.int8), tss=3, locus=place)
    values = rng.normal(size=(4, 80)).astype(np.float32)
    attribution = Attribution(gene=gene, values=values, hypothetical=values, prediction=0.1)
    peaks = Peaks(position=[20], start=[10], end=[30], height=[2.5], length=80, extra={"p_value": np.array([1e-300])})
    hits = MotifHits(
        motif_id=["M1"],
        motif_name=['a "b"\tc'],
        start=[12],
        end=[20],
        strand=["-"],
        score=[3.5],
        p_value=[1 / 3],
        q_value=[0.5],
        peak=[0],
        site_attr_score=[1.0],
        motif_attr_score=[1.0],
        length=80,
    )
    return Interpretation(record=record, attribution=attribution, peaks=peaks, hits=hits)


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("locus", [True, False])
def test_results_come_back_as_they_were(targets: int, locus: bool) -> None:
    results = tuple(encode(result(locus=locus)) for _ in range(targets))
    outcome = GeneResults(gene="Sö", results=results, seconds={"read": 0.1 + 0.2}, tally={"windows": 1})
    again = from_bytes(to_bytes(outcome))
    assert again == outcome
    counts = glance(to_bytes(outcome))
    assert attrs.asdict(counts) == {
        "gene": "Sö",
        "peaks": targets,
        "hits": targets,
        "seconds": outcome.seconds,
        "tally": outcome.tally,
        "deviation": {},
    }


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ModelError("It is\n  tired."), ModelError, "It is tired."),
        (UnknownNameError("gene", "X"), Exception, "There is no gene 'X'."),
        (KeyError("oops"), Exception, "KeyError: 'oops'"),
        (MemoryError(), Exception, "MemoryError"),
    ],
)
def test_failures_come_back_as_they_were(error: Exception, kind: type[Exception], reason: str) -> None:
    failure = GeneFailure.of("G", "attribute", error)
    assert from_bytes(to_bytes(failure)) == failure == glance(to_bytes(failure))
    assert failure.reason == reason
    with pytest.raises(kind) as told:
        raise failure.exception()
    assert str(told.value) == reason


def test_results_stand_above_failures_whatever_came_first(tmp_path: Path) -> None:
    failure = to_bytes(GeneFailure(gene="Sö", stage="read", error="DataError", reason="x"))
    success = to_bytes(GeneResults(gene="Sö", results=(encode(result()),)))
    for order in ([failure, success], [success, failure], [success, success]):
        contents = Contents()
        for place, payload in enumerate(order):
            contents.add(tmp_path, place, payload)
        assert list(contents.places) == ["Sö"]
        assert contents.failures == {}
        assert contents.counts == {"genes": 1, "peaks": 1, "hits": 1}


# --- the folder -------------------------------------------------------------------------------------------------------


def test_whoever_comes_first_decides_on_the_plan(tmp_path: Path) -> None:
    first, second = Unfinished(tmp_path / "out"), Unfinished(tmp_path / "out")
    with first.claimed(shared=True), second.claimed(shared=True):
        assert first.agree({"format": 1, "id": "a"}) == {"format": 1, "id": "a"}
        assert second.agree({"format": 1, "id": "b"}) == {"format": 1, "id": "a"}
    assert sorted(path.name for path in first.path.iterdir()) == ["lock", "plan.json"]


def test_a_folder_without_a_plan_goes(tmp_path: Path) -> None:
    with Unfinished(tmp_path / "out").claimed():
        assert (tmp_path / "out/unfinished/lock").exists()
    assert not (tmp_path / "out").exists()


def test_a_folder_goes_with_the_last_of_its_shards(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = tmp_path / "out/unfinished"
    with Unfinished(tmp_path / "out").claimed(shared=True):
        with Unfinished(tmp_path / "out").claimed(shared=True):
            pass
        assert folder.exists()
    assert not folder.exists()


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"format": 99}'])
def test_a_plan_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    unfinished = Unfinished(tmp_path)
    unfinished.path.mkdir()
    (unfinished.path / "plan.json").write_text(text)
    with pytest.raises(DataError, match="unfinished"):
        unfinished.plan()


def test_what_an_interrupted_removal_left_is_tidied(tmp_path: Path) -> None:
    old = tmp_path / "unfinished.old"
    old.mkdir()
    (old / "genes.journal").touch()
    Unfinished(tmp_path).tidy()
    assert not old.exists()
