"""The site finder against a plain scan, position by position, on every kind of processor that this one can stand in for."""

from __future__ import annotations

import pickle

import attrs
import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decima_core.errors import MotifError
from decima_core.native import has
from decima_core.records import Motif
from decima_core.scanning.strands import Strand, StrandSet, prepare
from decima_jaspar import engine
from decima_jaspar.engine import SiteFinder
from decima_jaspar.processors import PROCESSORS, Processor, this_processor
from decima_jaspar.search_code import MOST_TABLES, search_module
from decima_jaspar.sieve import Sieve

HERE = [processor for processor in PROCESSORS if has(*processor.needs)]


@pytest.fixture(params=PROCESSORS, ids=lambda processor: processor.name)
def processor(request: pytest.FixtureRequest) -> Processor:
    if request.param not in HERE:
        pytest.skip(f"this processor has no {', '.join(request.param.needs)}")
    return request.param


def brute_force(strands: StrandSet, codes: np.ndarray) -> list[tuple[int, int, int]]:
    """Every hit as (strand, start, loss), found by adding up losses at each position."""
    hits = []
    for k, strand in enumerate(strands.strands):
        places = len(codes) - strand.width + 1
        if places < 1:
            continue
        with_n = np.vstack([strand.losses, np.full((1, strand.width), 10**9)])
        total = sum(with_n[codes[i : places + i], i] for i in range(strand.width))
        hits += [(k, int(start), int(total[start])) for start in np.flatnonzero(total <= strand.threshold)]
    return hits


def found(finder: SiteFinder, codes: np.ndarray) -> list[tuple[int, int, int]]:
    sites = finder.find(codes)
    return list(zip(sites.strand.tolist(), sites.start.tolist(), sites.loss.tolist(), strict=True))


def random_sequence(rng: np.random.Generator, length: int, n_runs: int) -> np.ndarray:
    codes = rng.choice(4, size=length, p=rng.dirichlet([3] * 4)).astype(np.int8)
    for _ in range(n_runs):
        at = rng.integers(0, length)
        codes[at : at + rng.integers(1, 40)] = 4
    return codes


def random_motifs(rng: np.random.Generator, widths: list[int], sharpness: float) -> list[Motif]:
    ppms = [rng.dirichlet([sharpness] * 4, size=w).T for w in widths]
    return [Motif(id=str(i), name=str(i), ppm=p) for i, p in enumerate(ppms)]


@given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.lists(st.integers(1, 35), min_size=1, max_size=6),
    length=st.one_of(st.integers(1, 60), st.integers(60, 3000)),
    n_runs=st.integers(0, 4),
    p_threshold=st.sampled_from([1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0]),
    bin_size=st.sampled_from([0.001, 0.01, 0.1, 1.0]),
    sharpness=st.sampled_from([0.05, 0.3, 1.0, 20.0]),
    uniform=st.booleans(),
)
@settings(max_examples=250, deadline=None)
def test_no_hit_is_missed_and_none_invented(
    seed: int,
    widths: list[int],
    length: int,
    n_runs: int,
    p_threshold: float,
    bin_size: float,
    sharpness: float,
    uniform: bool,
) -> None:
    rng = np.random.default_rng(seed)
    motifs = random_motifs(rng, widths, sharpness)
    background = (0.25,) * 4 if uniform else tuple(rng.dirichlet([5] * 4))
    strands = prepare(motifs, background=background, pseudocount=1e-4, bin_size=bin_size, p_threshold=p_threshold)
    codes = random_sequence(rng, length, n_runs)
    # Sites planted at both edges, where a scanner that works in blocks and stripes is likeliest to err.
    for motif in motifs:
        if motif.width <= length:
            best = motif.ppm.argmax(0)
            codes[: motif.width] = best
            codes[length - motif.width :] = best
    expected = brute_force(strands, codes)
    for processor in HERE:
        assert found(SiteFinder(strands, processor=processor), codes) == expected, processor.name


