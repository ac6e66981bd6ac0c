"""``decima-core annotate`` from start to end: scores of each kind to the folder that a run writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from decima_core import Registry, annotate, hits_table, open_scores, peaks_table
from decima_core.config import RunConfig

AT = {"SPI1": 90, "CD68": 150, "GATA1": 120}
FILES = ["attributions.h5", "hits.bed", "hits.tsv", "peaks.bed", "peaks.tsv", "run.json", "run.log"]
TABLES = FILES[1:5]


def table(path: str) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", comment="#")


def manifest(folder: str) -> dict:
    return json.loads(Path(folder, "run.json").read_text())


def same_tables(a: str, b: str) -> None:
    for name in TABLES:
        assert Path(a, name).read_bytes() == Path(b, name).read_bytes(), name


@pytest.fixture
def scored(run, workspace):
    """A run with genome coordinates in ``results``, one gene on the minus strand; and its scores and sequences by themselves."""
    places = [("SPI1", 1000, "+"), ("CD68", 2000, "-"), ("GATA1", 3000, "+")]
    Path("loci.bed").write_text("".join(f"chr1\t{s}\t{s + 240}\t{g}\t0\t{strand}\n" for g, s, strand in places))
    assert run("-O", "source.loci=loci.bed", "--method", "deep-lift").code == 0
    with h5py.File("results/attributions.h5") as file:
        scores = file["attribution"][:]
        codes = file["sequence"][:]
    one_hot = (codes[:, None, :] == np.arange(4)[:, None]).astype(np.int8)
    return one_hot, scores


@pytest.fixture
def named(decima):
    """``decima-core annotate`` with the folder's motifs."""

    def call(*arguments: object):
        return decima("annotate", "-O", "motifs.path=motifs.meme", "-o", "named", *arguments)

    return call


# --- the same as a run ------------------------------------------------------------------------------------------------


def test_a_runs_own_attributions_give_its_tables_again(scored, named):
    result = named("--scores", "results/attributions.h5")
    assert (result.code, result.err) == (0, "")
    assert sorted(p.name for p in Path("named").iterdir()) == FILES
    same_tables("results", "named")
    with h5py.File("results/attributions.h5") as a, h5py.File("named/attributions.h5") as b:
        assert sorted(a) == sorted(b)
        for name in a:
            np.testing.assert_array_equal(a[name][()], b[name][()])
        assert dict(a.attrs) == dict(b.attrs)


def test_smaller_layouts_hold_the_same(scored, run, named):
    places = ("-O", "source.loci=loci.bed", "--method", "deep-lift")
    one_hot, scores = scored
    for layout, dtype in (("projected", np.float32), ("float16", np.float16)):
        assert run(*places, "--attributions", layout, "-o", layout).code == 0
        same_tables("results", layout)
        assert manifest(layout)["config"]["attributions"] == layout
        with h5py.File(f"{layout}/attributions.h5") as file:
            assert "attribution" not in file
            assert file["projected"].dtype == dtype
            assert file["projected"].shape == (3, 240)
    # Nothing is lost: the tables come out of the file again, and the record repeats the run.
    assert named("--scores", "projected/attributions.h5").code == 0
    same_tables("results", "named")
    assert named("--scores", "float16/attributions.h5", "--overwrite", "--attributions", "projected").code == 0
    with h5py.File("named/attributions.h5") as file:
        found = file["projected"][:]
    np.testing.assert_allclose(found, scores.sum(1), rtol=1 / 2048, atol=1e-9)
    assert one_hot.shape == scores.shape


def test_what_a_smaller_layout_would_lose_is_refused(run):
    result = run("--model", "demo", "--method", "saliency", "--attributions", "projected")
    assert result.code == 1
    assert "gene 'SPI1' does not have" in result.err
    assert "--attributions full" in result.err
    assert not Path("results/run.json").exists()
    result = run("--attributions", "float8")
    assert result.code == 2
    assert "'full', 'projected', 'float16'" in result.err


@pytest.mark.parametrize("method", ["integrated-gradients", "saliency"])
def test_scores_off_the_sequence_are_kept_in_the_round_trip(run, named, method):
    """With a baseline that is not zero, or as gradients alone, absent bases have a share too."""
    baseline = () if method == "saliency" else ("-O", "method.baseline=uniform", "-O", "method.n_steps=4")
    assert run("--model", "demo", "--method", method, *baseline).code == 0
    result = named("--scores", "results/attributions.h5")
    assert "they were left as they are" in result.out
    same_tables("results", "named")


