"""What is written for TF-MoDISco: arrays, their table, and the scores they hold."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from support import ROOT

from decima_core import (
    ConfigError,
    DataError,
    ModiscoInputOptions,
    ModiscoOptions,
    OptionError,
    OutputError,
    write_modisco_inputs,
)
from decima_core.modisco.inputs import columns
from decima_core.sequence import one_hot


def arrays(folder: Path) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    read = [np.load(folder / name)["arr_0"] for name in ("one_hot.npz", "hypothetical.npz")]
    return read[0], read[1], pd.read_csv(folder / "windows.tsv", sep="\t", comment="#")


def stored(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with h5py.File(folder / "attributions.h5") as file:
        return file["sequence"][:], file["attribution"][:], file["hypothetical"][:]


def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_windows_hold_the_run_s_bases_and_its_centred_scores(small: Path, tmp_path: Path) -> None:
    summary = write_modisco_inputs(small / "results", tmp_path / "out", ModiscoInputOptions(width=200))
    bases, scores, table = arrays(tmp_path / "out")
    codes, _, raw = stored(small / "results")
    assert (summary.scores, summary.centered, summary.warnings) == ("hypothetical", True, ())
    assert bases.shape == scores.shape == (summary.windows, 4, 200) == (len(table), 4, 200)
    assert bases.dtype == scores.dtype == np.float32
    assert list(table.columns) == columns()
    assert table.window.tolist() == list(range(len(table)))
    for row in table.itertuples():
        gene = int(row.gene[1:])
        inside = slice(max(row.start, 0), min(row.end, 600))
        assert row.start == row.peak - 100
        assert np.array_equal(
            bases[row.window][:, inside.start - row.start : inside.stop - row.start], one_hot(codes[gene])[:, inside]
        )
        scored = slice(row.scored_start - row.start, row.scored_end - row.start)
        centred = raw[gene] - raw[gene].mean(0)
        np.testing.assert_allclose(
            scores[row.window][:, scored], centred[:, row.scored_start : row.scored_end], atol=1e-6
        )
        outside = np.ones(200, dtype=bool)
        outside[scored] = False
        assert not scores[row.window][:, outside].any()


def test_windows_lie_on_the_genome_as_their_genes_do(small: Path, tmp_path: Path) -> None:
    write_modisco_inputs(small / "results", tmp_path / "out", ModiscoInputOptions(width=200))
    table = arrays(tmp_path / "out")[2]
    assert set(table.genome_strand) == {"+", "-"}
    for row in table.itertuples():
        begin = 1000 * int(row.gene[1:])
        expected = (
            (begin + row.start, begin + row.end)
            if row.genome_strand == "+"
            else (begin + 600 - row.end, begin + 600 - row.start)
        )
        assert (row.chrom, row.genome_start, row.genome_end) == ("chr1", *expected)


def test_centring_takes_away_what_no_sequence_can_show(small: Path, tmp_path: Path) -> None:
    from planted_motifs import TwoMotifs

    model = TwoMotifs()
    folders = {}
    for center in (True, False):
        write_modisco_inputs(
            small / "results", tmp_path / str(center), ModiscoInputOptions(windows="genes", center=center)
        )
        folders[center] = arrays(tmp_path / str(center))[1]
    assert np.abs(folders[True].mean(1)).max() < 1e-6
    difference = folders[False] - folders[True]
    assert np.ptp(difference, axis=1).max() < 1e-6, "the four bases of a position lose the same"
    # Where no site was planted, that mean is the model's term that is the same for every sequence.
    free = np.ones(600, dtype=bool)
    for start in range(60, 540, 45):
        free[start : start + 9] = False
    as_planted = np.abs(difference[:, 0] - model.unseen[0].numpy())[:, free] < 1e-5
    assert as_planted.mean() > 0.95


def test_whole_windows_come_in_the_order_of_the_seed(small: Path, tmp_path: Path) -> None:
    tables = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 5)):
        summary = write_modisco_inputs(
            small / "results", tmp_path / name, ModiscoInputOptions(windows="genes", seed=seed)
        )
        assert (summary.windows, summary.genes, summary.width) == (4, 4, 600)
        bases, _, tables[name] = arrays(tmp_path / name)
        codes = stored(small / "results")[0]
        for row in tables[name].itertuples():
            assert np.array_equal(bases[row.window], one_hot(codes[int(row.gene[1:])]))
    assert tables["a"].equals(tables["b"])
    assert sorted(tables["c"].gene) == sorted(tables["a"].gene)
    assert tables["c"].gene.tolist() != tables["a"].gene.tolist()
    for name in ("one_hot.npz", "hypothetical.npz", "windows.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_projected_scores_are_refused_unless_they_are_asked_for(small: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs hypothetical scores.*'input-x-gradient'.*method.hypothetical=true"):
        write_modisco_inputs(small / "plain", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    asked = ModiscoInputOptions(windows="genes", scores="projected")
    summary = write_modisco_inputs(small / "plain", tmp_path / "out", asked)
    assert not summary.centered
    assert "for the base that is there alone" in summary.warnings[0]
    bases, scores, table = arrays(tmp_path / "out")
    values = stored(small / "results")[1]
    for row in table.itertuples():
        np.testing.assert_allclose(scores[row.window], values[int(row.gene[1:])], atol=1e-6)
        np.testing.assert_allclose(scores[row.window] * bases[row.window], scores[row.window], atol=1e-6)
    with pytest.raises(ConfigError, match="Projected scores have no mean"):
        write_modisco_inputs(small / "plain", tmp_path / "no", ModiscoInputOptions(scores="projected", center=True))


def test_a_file_from_elsewhere_counts_as_what_it_is_said_to_be(small: Path, tmp_path: Path) -> None:
    codes, _, raw = stored(small / "results")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["genes"] = [b"G0", b"G1", b"G2", b"G3"]
        file["attribution"], file["sequence"] = raw, codes
    with pytest.raises(ConfigError, match="are not known to be such"):
        write_modisco_inputs(tmp_path / "other.h5", tmp_path / "out", ModiscoInputOptions(windows="genes"))
    asked = ModiscoInputOptions(windows="genes", scores="hypothetical")
    summary = write_modisco_inputs(tmp_path / "other.h5", tmp_path / "raw", asked)
    assert not summary.centered
    assert any("How these scores were made is not known" in sentence for sentence in summary.warnings)
    asked = ModiscoInputOptions(windows="genes", scores="hypothetical", center=True)
    write_modisco_inputs(tmp_path / "other.h5", tmp_path / "out", asked)
    write_modisco_inputs(small / "results", tmp_path / "own", ModiscoInputOptions(windows="genes"))
    assert np.array_equal(arrays(tmp_path / "out")[1], arrays(tmp_path / "own")[1])


@pytest.mark.parametrize(("baseline", "centred"), [("zeros", True), ("shuffle", False)])
def test_comparisons_with_sequences_are_left_as_they_are(
    small: Path, tmp_path: Path, baseline: str, centred: bool
) -> None:
    folder = copied(small / "results", tmp_path)
    record = json.loads((folder / "run.json").read_text())
    record["providers"]["method"]["options"]["baseline"] = baseline
    (folder / "run.json").write_text(json.dumps(record))
    assert write_modisco_inputs(folder, tmp_path / "out").centered is centred


def test_saliency_is_hypothetical_unless_it_is_absolute(small: Path, tmp_path: Path) -> None:
    folder = copied(small / "results", tmp_path)
    with h5py.File(folder / "attributions.h5", "r+") as file:
        file.attrs["run"] = json.dumps({"method": "saliency"})
        del file["attribution"]
        file.move("hypothetical", "attribution")
    summary = write_modisco_inputs(folder, tmp_path / "out")
    assert summary.scores == "attribution"
    assert "summed over the four bases" in summary.warnings[0]
    record = json.loads((folder / "run.json").read_text())
    record["providers"]["method"]["options"]["absolute"] = True
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="by 'saliency'"):
        write_modisco_inputs(folder, tmp_path / "again")


def test_n_has_neither_base_nor_score(small: Path, tmp_path: Path) -> None:
    folder = copied(small / "results", tmp_path)
    with h5py.File(folder / "attributions.h5", "r+") as file:
        file["sequence"][:, 200:210] = 4
    write_modisco_inputs(folder, tmp_path / "out", ModiscoInputOptions(windows="genes"))
    bases, scores, _ = arrays(tmp_path / "out")
    assert not bases[:, :, 200:210].any()
    assert not scores[:, :, 200:210].any()


def test_the_record_says_how_the_inputs_were_made(small: Path, tmp_path: Path) -> None:
    summary = write_modisco_inputs(small / "results", tmp_path / "out", ModiscoInputOptions(width=200))
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["modisco_inputs"]["width"] == 200
    assert record["modisco_inputs"]["centered"] is True
    assert [Path(file["path"]).name for file in record["inputs"]] == ["attributions.h5", "peaks.tsv"]
    assert all(len(file["sha256"]) == 64 for file in record["inputs"])
    out = tmp_path / "out"
    assert summary.command(ModiscoOptions(max_seqlets=500)) == (
        f"modisco motifs -s {out}/one_hot.npz -a {out}/hypothetical.npz -n 500 -l 2 -w 200 -o {out}/modisco.h5"
    )


# --- what goes wrong --------------------------------------------------------------------------------------------------


def change_lengths(file: h5py.File) -> None:
    cut = file["sequence"][:, :500]
    del file["sequence"]
    file["sequence"] = cut


def change_scores(file: h5py.File) -> None:
    file["hypothetical"][1, 2, 300] = np.nan


def remove_scores(file: h5py.File) -> None:
    file["hypothetical"][:] = 0


def remove_bases(file: h5py.File) -> None:
    del file["sequence"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_lengths, r"'attribution' of '.*' has shape \(4, 4, 600\), not \(4, 4, 500\)"),
        (change_scores, "scores of gene 'G1' in '.*' hold NaN"),
        (remove_scores, "Every contribution in the windows of '.*' is zero"),
        (remove_bases, "has no dataset 'sequence'"),
    ],
)
def test_damaged_attributions_are_named(small: Path, tmp_path: Path, change: object, message: str) -> None:
    folder = copied(small / "results", tmp_path)
    with h5py.File(folder / "attributions.h5", "r+") as file:
        change(file)
    with pytest.raises(DataError, match=message):
        write_modisco_inputs(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\tpeak\theight\n", "There is no peak in '.*' for any of the 4 genes"),
        ("gene\tpeak\theight\nother\t5\t1.0\n", "There is no peak in"),
        ("gene\tposition\theight\n", "has no column 'peak'"),
        ("gene\tpeak\theight\nG0\tx\t1.0\n", "has position 'x' and height '1.0'"),
        ("gene\tpeak\theight\nG0\t600\t1.0\n", "lies at 600, outside its window of 600 bases"),
        (None, "cannot be read"),
    ],
)
def test_peaks_that_do_not_fit_are_named(small: Path, tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "peaks.tsv").write_text(f"# decima_core: 0\n{text}")
    with pytest.raises(DataError, match=message):
        write_modisco_inputs(small / "results", tmp_path / "out", peaks=tmp_path / "peaks.tsv")
    assert not (tmp_path / "out").exists()


def test_outputs_are_never_mixed_up(small: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There are no attributions"):
        write_modisco_inputs(tmp_path, tmp_path / "out")
    (tmp_path / "attributions.h5").write_text("no")
    with pytest.raises(DataError, match=r"attributions.h5' cannot be read"):
        write_modisco_inputs(tmp_path, tmp_path / "out")
    folder = copied(small / "results", tmp_path)
    with pytest.raises(ConfigError, match="is the run's own folder"):
        write_modisco_inputs(folder, folder, overwrite=True)
    write_modisco_inputs(folder, tmp_path / "out")
    with pytest.raises(OutputError, match="already holds a finished run"):
        write_modisco_inputs(folder, tmp_path / "out")
    (tmp_path / "out" / "modisco.h5").write_text("of the former inputs")
    write_modisco_inputs(folder, tmp_path / "out", overwrite=True)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "hypothetical.npz",
        "one_hot.npz",
        "run.json",
        "windows.tsv",
    ]


def test_short_genes_and_odd_widths_are_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="must be even, not 301"):
        ModiscoInputOptions(width=301)
    folder = copied(small / "results", tmp_path)
    with h5py.File(folder / "attributions.h5", "r+") as file:
        for name in ("sequence", "attribution", "hypothetical"):
            cut = file[name][..., :90]
            del file[name]
            file[name] = cut
    with pytest.raises(DataError, match="have 90 bases; TF-MoDISco needs at least 100"):
        write_modisco_inputs(folder, tmp_path / "out", ModiscoInputOptions(windows="genes"))


def test_the_page_on_formats_lists_the_columns() -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").partition("### windows.tsv")[2]
    assert re.findall(r"^\| `(\w+)` \|", text.partition("\n## ")[0], re.M) == columns()
