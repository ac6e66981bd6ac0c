"""TF-MoDISco's patterns as motifs: cut, named, and written as a file that the scanner reads."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from planted_motifs import motif
from support import word_ppm

from decima_core import MotifError, OutputError, Registry, read_modisco_patterns
from decima_core.modisco.meme import write_meme
from decima_core.modisco.patterns import consensus


def write_result(path: Path, patterns: dict[str, tuple[np.ndarray, np.ndarray, int]]) -> Path:
    """A file as TF-MoDISco writes it: ``{name: (frequencies (W, 4), contributions (W, 4), seqlets)}``."""
    with h5py.File(path, "w") as file:
        file.attrs["window_size"] = 400
        for name, (frequencies, contributions, seqlets) in patterns.items():
            file[f"{name}/sequence"], file[f"{name}/contrib_scores"] = frequencies, contributions
            file[f"{name}/seqlets/n_seqlets"] = np.array([seqlets])
    return path


def flanked(word: str, heights: list[float], flank: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """A word between open flanks; contributions of these heights on the word's own bases, a tenth of a unit beside it."""
    ppm = np.vstack([np.full((flank, 4), 0.25), word_ppm(word).T, np.full((flank, 4), 0.25)])
    contributions = np.full_like(ppm, 0.025)
    contributions[flank : flank + len(word)] = motif(word).T * np.array(heights)[:, None]
    return ppm, contributions


def test_patterns_are_cut_where_contributions_fade(tmp_path: Path) -> None:
    ppm, contributions = flanked("GATAAG", [0.4, 1, 1, 1, 1, 0.2])
    path = write_result(tmp_path / "m.h5", {"pos_patterns/pattern_0": (ppm, contributions, 31)})
    (found,) = read_modisco_patterns(path)
    assert (found.motif.id, found.motif.name, found.seqlets) == ("pos_patterns.pattern_0", "GATAA", 31)
    np.testing.assert_allclose(found.motif.ppm, word_ppm("GATAA"))
    np.testing.assert_allclose(found.contributions, motif("GATAA") * [0.4, 1, 1, 1, 1])
    assert [read_modisco_patterns(path, trim=t)[0].motif.name for t in (0.15, 0.5, 1)] == ["GATAAG", "ATAA", "ATAA"]
    assert read_modisco_patterns(path, trim=0)[0].motif.width == 18


def test_patterns_come_in_their_order_those_that_raise_the_target_first(tmp_path: Path) -> None:
    ppm, contributions = flanked("GATAAG", [1] * 6)
    names = ["neg_patterns/pattern_0", *(f"pos_patterns/pattern_{i}" for i in (10, 2, 0))]
    path = write_result(tmp_path / "m.h5", dict.fromkeys(names, (ppm, -contributions, 20)))
    found = [pattern.motif.id for pattern in read_modisco_patterns(path)]
    assert found == [
        "pos_patterns.pattern_0",
        "pos_patterns.pattern_2",
        "pos_patterns.pattern_10",
        "neg_patterns.pattern_0",
    ]


def test_seqlets_with_n_leave_probabilities(tmp_path: Path) -> None:
    ppm, contributions = flanked("GATAAG", [1] * 6)
    ppm[7], ppm[8] = 0.5 * ppm[7], 0
    path = write_result(tmp_path / "m.h5", {"pos_patterns/pattern_0": (ppm, contributions, 20)})
    (found,) = read_modisco_patterns(path)
    np.testing.assert_allclose(found.motif.ppm[:, 1], word_ppm("A")[:, 0])
    np.testing.assert_allclose(found.motif.ppm[:, 2], 0.25)


def test_the_consensus_follows_cavener() -> None:
    columns = {
        "A": (0.97, 0.01, 0.01, 0.01),
        "R": (0.5, 0.0, 0.5, 0.0),
        "Y": (0.1, 0.55, 0.05, 0.3),  # C is above a half, and not twice T
        "N": (0.25, 0.25, 0.25, 0.25),
        "C": (0.2, 0.51, 0.2, 0.09),
        "K": (0.0, 0.0, 0.6, 0.4),
    }
    assert consensus(np.array(list(columns.values())).T) == "".join(columns)


def test_the_scanner_reads_what_is_written(tmp_path: Path) -> None:
    words = {"pos_patterns/pattern_0": "CATTGTATC", "neg_patterns/pattern_0": "GAACAGCCC"}
    path = write_result(tmp_path / "m.h5", {name: (*flanked(word, [1] * 9), 24) for name, word in words.items()})
    patterns = read_modisco_patterns(path)
    write_meme(tmp_path / "patterns.meme", patterns)
    text = (tmp_path / "patterns.meme").read_text()
    assert text.count("alength= 4 w= 9 nsites= 24") == 2
    read = Registry.discover().create("motifs", "jaspar", path=str(tmp_path / "patterns.meme")).motifs
    assert [(m.id, m.name) for m in read] == [(p.motif.id, p.motif.name) for p in patterns]
    for motif_read, pattern in zip(read, patterns, strict=True):
        np.testing.assert_allclose(motif_read.ppm, pattern.motif.ppm, atol=2e-6)
    with pytest.raises(OutputError, match="cannot be written"):
        write_meme(tmp_path / "absent" / "patterns.meme", patterns)


def test_what_is_no_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(MotifError, match=r"absent.h5' cannot be read"):
        read_modisco_patterns(tmp_path / "absent.h5")
    with pytest.raises(MotifError, match=r"found no pattern in .* more than 100 seqlets"):
        read_modisco_patterns(write_result(tmp_path / "none.h5", {}))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["metacluster_idx_to_submetacluster_results"] = [1]
    with pytest.raises(MotifError, match="is not a result of TF-MoDISco"):
        read_modisco_patterns(tmp_path / "other.h5")
    with h5py.File(tmp_path / "half.h5", "w") as file:
        file.create_group("pos_patterns/pattern_0")
    with pytest.raises(MotifError, match=r"half.h5' cannot be read"):
        read_modisco_patterns(tmp_path / "half.h5")