def test_hypothetical_scores_go_on_to_modisco(run, named, decima):
    assert run("--model", "demo", "-O", "method.hypothetical=true").code == 0
    assert named("--scores", "results/attributions.h5").code == 0
    with h5py.File("results/attributions.h5") as a, h5py.File("named/attributions.h5") as b:
        np.testing.assert_array_equal(a["hypothetical"][()], b["hypothetical"][()])
        hypothetical, codes = a["hypothetical"][()], a["sequence"][()]
    np.save("hot.npy", (codes[:, None, :] == np.arange(4)[:, None]).astype(np.int8))
    np.save("hyp.npy", hypothetical)
    assert named("--scores", "hyp.npy", "--sequences", "hot.npy", "--hypothetical", "-o", "theirs").code == 0
    told = decima("modisco", "theirs", "--windows", "genes", "-o", "inputs")
    assert told.code == 0
    assert "How these scores were made is not known" in told.err + told.out
    order = [int(name.removeprefix("window")) for name in table("inputs/windows.tsv")["gene"]]
    np.testing.assert_array_equal(np.load("inputs/hypothetical.npz")["arr_0"], hypothetical[order])
    assert decima("modisco", "theirs", "--windows", "genes", "--center", "-o", "centred").code == 0
    centred = hypothetical - hypothetical.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(np.load("centred/hypothetical.npz")["arr_0"], centred[order], atol=1e-6)


def test_hypothetical_scores_in_each_format_give_one_result(scored, named):
    one_hot, scores = scored
    hypothetical = scores + 0.01 * (1 - one_hot)
    np.savez("both.npz", one_hot=one_hot, attributions=hypothetical)
    np.savez_compressed("hot.npz", one_hot)
    np.savez_compressed("hyp.npz", hypothetical)
    np.save("hot.npy", one_hot.transpose(0, 2, 1))
    np.save("hyp.npy", hypothetical.transpose(0, 2, 1))
    with h5py.File("contribs.h5", "w") as file:
        file["raw/seq"], file["shap/seq"], file["projected_shap/seq"] = one_hot, hypothetical, scores
    regions = ("--regions", "loci.bed", "-O", "scores.orientation=region")
    for i, given in enumerate(
        [
            ("both.npz",),
            ("hyp.npz", "--sequences", "hot.npz"),
            ("hyp.npy", "--sequences", "hot.npy", "--hypothetical"),
            ("contribs.h5",),
        ]
    ):
        result = named("--scores", *given, *regions, "-o", f"out{i}")
        assert (result.code, result.err) == (0, "")
        assert "hypothetical, and projected" in result.out
        for name in ("hits.tsv", "peaks.tsv"):
            ours, runs = table(f"out{i}/{name}"), table(f"results/{name}")
            # There is no gene in them, so no TSS.
            assert ours["from_tss"].isna().all()
            pd.testing.assert_frame_equal(ours.drop(columns="from_tss"), runs.drop(columns="from_tss"))
        assert manifest(f"out{i}")["scores"]["projected"] is True
        assert manifest(f"out{i}")["scores"]["hypothetical"] == 3


def test_a_bigwig_gives_the_same_places(scored, named):
    pyBigWig = pytest.importorskip("pyBigWig", reason="BigWig needs pyBigWig: pip install 'decima-core[scores]'")
    _, scores = scored
    track, letters = np.zeros(4000), np.full(4000, "A")
    with h5py.File("results/attributions.h5") as file:
        for i, (start, strand) in enumerate(zip(file["start"][:], file["strand"].asstr()[:], strict=True)):
            codes, values = file["sequence"][i], scores[i].sum(0)
            if strand == "-":
                codes, values = 3 - codes[::-1], values[::-1]
            track[start : start + 240], letters[start : start + 240] = values, np.array(list("ACGT"))[codes]
    Path("genome.fa").write_text(">chr1\n" + "".join(letters) + "\n")
    with pyBigWig.open("scores.bw", "w") as file:
        file.addHeader([("chr1", 4000)])
        file.addEntries("chr1", 0, values=track, span=1, step=1)
    result = named("--scores", "scores.bw", "--sequences", "genome.fa", "--regions", "loci.bed")
    assert (result.code, result.err) == (0, "")
    ours, runs = table("named/hits.tsv"), table("results/hits.tsv")
    places = ["gene", "motif_id", "start", "end", "strand", "chrom", "genome_start", "genome_end", "genome_strand"]
    pd.testing.assert_frame_equal(ours[places], runs[places])
    source = ("--source", "genes.h5", "-O", "source.loci=loci.bed")
    assert named("--scores", "scores.bw", *source, "-o", "genes").code == 0
    pd.testing.assert_frame_equal(table("genes/hits.tsv")[[*places, "from_tss"]], runs[[*places, "from_tss"]])


# --- choosing, repeating, printing ------------------------------------------------------------------------------------