@pytest.mark.parametrize("length", [1024, 8191, 40_000])
def test_long_sequences(length: int, processor: Processor) -> None:
    rng = np.random.default_rng(length)
    strands = prepare(
        random_motifs(rng, [4, 7, 8, 12, 20, 35, 60], 0.5),
        background=(0.3, 0.2, 0.2, 0.3),
        pseudocount=1e-4,
        bin_size=0.01,
        p_threshold=1e-3,
    )
    codes = random_sequence(rng, length, 6)
    hits = found(SiteFinder(strands, processor=processor), codes)
    assert hits == brute_force(strands, codes)
    assert hits


def test_sums_beyond_float32_stay_exact(processor: Processor) -> None:
    rng = np.random.default_rng(0)
    losses = rng.integers(0, 1 << 20, (4, 30))
    losses -= losses.min(axis=0)
    strand = Strand(
        motif=0,
        forward=True,
        losses=losses,
        log_odds=-losses / 100,
        ppm=losses / losses.sum(0),
        p_values=np.ones(1 << 23),
        background=np.full(4, 0.25),
    )
    strands = StrandSet([strand])
    assert strand.width * strand.threshold > 1 << 24
    codes = random_sequence(rng, 20_000, 2)
    totals = [loss for _, _, loss in brute_force(strands, codes)]
    assert len(totals) > 100
    # A threshold that float32 cannot tell from its neighbours, with a site exactly on it.
    edge = sorted(totals)[len(totals) // 2]
    strands = StrandSet([attrs.evolve(strand, p_values=np.ones(edge + 1))])
    hits = found(SiteFinder(strands, processor=processor), codes)
    assert hits == brute_force(strands, codes)
    assert edge in [loss for _, _, loss in hits]


@pytest.fixture(scope="module")
def some_strands() -> StrandSet:
    motifs = random_motifs(np.random.default_rng(3), [3, 9, 9, 17, 30], 1.0)
    return prepare(motifs, background=(0.25,) * 4, pseudocount=1e-4, bin_size=0.01, p_threshold=0.1)


@pytest.mark.parametrize("length", [63, 64, 65, 127, 128, 129, 700, 3_000])
def test_searched_in_pieces_the_same(some_strands: StrandSet, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    codes = random_sequence(np.random.default_rng(length), length, 1)
    whole = found(SiteFinder(some_strands), codes)
    assert whole == brute_force(some_strands, codes)
    for piece in (64, 128, 640):
        monkeypatch.setattr(engine, "PIECE", piece)
        assert found(SiteFinder(some_strands), codes) == whole


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_change_nothing(some_strands: StrandSet, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    codes = random_sequence(np.random.default_rng(1), 5_000, 3)
    single = found(SiteFinder(some_strands, threads=1), codes)
    monkeypatch.setattr(engine, "WORTH_A_THREAD", 1)
    assert found(SiteFinder(some_strands, threads=threads), codes) == single == brute_force(some_strands, codes)


def test_more_hits_than_there_is_room_for(some_strands: StrandSet, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = random_sequence(np.random.default_rng(2), 2_000, 0)
    monkeypatch.setattr(engine, "_ROOM", 1)
    hits = found(SiteFinder(some_strands), codes)
    assert hits == brute_force(some_strands, codes)
    assert len(hits) > 2_048


def test_a_thousand_windows_one_by_one_and_joined(some_strands: StrandSet) -> None:
    rng = np.random.default_rng(4)
    windows = rng.integers(0, 5, (1_000, 36)).astype(np.int8)
    joined = np.full((1_000, 36 + some_strands.widest), 4, dtype=np.int8)
    joined[:, :36] = windows
    finder = SiteFinder(some_strands)
    sites = finder.find(joined.ravel())
    apart = {
        (int(s), int(i) // joined.shape[1], int(i) % joined.shape[1])
        for s, i in zip(sites.strand, sites.start, strict=True)
    }
    single = {(k, w, start) for w, codes in enumerate(windows) for k, start, _ in found(finder, codes)}
    assert apart == single
    assert apart


def test_a_motif_wider_than_every_table_together(processor: Processor) -> None:
    """A sieve has eight tables; what they leave out is left to the judge."""
    strands = prepare(
        random_motifs(np.random.default_rng(6), [70, 150], 0.6),
        background=(0.25,) * 4,
        pseudocount=1e-4,
        bin_size=0.01,
        p_threshold=0.01,
    )
    codes = random_sequence(np.random.default_rng(7), 4_000, 2)
    hits = found(SiteFinder(strands, processor=processor), codes)
    assert hits == brute_force(strands, codes)
    assert hits


def test_an_empty_sequence_has_no_site(some_strands: StrandSet) -> None:
    assert len(SiteFinder(some_strands).find(np.empty(0, dtype=np.int8))) == 0


def test_the_tables_cannot_discard_a_hit(some_strands: StrandSet) -> None:
    """The bytes of any site that loses no more than the threshold add up to less than 255; those of a site well above do not."""
    for bases in (2, 3):
        sieve = Sieve.of(some_strands, bases=bases, most=MOST_TABLES)
        codes = np.random.default_rng(bases).integers(0, 4, 20_000).astype(np.int8)
        for k, first, count in zip(sieve.strands, sieve.first, sieve.count, strict=True):
            width, threshold = int(some_strands.width[k]), int(some_strands.threshold[k])
            starts = np.arange(len(codes) - width - bases)
            loss = some_strands.measure(codes, np.full(len(starts), k), starts).loss
            total = np.zeros(len(starts), dtype=np.int64)
            for table, offset in zip(
                sieve.table[first : first + count], sieve.offset[first : first + count], strict=True
            ):
                index = sum(codes[starts + offset + b].astype(np.int64) << (2 * b) for b in range(bases))
                total += table[index]
            assert (total[loss <= threshold] < 255).all()
            if count * bases >= width:
                # Each table rounds away less than one of 255 parts.
                clear = loss * 255 >= (threshold + 1) * (255 + count)
                assert (total[clear] >= 255).all()


def test_the_code_for_arm_has_its_look_up() -> None:
    """What cannot run here is compiled at least."""
    neon = next(processor for processor in PROCESSORS if processor.name == "neon")
    try:
        target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        try:
            target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
        except RuntimeError:
            pytest.skip("this llvmlite cannot compile for ARM")
    module = llvm.parse_assembly(str(search_module(neon)))
    module.verify()
    text = target.create_target_machine(features=neon.features, opt=2).emit_assembly(module)
    assert "tbl\tv" in text
    assert "uqadd\tv" in text


def test_the_fastest_kind_is_taken() -> None:
    assert this_processor() is HERE[0]
    assert PROCESSORS[-1] in HERE


def test_a_big_endian_processor_is_refused(some_strands: StrandSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", "big")
    with pytest.raises(MotifError, match="little-endian"):
        SiteFinder(some_strands)


@pytest.mark.parametrize("codes", [[4] * 50, [0], [4], [0] * 5])
def test_nothing_to_find(codes: list[int]) -> None:
    strands = prepare(
        random_motifs(np.random.default_rng(0), [8], 0.1),
        background=(0.25,) * 4,
        pseudocount=1e-4,
        bin_size=0.01,
        p_threshold=1.0,
    )
    assert len(SiteFinder(strands).find(np.array(codes, dtype=np.int8))) == 0


def test_survives_pickling_after_use() -> None:
    rng = np.random.default_rng(5)
    strands = prepare(
        random_motifs(rng, [6, 10], 0.5), background=(0.25,) * 4, pseudocount=1e-4, bin_size=0.01, p_threshold=0.01
    )
    codes = random_sequence(rng, 900, 1)
    finder = SiteFinder(strands)
    before = found(finder, codes)
    assert found(pickle.loads(pickle.dumps(finder)), codes) == before
    assert before


def test_what_is_no_base_is_as_n(some_strands: StrandSet, processor: Processor) -> None:
    """Its losses would be read from beside the table."""
    rng = np.random.default_rng(5)
    codes = random_sequence(rng, 600, 0)
    at = rng.integers(0, 600, 6)
    with_n, with_other = codes.copy(), codes.copy()
    with_n[at], with_other[at] = 4, [-1, 127, -128, 5, 64, -3]
    finder = SiteFinder(some_strands, processor=processor)
    assert found(finder, with_other) == found(finder, with_n)
