"""The real TF-MoDISco: planted motifs become patterns, and the patterns find the planted sites again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from planted_motifs import WORDS, Command, Site, motif, write_planted

from decima_core import (
    ModiscoInputOptions,
    ModiscoOptions,
    MotifError,
    read_modisco_patterns,
    run_modisco,
    write_modisco_inputs,
)

pytest.importorskip("modiscolite", reason='TF-MoDISco is not installed; pip install "decima-core[modisco]"')
pytestmark = pytest.mark.slow  # it compiles itself for half a minute

RUN = (
    "run",
    "--source",
    "genes.h5",
    "--model",
    "planted_motifs:TwoMotifs",
    "--transform",
    "aggregate",
    "--device",
    "cpu",
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, decima: Command) -> tuple[Path, list[Site]]:
    """Forty genes with five sites of each of two words, their run, and what TF-MoDISco found in it."""
    folder = tmp_path_factory.mktemp("planted")
    sites = write_planted(folder / "genes.h5", genes=40, per_gene=5)
    asked = ("-O", "method.hypothetical=true", "-O", "peaks.number=20", "-O", "motifs.names=CTCF", "-o", "results")
    done = decima(folder, *RUN, *asked)
    assert done.returncode == 0, done.stderr
    done = decima(folder, "modisco", "results", "--width", "200", "--run", "--output", "found")
    assert done.returncode == 0, done.stderr
    assert "positive seqlets" in done.stdout
    assert "scan with them: -O motifs.path=found/patterns.meme" in done.stdout
    return folder, sites


def apart(found: np.ndarray, word: str) -> tuple[float, str]:
    """The largest difference between a PPM and a planted one in the nearer orientation; infinite for other widths."""
    expected = motif(word)
    if found.shape != expected.shape:
        return float("inf"), "+"
    return min((float(np.abs(found - e).max()), strand) for e, strand in ((expected, "+"), (expected[::-1, ::-1], "-")))


def test_the_patterns_are_the_planted_motifs(planted: tuple[Path, list[Site]]) -> None:
    folder, _ = planted
    assert sorted(p.name for p in (folder / "found").iterdir()) == [
        "hypothetical.npz", "modisco.h5", "one_hot.npz", "patterns.meme", "run.json", "windows.tsv",
    ]  # fmt: skip
    patterns = read_modisco_patterns(folder / "found" / "modisco.h5")
    for word in WORDS:
        best = min(patterns, key=lambda pattern: apart(pattern.motif.ppm, word)[0])
        assert apart(best.motif.ppm, word)[0] < 0.15, (word, best.motif.name)
        assert best.seqlets >= 40
    with h5py.File(folder / "found" / "modisco.h5") as file:
        for pattern in patterns:
            group = file[pattern.motif.id.replace(".", "/")]
            assert len(group["seqlets/start"]) == pattern.seqlets


def test_seqlets_lie_on_planted_sites_and_each_counts_once(planted: tuple[Path, list[Site]]) -> None:
    folder, sites = planted
    table = pd.read_csv(folder / "found" / "windows.tsv", sep="\t", comment="#")
    middles = {(site.gene, site.start + 4) for site in sites}
    covered = []
    with h5py.File(folder / "found" / "modisco.h5") as file:
        for group in file["pos_patterns"].values():
            seqlets = group["seqlets"]
            for row, start, end in zip(seqlets["example_idx"][:], seqlets["start"][:], seqlets["end"][:], strict=True):
                window = table.iloc[row]
                begin = window.start + start
                inside = [m for m in middles if m[0] == window.gene and begin <= m[1] < begin + end - start]
                covered.append((window.gene, begin + (end - start) // 2, bool(inside)))
    # Two seqlets of one site would have their middles within its width.
    by_gene = pd.DataFrame(covered, columns=["gene", "middle", "planted"]).sort_values(["gene", "middle"])
    assert by_gene["planted"].mean() > 0.9, "some sites arise by chance"
    gaps = by_gene.groupby("gene")["middle"].diff().dropna()
    assert (gaps > 9).mean() > 0.98


def test_scanned_back_the_patterns_find_the_planted_sites(planted: tuple[Path, list[Site]], decima: Command) -> None:
    folder, sites = planted
    done = decima(
        *(folder, *RUN, "-O", "motifs.path=found/patterns.meme", "-O", "motifs.region=window", "-o", "named"),
    )
    assert done.returncode == 0, done.stderr
    hits = pd.read_csv(folder / "named" / "hits.tsv", sep="\t", comment="#")
    patterns = read_modisco_patterns(folder / "found" / "modisco.h5")
    for word in WORDS:
        best = min(patterns, key=lambda pattern: apart(pattern.motif.ppm, word)[0])
        own = hits[hits.motif_id == best.motif.id]
        found = set(zip(own.gene, own.start, own.strand, strict=True))
        flipped = apart(best.motif.ppm, word)[1] == "-"
        expected = [(s.gene, s.start, "+-"[(s.strand == "-") ^ flipped]) for s in sites if s.word == word]
        assert len(expected) == 200
        assert sum(site in found for site in expected) >= 195, word


def test_our_command_and_modisco_s_own_agree(planted: tuple[Path, list[Site]], tmp_path: Path) -> None:
    program = shutil.which(
        "modisco", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if program is None:
        pytest.skip("the command modisco is not on the path")
    found = planted[0] / "found"
    arguments = [
        "motifs",
        "-s",
        found / "one_hot.npz",
        "-a",
        found / "hypothetical.npz",
        "-n",
        "20000",
        "-l",
        "2",
        "-w",
        "200",
    ]
    subprocess.run([program, *arguments, "-o", tmp_path / "own.h5"], check=True, capture_output=True)
    ours, theirs = (
        [(p.motif.id, p.seqlets, p.motif.ppm.tolist()) for p in read_modisco_patterns(path)]
        for path in (found / "modisco.h5", tmp_path / "own.h5")
    )
    assert ours == theirs


def test_too_few_windows_end_in_one_sentence(small: Path, tmp_path: Path) -> None:
    inputs = write_modisco_inputs(small / "results", tmp_path / "found", ModiscoInputOptions(width=200))
    with pytest.raises(MotifError, match="found no pattern"):
        run_modisco(inputs, ModiscoOptions(max_seqlets=200))
    assert not list(tmp_path.rglob("*.partial"))
    assert not (tmp_path / "found" / "patterns.meme").exists()


def test_its_own_failure_is_told_in_its_own_words(small: Path, tmp_path: Path) -> None:
    inputs = write_modisco_inputs(small / "results", tmp_path / "found")
    (tmp_path / "found" / "one_hot.npz").write_bytes(b"no arrays")
    with pytest.raises(MotifError, match=r"TF-MoDISco failed: .*Error.*Its inputs are whole"):
        run_modisco(inputs)
    assert sorted(p.name for p in (tmp_path / "found").iterdir()) == [
        "hypothetical.npz", "one_hot.npz", "run.json", "windows.tsv",
    ]  # fmt: skip