def test_it_is_repeated_from_its_record(scored, named, decima):
    assert named("--scores", "results/attributions.h5", "--genes", "CD68,SPI1", "-O", "peaks.number=2").code == 0
    assert decima("annotate", "named/run.json", "-o", "again").code == 0
    same_tables("named", "again")
    record = manifest("named")
    assert record["genes"] == ["CD68", "SPI1"]
    assert record["counts"]["genes"] == 2
    assert set(record["providers"]) == {"peaks", "motifs"}
    assert [Path(e["path"]).name for e in record["inputs"]] == ["attributions.h5", "motifs.meme"]
    assert "device" not in record
    assert "target" not in record["config"]
    assert {"setup", "read", "peaks", "motifs", "write", "total"} == set(record["seconds"])


def test_a_toml_file(scored, named, decima):
    Path("named.toml").write_text(
        'output = "from-file"\n[scores]\npath = "results/attributions.h5"\ntarget = "what I say"\n'
        '[motifs]\npath = "motifs.meme"\n'
    )
    assert decima("annotate", "named.toml").code == 0
    assert Path("from-file/hits.tsv").read_text().splitlines()[2] == "# target: what I say"
    assert manifest("from-file")["target"] == "what I say"


def test_what_is_printed(scored, named):
    result = named("--scores", "results/attributions.h5")
    lines = result.out.splitlines()
    assert lines[0] == "3 windows of attributions.h5"
    assert [line.split(":")[0] for line in lines[1:4]] == list(AT)
    assert lines[4] == "The scores lie on the bases of the sequences alone: projected."
    assert lines[5].startswith("3 windows, 3 peaks, 3 motif hits in ")
    assert len(lines) == 6
    quiet = named("--scores", "results/attributions.h5", "--quiet", "--overwrite")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_python_gives_what_the_command_writes(scored, named):
    one_hot, scores = scored
    np.savez("both.npz", one_hot=one_hot, attributions=scores)
    assert named("--scores", "both.npz", "--regions", "loci.bed", "-O", "scores.orientation=region").code == 0
    make = Registry.discover().create
    caller, scanner = make("peaks", "scipy"), make("motifs", "jaspar", path="motifs.meme")
    with open_scores("both.npz", regions="loci.bed", orientation="region") as reader:
        results = list(annotate(reader, caller, scanner))
        (one,) = annotate(reader, caller, scanner, genes="CD68")
    assert [r.record.gene for r in results] == list(AT)
    for name, make_table in (("peaks.tsv", peaks_table), ("hits.tsv", hits_table)):
        text = pd.concat([make_table(r) for r in results]).to_csv(sep="\t", index=False, float_format="%.9g")
        written = [line for line in Path("named", name).read_text().splitlines() if not line.startswith("#")]
        assert text.splitlines() == written
    assert one.seconds.keys() == {"read", "peaks", "motifs"}


