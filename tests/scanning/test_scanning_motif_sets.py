"""JASPAR through pyjaspar and its cache; matrices from Python; the filter by name."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from decima_core import ScanOptions
from decima_core.errors import MotifError, UnknownNameError
from decima_core.records import Motif
from decima_core.scanning import cache, jaspar_database
from decima_core.scanning.jaspar_database import read_jaspar
from decima_core.scanning.motif_sets import load_motifs

PPM = np.full((4, 5), 0.25)


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DECIMA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading pyjaspar's database fails the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("the cache should have been used")

    monkeypatch.setattr(jaspar_database, "_query", refuse)


# --- JASPAR -----------------------------------------------------------------------------------------------------------


def test_the_default_set() -> None:
    motifs = load_motifs(ScanOptions())
    assert len(motifs) == 1019
    ids = [m.id for m in motifs]
    assert len(set(ids)) == 1019
    assert ids == sorted(ids)
    assert 1019 - len({m.name for m in motifs}) > 0  # names repeat: the id is the key
    assert all(np.allclose(m.ppm.sum(0), 1, atol=1e-12) for m in motifs)


@pytest.mark.parametrize(
    ("release", "collection", "group"),
    [
        ("JASPAR2014", "CORE", ("vertebrates",)),
        ("JASPAR2018", "CORE", ("nematodes", "insects")),
        ("JASPAR2016", None, ("plants",)),
    ],
)
def test_the_same_matrices_as_pyjaspar_fetches(release: str, collection: str | None, group: tuple[str, ...]) -> None:
    from pyjaspar import jaspardb

    database = jaspardb(release=release)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fetched = database.fetch_motifs(collection=collection, tax_group=list(group) or None)
    database.conn.close()
    expected = {}
    for motif in fetched:
        counts = np.array([motif.counts[base] for base in "ACGT"])
        expected[motif.matrix_id] = (motif.name, counts / counts.sum(0))
    motifs = load_motifs(ScanOptions(release=release, collection=collection, tax_group=group))
    assert {m.id for m in motifs} == expected.keys()
    for motif in motifs:
        name, ppm = expected[motif.id]
        assert motif.name == name
        np.testing.assert_allclose(motif.ppm, ppm)


def test_matrices_with_an_empty_column_are_read() -> None:
    (motif,) = load_motifs(ScanOptions(collection="unvalidated", tax_group=(), names=("UN0498.1",)))
    assert (motif.ppm == 0.25).all(0).any()


def test_case_of_release_collection_and_group_does_not_matter() -> None:
    options = ScanOptions(release="jaspar2014", collection="core", tax_group=("Nematodes",))
    assert len(load_motifs(options)) == len(load_motifs(ScanOptions(motifs="JASPAR2014", tax_group=("nematodes",))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"release": "JASPAR2062"}, "no JASPAR release 'JASPAR2062'. Did you mean JASPAR2026"),
        ({"motifs": "jaspar1999"}, "no JASPAR release 'JASPAR1999'"),
        ({"collection": "CORES"}, "no JASPAR collection 'CORES' in JASPAR2026. Did you mean CORE"),
        ({"tax_group": ("vertebrate",)}, "no tax group 'vertebrate' in JASPAR2026. Did you mean vertebrates"),
        (
            {"names": ("CTFC",)},
            r"no motif 'CTFC' in JASPAR2026 \(collection CORE, tax group vertebrates\). Did you mean .*CTCF",
        ),
        ({"names": ("CTCF", "Gata99")}, "no motif 'Gata99'"),
    ],
)
def test_unknown_names_get_near_matches(options: dict[str, object], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        load_motifs(ScanOptions(**options))


def test_an_empty_selection_says_so() -> None:
    with pytest.raises(MotifError, match="JASPAR2026 has no matrix in that collection and tax group"):
        load_motifs(ScanOptions(collection="UNVALIDATED", tax_group=("diatoms",)))


@pytest.mark.parametrize("text", ["JASPAR", "/no/such/file.meme", "JASPAR2024x"])
def test_text_that_is_neither_release_nor_file(text: str) -> None:
    with pytest.raises(MotifError, match=r"neither a JASPAR release \(JASPAR20.*\) nor a motif file that exists"):
        load_motifs(ScanOptions(motifs=text))


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (("MA0139.2",), ["MA0139.2"]),
        (("ma0139",), ["MA0139.2"]),
        (("MA0139.1",), ["MA0139.1"]),  # an older version, if asked for by its full id
        (("gata1::tal1",), ["MA0140.3"]),
        (("ctcf",), ["MA0139.2", "MA1929.2", "MA1930.2"]),
        (("CTCF", "MA0139.2", " SPI1 "), ["MA0080.7", "MA0139.2", "MA1929.2", "MA1930.2"]),
    ],
)
def test_names_and_ids(names: tuple[str, ...], ids: list[str]) -> None:
    assert [m.id for m in load_motifs(ScanOptions(names=names))] == ids


def test_names_filter_python_motifs_too() -> None:
    motifs = [Motif(id="x.1", name="Foo", ppm=PPM), Motif(id="y", name="Bar", ppm=PPM)]
    for name, expected in (("foo", "x.1"), ("X", "x.1"), ("Y", "y")):
        assert [m.id for m in load_motifs(ScanOptions(motifs=motifs, names=(name,)))] == [expected]


# --- from Python ------------------------------------------------------------------------------------------------------


def test_matrices_from_python() -> None:
    given = {"a": PPM, "b": torch.tensor(PPM, dtype=torch.float32, requires_grad=True), "c": PPM.tolist()}
    motifs = load_motifs(ScanOptions(motifs=given, path="/ignored.meme"))
    assert [(m.id, m.name) for m in motifs] == [("a", "a"), ("b", "b"), ("c", "c")]
    for motif in motifs:
        np.testing.assert_allclose(motif.ppm, PPM)
        assert not np.shares_memory(motif.ppm, PPM)
    with_name = load_motifs(ScanOptions(motifs={"key": Motif(id="x", name="N", ppm=PPM)}))
    assert (with_name[0].id, with_name[0].name) == ("key", "N")


@pytest.mark.parametrize(
    ("motifs", "message"),
    [
        ({}, "holds no motif"),
        ([], "holds no motif"),
        (7, "is int; give a dict"),
        ([PPM], "holds ndarray, not Motif"),
        ({"a": "text"}, "'a' is not an array of numbers"),
        ({"a": PPM.T}, r"'a' has shape \(5, 4\).*Transpose"),
        ({"a": PPM * 8}, "'a' does not sum to 1"),
        ([Motif(id="a", name="", ppm=PPM)] * 2, "Two of the motifs given have the id 'a'"),
    ],
)
def test_bad_motifs_from_python(motifs: object, message: str) -> None:
    with pytest.raises(MotifError, match=message):
        load_motifs(ScanOptions(motifs=motifs))


# --- the cache --------------------------------------------------------------------------------------------------------

CELEGANS = ("JASPAR2014", "CORE", ("nematodes",))


def same(a: jaspar_database.MatrixTable, b: jaspar_database.MatrixTable) -> bool:
    return a.ids.tolist() == b.ids.tolist() and np.array_equal(a.ppm, b.ppm)


def test_a_second_read_comes_from_the_cache(cache_dir: Path, request: pytest.FixtureRequest) -> None:
    first = read_jaspar(*CELEGANS)
    (file,) = cache_dir.iterdir()
    assert file.suffix == ".npz"
    request.getfixturevalue("no_database")
    assert same(read_jaspar(*CELEGANS), first)
    with pytest.raises(AssertionError, match="cache"):
        read_jaspar("JASPAR2014", "CORE", ("plants",))


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "flipped", "other arrays", "unfit arrays"])
def test_a_damaged_file_is_made_again(
    cache_dir: Path, damage: str, request: pytest.FixtureRequest, recwarn: pytest.WarningsRecorder
) -> None:
    first = read_jaspar(*CELEGANS)
    (file,) = cache_dir.iterdir()
    good = file.read_bytes()
    if damage == "other arrays":
        np.savez(file, ids=first.ids)
    elif damage == "unfit arrays":
        columns = {n: getattr(first, n) for n in ("ids", "names", "latest", "ppm")}
        np.savez(file, widths=first.widths + 1, **columns)
    else:
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 255]) + good[middle + 1 :]
        file.write_bytes(
            {"truncated": good[:middle], "garbage": b"PK nonsense", "empty": b"", "flipped": flipped}[damage]
        )
    assert same(read_jaspar(*CELEGANS), first)
    request.getfixturevalue("no_database")
    assert same(read_jaspar(*CELEGANS), first)
    assert not recwarn.list


def test_a_cache_that_cannot_be_written_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("DECIMA_CACHE_DIR", str(in_the_way / "below"))
    with caplog.at_level("DEBUG", logger="decima_core.scanning"):
        assert len(read_jaspar(*CELEGANS).ids) > 0
    assert "cannot be written" in caplog.text
    assert all(r.levelname == "DEBUG" for r in caplog.records)
    assert not recwarn.list


def test_nothing_is_left_behind_when_writing_fails(cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    read_jaspar(*CELEGANS)
    assert list(cache_dir.iterdir()) == []


def test_the_users_cache_directory_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs

    monkeypatch.delenv("DECIMA_CACHE_DIR")
    assert cache.cache_path("x", ("k",)).parent == Path(platformdirs.user_cache_dir("decima_core"))