def test_a_real_process(scored, workspace):
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("decima-core"), "annotate", "--scores", "results/attributions.h5"),
            *("-O", "motifs.path=motifs.meme", "-o", "named"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert manifest("named")["command"][:2] == ["decima-core", "annotate"]
    same_tables("results", "named")


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No scores were given; use --scores FILE"),
        (("motifs.meme",), "is no description of a run (.toml, or a run.json); give scores with --scores FILE"),
        (("--scores", "gone.npz"), "gone.npz' does not exist"),
        (("--scores", "motifs.meme"), "none of the kinds that can be read"),
        (("--scores", "genes.h5"), "holds no scores that are known: it has genes, masks"),
        (("--scores", "results/attributions.h5", "--genes", "SPI"), "no window 'SPI' in '"),
        (("--scores", "results/attributions.h5", "--split", "test"), "Scores have no splits; leave out --split"),
        (("--scores", "results/attributions.h5", "--source", "genes.h5"), "so a source has no use"),
        (("--scores", "results/attributions.h5", "--hypothetical"), "so they are not hypothetical"),
        (("--scores", "x.npz", "--hypothetical", "--projected"), "give one of them"),
        (("--scores", "x.npz", "-O", "method.n_steps=3"), "There is no stage 'method' in annotate"),
        (("--scores", "x.npz", "-O", "scores.vlaues=as-is"), "Did you mean values?"),
        (("--scores", "x.npz", "-O", "scores.values=both"), "must be one of auto, hypothetical, projected, as-is"),
        (("--scores", "results/attributions.h5", "-o", "results"), "already holds a finished run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_errors_are_one_line_and_leave_nothing(scored, named, arguments, words):
    result = named(*arguments)
    assert result.code == 1
    assert result.err.startswith("decima-core: error: ")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not Path("named").exists()


def test_a_window_that_fails_leaves_the_others(scored, named):
    one_hot, scores = scored
    scores[1, 0, 5] = np.nan
    np.savez("both.npz", one_hot=one_hot, attributions=scores)
    result = named("--scores", "both.npz")
    assert (result.code, result.err) == (3, "")
    failures = pd.read_csv("named/failures.tsv", sep="\t", comment="#")
    assert list(failures["gene"]) == ["window1"]
    assert list(failures["stage"]) == ["read"]
    assert json.loads(Path("named/run.json").read_text())["scores"]["windows"] == 2
    assert set(pd.read_csv("named/hits.tsv", sep="\t", comment="#")["gene"]) == {"window0", "window2"}


def test_a_window_that_fails_late_leaves_nothing_that_looks_finished(scored, named):
    one_hot, scores = scored
    scores[2, 0, 5] = np.nan
    np.savez("both.npz", one_hot=one_hot, attributions=scores)
    result = named("--scores", "both.npz", "--fail-fast")
    assert result.code == 1
    assert "window2" in result.err
    assert [path.name for path in Path("named").iterdir()] == ["unfinished"]


def test_a_run_description_with_scores_alone_needs_no_model():
    config = RunConfig.from_mapping({"scores": {"path": "x.npz"}})
    assert set(config.plan(Registry.discover(), ("peaks", "motifs")).stages) == {"peaks", "motifs"}


# --- BigWig out -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bigwig():
    return pytest.importorskip("pyBigWig", reason="BigWig needs pyBigWig: pip install 'decima-core[scores]'")


def test_a_run_writes_its_attribution_as_bigwig(scored, run, named, bigwig):
    places = ("-O", "source.loci=loci.bed")
    assert run(*places, "--method", "deep-lift", "--bigwig", "-o", "wig").code == 0
    assert sorted(p.name for p in Path("wig").iterdir()) == ["attributions.bw", *FILES]
    same_tables("results", "wig")
    _, scores = scored
    with bigwig.open("wig/attributions.bw") as file:
        assert file.chroms() == {"chr1": 3240}  # a gene file knows no lengths: as long as the windows reach
        for i, (start, step) in enumerate(((1000, 1), (2000, -1), (3000, 1))):
            np.testing.assert_array_equal(file.values("chr1", start, start + 240), scores[i].sum(0)[::step])
        assert np.isnan(file.values("chr1", 1240, 2000)).all()
    # And back again.
    assert named("--scores", "wig/attributions.bw", "--source", "genes.h5", *places, "-O", "scores.target=x").code == 0
    for name in ("peaks.tsv", "hits.tsv"):
        pd.testing.assert_frame_equal(table(f"named/{name}"), table(f"results/{name}"))
    assert run("--bigwig", *places, "--overwrite", "-o", "wig").code == 0
    assert manifest("wig")["config"]["bigwig"] is True
    assert run("--overwrite", "-o", "wig").code == 0
    assert not Path("wig/attributions.bw").exists()


def test_where_windows_overlap_a_bigwig_has_their_mean(scored, named, bigwig):
    one_hot, _ = scored
    scores = np.zeros(one_hot.shape, np.float32)
    scores[0], scores[1], scores[2] = 1, 4, 10
    np.savez("both.npz", one_hot=one_hot, attributions=scores)
    # In any order; the third begins before its contig.
    Path("places.bed").write_text("chr2\t1100\t1340\tb\nchr2\t1000\t1240\ta\nchr10\t0\t1\tc\n")
    assert named("--scores", "both.npz", "--regions", "places.bed", "--bigwig").code == 0
    with bigwig.open("named/attributions.bw") as file:
        assert file.chroms() == {"chr10": 120, "chr2": 1340}
        assert set(file.values("chr2", 1000, 1100)) == {4}
        assert set(file.values("chr2", 1100, 1240)) == {2.5}
        assert set(file.values("chr2", 1240, 1340)) == {1}
        assert set(file.values("chr10", 0, 120)) == {10}


def test_a_bigwig_needs_places(run, workspace, bigwig):
    result = run("--bigwig")
    assert result.code == 1
    assert (
        "The place of 'SPI1' on the genome is not known, so it cannot be in a BigWig; leave out --bigwig" in result.err
    )
    assert not Path("results").exists()


def test_a_bigwig_needs_the_library(run, workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyBigWig", None)
    result = run("--bigwig")
    assert result.code == 1
    assert "pip install 'decima-core[scores]'" in result.err
    assert not Path("results").exists()


def test_targets_of_a_file_that_runs_read_too_are_left_aside(scored, named, decima):
    Path("shared.toml").write_text('[targets.one]\ntasks = ["0"]\n[targets.two]\ntasks = ["1"]\n')
    Path("named/one").mkdir(parents=True)
    Path("named/one/run.json").write_text("{}")  # of some other run, which is none of this one's business
    result = named("shared.toml", "--scores", "results/attributions.h5")
    assert (result.code, result.err) == (0, "")
    assert "targets" not in manifest("named")["config"]
    assert decima("annotate", "named/run.json", "-o", "again").code == 0
    same_tables("named", "again")
