"""``decima-core run`` from start to end: what is asked for, by flag or file, is what comes out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from support import random_codes, word_ppm, write_gene_file, write_meme

import decima_core
from decima_core.config import RunConfig
from decima_core.runner import run as run_config
from decima_core.sequence import encode, reverse_complement

AT = {"SPI1": 90, "CD68": 150, "GATA1": 120}
PEAK_COLUMNS = ["gene", "peak", "start", "end", "height", "from_tss", "sign", "chrom", "genome_start", "genome_end"]
PEAK_COLUMNS += ["best_motif_id", "best_motif_name"]
HIT_COLUMNS = [
    "gene",
    "motif_id",
    "motif_name",
    "start",
    "end",
    "strand",
    "score",
    "p_value",
    "q_value",
    "matched_seq",
    "site_attr_score",
    "motif_attr_score",
    "peak",
    "from_tss",
    "chrom",
    "genome_start",
    "genome_end",
    "genome_strand",
]
METHODS = [
    "input-x-gradient",
    "saliency",
    "integrated-gradients",
    "deep-lift",
    "gradient-shap",
    "feature-ablation",
    "inputxgradient",
]
FILES = ["attributions.h5", "hits.bed", "hits.tsv", "peaks.bed", "peaks.tsv", "run.json", "run.log"]


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", comment="#")


def bed(path: Path) -> pd.DataFrame:
    lines = path.read_text().splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("#chrom"))
    rows = [line.split("\t") for line in lines[header + 1 :]]
    frame = pd.DataFrame(rows, columns=lines[header][1:].split("\t"))
    return frame.astype({"start": int, "end": int, "score": int})


def manifest(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def genes_of(folder: Path) -> list[str]:
    return manifest(folder)["genes"]


def prediction(folder: Path) -> np.ndarray:
    with h5py.File(folder / "attributions.h5") as file:
        return file["prediction"][:]


# --- what is written --------------------------------------------------------------------------------------------------


def test_a_run_finds_the_planted_word(run, workspace):
    result = run()
    assert (result.code, result.err) == (0, "")
    assert sorted(p.name for p in Path("results").iterdir()) == FILES
    hits = table(workspace / "results/hits.tsv")
    assert dict(zip(hits["gene"], hits["start"], strict=True)) == AT
    assert set(hits["motif_id"]) == {"M1"}
    assert set(hits["matched_seq"]) == {"GATAAGC"}
    assert list(hits["from_tss"]) == [at - 100 for at in AT.values()]
    peaks = table(workspace / "results/peaks.tsv")
    assert list(peaks["gene"]) == list(AT)
    assert (peaks["start"] <= peaks["peak"]).all()
    assert (peaks["peak"] < peaks["end"]).all()
    assert list(peaks["peak"] - peaks["from_tss"]) == [100] * 3


def test_tables_keep_their_columns(run, workspace):
    run()
    assert list(table(workspace / "results/peaks.tsv")) == PEAK_COLUMNS
    assert list(table(workspace / "results/hits.tsv")) == HIT_COLUMNS
    head = (workspace / "results/hits.tsv").read_text().splitlines()[:5]
    assert [line.split(":")[0] for line in head] == ["# decima_core", "# model", "# target", "# method", "# intervals"]


def test_attributions_have_the_layout_that_decima_reads(run, workspace):
    run()
    with h5py.File(workspace / "results/attributions.h5") as file, h5py.File(workspace / "genes.h5") as source:
        assert [g.decode() for g in file["genes"][:]] == list(AT)
        assert list(file["genes"][:].astype("U100")) == list(AT)
        assert file["gene_mask_start"][:].tolist() == [100] * 3
        assert file["gene_mask_end"][:].tolist() == [140] * 3
        assert file["attribution"].shape == (3, 4, 240)
        assert file["attribution"].dtype == np.float32
        assert file["sequence"].dtype == np.int8
        np.testing.assert_array_equal(file["sequence"][:], source["sequences"][:])
        assert file.attrs["model_name"] == "support:MotifDetector"
        assert file.attrs["genome"] == "unknown"
        assert json.loads(file.attrs["run"])["method"] == "input-x-gradient"
        # Input x gradient lies on the observed bases alone.
        absent = file["attribution"][0][np.arange(4)[:, None] != file["sequence"][0][None]]
        assert not absent.any()
        assert file["attribution"][0].any()


def test_bed_without_loci_names_the_gene_as_chromosome(run, workspace):
    run()
    hits = bed(workspace / "results/hits.bed")
    assert dict(zip(hits["chrom"], hits["start"], strict=True)) == AT
    assert (hits["end"] - hits["start"] == 7).all()
    assert list(hits["strand"]) == ["+"] * 3
    peaks = bed(workspace / "results/peaks.bed")
    assert list(peaks["chrom"]) == list(AT)
    assert list(peaks["name"]) == [f"{g}@{p:+d}" for g, p in zip(AT, (-8, 52, 22), strict=True)]
    assert peaks["score"].between(0, 1000).all()


def test_a_gene_and_its_reverse_complement_give_the_same_places_on_the_genome(run, workspace):
    length, start = 200, 1_000
    plus = random_codes(5, 1, length)[0]
    plus[60:67] = encode("GATAAGC")
    plus[173:180] = encode("GCTTATC")  # reads GATAAGC at 20 of the other strand
    minus = reverse_complement(plus)
    write_gene_file(workspace / "both.h5", np.stack([plus, minus]), names=["PLUS", "MINUS"], mask=slice(100, 120))
    Path("loci.bed").write_text(
        f"chr1\t{start}\t{start + length}\tPLUS\t0\t+\nchr1\t{start}\t{start + length}\tMINUS\t0\t-\n"
    )
    result = run(
        *("--source", "both.h5", "-O", "source.loci=loci.bed", "-O", "motifs.region=window"),
        *("--method", "saliency", "-O", "peaks.sign=both"),
    )
    assert result.code == 0, result.err
    rows = bed(workspace / "results/hits.bed")
    places = {
        gene: {tuple(r) for r in rows.loc[rows["gene"] == gene, ["chrom", "start", "end", "strand", "motif_id"]].values}
        for gene in ("PLUS", "MINUS")
    }
    assert places["PLUS"] == places["MINUS"]
    assert ("chr1", start + 60, start + 67, "+", "M1") in places["PLUS"]
    assert ("chr1", start + 173, start + 180, "-", "M1") in places["PLUS"]
    hits = table(workspace / "results/hits.tsv")
    on_minus = hits[hits["gene"] == "MINUS"]
    assert list(on_minus["genome_start"]) == [start + length - end for end in on_minus["end"]]
    assert {a + b for a, b in zip(on_minus["strand"], on_minus["genome_strand"], strict=True)} == {"+-", "-+"}
    peaks = table(workspace / "results/peaks.tsv")
    assert set(peaks["chrom"]) == {"chr1"}
    expected = np.where(peaks["gene"] == "PLUS", start + peaks["start"], start + length - peaks["end"])
    assert list(peaks["genome_start"]) == list(expected)
    with h5py.File(workspace / "results/attributions.h5") as file:
        assert [s.decode() for s in file["strand"][:]] == ["+", "-"]
        assert file["start"][:].tolist() == [start, start]


def test_no_peaks_and_no_hits_leave_empty_tables_with_their_columns(run, workspace):
    result = run("-O", "peaks.height=1000")
    assert (result.code, result.err) == (0, "")
    assert "0 peaks, 0 motif hits" in result.out
    assert "No peak stands out in any gene" in result.out
    for name, columns in (("peaks", PEAK_COLUMNS), ("hits", HIT_COLUMNS)):
        rows = table(workspace / f"results/{name}.tsv")
        assert list(rows) == columns
        assert rows.empty
        assert bed(workspace / f"results/{name}.bed").empty
    run("-O", "motifs.names=M2", "--overwrite")
    assert not table(workspace / "results/peaks.tsv").empty
    assert list(table(workspace / "results/hits.tsv")) == HIT_COLUMNS


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), ["SPI1", "CD68", "GATA1"]),
        (("--genes", "GATA1,SPI1"), ["GATA1", "SPI1"]),
        (("--genes", "GATA1", "--genes", "CD68", "--genes", "GATA1"), ["GATA1", "CD68"]),
        (("--genes", "@list.txt"), ["CD68", "GATA1"]),
        (("--genes", "SPI1,@list.txt"), ["SPI1", "CD68", "GATA1"]),
        (("--split", "train"), ["GATA1"]),
    ],
)
def test_genes(run, workspace, flags, expected):
    Path("list.txt").write_text("CD68\n\n GATA1 \n")
    assert run(*flags).code == 0
    assert genes_of(workspace / "results") == expected


def test_one_choice_of_genes_replaces_the_other_and_two_are_refused(run, workspace):
    both = run("--split", "train", "--genes", "CD68")
    assert both.code == 1
    assert "Both genes and the split 'train' were given" in both.err
    Path("run.toml").write_text('genes = ["SPI1"]\n')
    assert run("run.toml", "--split", "train").code == 0
    assert genes_of(workspace / "results") == ["GATA1"]


def test_tasks_by_name_and_by_number_are_the_same(run, workspace):
    names = ("-O", "model.tasks=blood,skin")
    predictions = []
    for n, tasks in enumerate((("0",), ("blood",), ("-2",), ("0", "--off-tasks", "skin"))):
        assert run(*names, "--tasks", *tasks, "-o", f"r{n}").code == 0
        predictions.append(prediction(workspace / f"r{n}"))
    for other in predictions[1:]:
        np.testing.assert_array_equal(predictions[0], other)
    assert run(*names, "--tasks", "skin", "-o", "flipped").code == 0
    np.testing.assert_array_equal(prediction(workspace / "flipped"), -predictions[0])


def test_the_gene_files_task_names_serve_a_model_that_has_none(run, workspace):
    Path("three.py").write_text(
        "import torch\nfrom support import MotifDetector\n"
        "class Three(MotifDetector):\n"
        "    def forward(self, x):\n"
        "        y = super().forward(x)\n"
        "        return torch.cat([y, y[:, 1:]], dim=1)\n"
    )
    model = ("--model", "three.py:Three")
    assert run(*model, "--tasks", "a", "-o", "named").code == 0
    assert run(*model, "--tasks", "0", "-o", "numbered").code == 0
    np.testing.assert_array_equal(prediction(workspace / "named"), prediction(workspace / "numbered"))


def test_aggregate_looks_at_the_tasks_alone(run, workspace):
    assert run("--transform", "aggregate", "-O", "target.over_tasks=max", "--tasks", "0,1").code == 0
    assert manifest(workspace / "results")["config"]["target"]["transform"] == "aggregate"
    # The word matches once, and more weakly nowhere: one unit a gene.
    np.testing.assert_allclose(prediction(workspace / "results"), 1)


@pytest.mark.parametrize("method", METHODS)
def test_every_bundled_method_by_name(run, workspace, method):
    fast = {"integrated-gradients": "n_steps=4", "gradient-shap": "n_samples=2"}
    option = ("-O", f"method.{fast[method]}") if method in fast else ()
    result = run("--method", method, "--genes", "SPI1", *option)
    assert result.code == 0, result.err
    peaks = table(workspace / "results/peaks.tsv")
    assert peaks["peak"].between(90, 96).any()
    used = manifest(workspace / "results")["providers"]["method"]
    assert used["provider"] == {"inputxgradient": "input-x-gradient"}.get(method, method)


def test_options_of_each_stage_arrive(run, workspace):
    result = run(
        *("--peaks", "scipy", "-O", "peaks.number=1", "-O", "peaks.flank=3", "--motifs", "jaspar"),
        *("-O", "motifs.region=window", "-O", "motifs.p_threshold=5e-3", "-O", "model.name=my model"),
    )
    assert result.code == 0, result.err
    peaks = table(workspace / "results/peaks.tsv")
    assert list(peaks.groupby("gene").size()) == [1, 1, 1]
    assert (peaks["end"] - peaks["start"] == 7).all()
    assert len(table(workspace / "results/hits.tsv")) > 3
    used = manifest(workspace / "results")["providers"]
    assert used["peaks"]["options"]["number"] == 1
    assert used["motifs"]["options"]["p_threshold"] == 5e-3
    assert manifest(workspace / "results")["model"]["name"] == "my model"


def test_a_shorter_window(run, workspace):
    assert run("--seq-len", "120").code == 0
    with h5py.File(workspace / "results/attributions.h5") as file:
        assert file["attribution"].shape == (3, 4, 120)
        assert file["gene_mask_start"][0] == 40
    hits = table(workspace / "results/hits.tsv")
    assert dict(zip(hits["gene"], hits["start"], strict=True)) == {gene: at - 60 for gene, at in AT.items()}
    assert list(hits["from_tss"]) == [at - 100 for at in AT.values()]


TOML = """
genes = ["SPI1"]
device = "cpu"
output = "from-file"
[source]
path = "genes.h5"
[model]
path = "support:MotifDetector"
arguments = { word = "GATAAGC" }
[target]
tasks = [0]
[method]
provider = "integrated-gradients"
n_steps = 4
[peaks]
number = 3
[motifs]
provider = "jaspar"
path = "motifs.meme"
"""


def test_a_toml_file(decima, workspace):
    Path("run.toml").write_text(TOML)
    result = decima("run", "run.toml")
    assert (result.code, result.err) == (0, "")
    content = manifest(workspace / "from-file")
    assert content["genes"] == ["SPI1"]
    assert content["providers"]["method"]["options"]["n_steps"] == 4
    assert content["providers"]["model"]["options"]["arguments"] == {"word": "GATAAGC"}


def test_flags_win_over_the_toml_file(decima, workspace):
    Path("run.toml").write_text(TOML)
    flags = ("--genes", "CD68,GATA1", "-o", "by-flag", "--method", "saliency", "-O", "peaks.number=1", "--seed", "5")
    assert decima("run", "run.toml", *flags).code == 0
    assert not Path("from-file").exists()
    content = manifest(workspace / "by-flag")
    assert content["genes"] == ["CD68", "GATA1"]
    assert content["providers"]["method"]["provider"] == "saliency"
    assert "n_steps" not in content["providers"]["method"]["options"]
    assert content["providers"]["peaks"]["options"]["number"] == 1
    assert content["config"]["seed"] == 5


def test_jaspar_is_scanned_by_default(decima, workspace):
    result = decima(
        *("run", "--source", "genes.h5", "--model", "support:MotifDetector", "--device", "cpu", "--tasks", "0"),
        *("--genes", "SPI1", "-O", "motifs.names=GATA1", "-O", "motifs.p_threshold=0.05"),
    )
    assert (result.code, result.err) == (0, "")
    assert set(table(workspace / "results/hits.tsv")["motif_name"]) == {"GATA1"}


# --- repeating a run --------------------------------------------------------------------------------------------------


def test_the_manifest_says_what_was_used(run, workspace):
    assert run("--seed", "7", "--genes", "SPI1").code == 0
    content = manifest(workspace / "results")
    for entry in content["inputs"]:
        data = Path(entry["path"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert entry["bytes"] == len(data)
    assert {Path(e["path"]).name for e in content["inputs"]} == {"genes.h5", "support.py", "motifs.meme"}
    for stage, name in (("source", "hdf5"), ("model", "torch"), ("method", "input-x-gradient")):
        used = content["providers"][stage]
        assert (used["provider"], used["distribution"]) == (name, "decima-core")
        assert used["version"] == decima_core.__version__
        assert isinstance(used["options"], dict)
    assert content["config"]["seed"] == 7
    assert content["device"] == "cpu"
    assert content["counts"] == {"genes": 1, "peaks": 1, "hits": 1}
    assert content["software"]["torch"] == torch.__version__
    assert {"setup", "read", "attribute", "peaks", "motifs", "write", "total"} <= set(content["seconds"])


def test_a_run_is_repeated_from_its_manifest(run, workspace):
    flags = (
        "--method",
        "gradient-shap",
        "-O",
        "method.n_samples=3",
        "--seed",
        "11",
        "-O",
        "peaks.z=4",
        "--split",
        "test",
    )
    assert run(*flags).code == 0
    config = manifest(workspace / "results")["config"]
    run_config(RunConfig.from_mapping({**config, "output": "again"}))
    for name in FILES[1:5]:
        assert Path("results", name).read_bytes() == Path("again", name).read_bytes(), name


def test_the_seed_decides_what_is_random(run, workspace):
    shap = ("--method", "gradient-shap", "-O", "method.n_samples=2", "--genes", "SPI1")
    for output, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(*shap, "--seed", seed, "-o", output).code == 0
    a, b, c = (Path(folder, "peaks.tsv").read_bytes() for folder in "abc")
    assert a == b
    assert a != c


def test_overwrite_replaces_every_file(run, workspace):
    assert run().code == 0
    assert run("--overwrite", "--genes", "CD68").code == 0
    assert genes_of(workspace / "results") == ["CD68"]
    assert set(table(workspace / "results/peaks.tsv")["gene"]) == {"CD68"}
    assert sorted(p.name for p in Path("results").iterdir()) == FILES


# --- what is printed --------------------------------------------------------------------------------------------------


def test_without_a_terminal_lines_are_plain(run):
    result = run()
    lines = result.out.splitlines()
    assert lines[0] == "3 genes, input-x-gradient, on cpu"
    assert [line.split(":")[0] for line in lines[1:4]] == list(AT)
    assert "best motif m1 (M1, p=6.1e-05)" in lines[1]
    assert lines[4].startswith("3 genes, 3 peaks, 3 motif hits in ")
    assert len(lines) == 5
    assert "\x1b" not in result.out
    assert "\r" not in result.out
    assert result.err == ""


def test_quiet_prints_nothing(run, workspace):
    result = run("--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert Path("results/run.json").exists()


def test_a_real_process(workspace):
    """The installed command, on a model in the current folder."""
    Path("my_model.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    tasks = ['blood', 'skin']\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = torch.nn.Conv1d(4, 2, 7)\n"
        "    def forward(self, x):\n"
        "        return self.conv(x).mean(2)\n"
    )
    write_meme(workspace / "one.meme", {"M1": word_ppm("GATAAGC")})
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("decima-core"), "run", "--source", "genes.h5", "--model", "my_model:Net"),
            *("--tasks", "blood", "--device", "cpu", "-O", "motifs.path=one.meme", "--genes", "SPI1"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert manifest(workspace / "results")["command"][0] == "decima-core"
    assert manifest(workspace / "results")["model"]["tasks"] == ["blood", "skin"]


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
def test_a_reader_that_goes_away_stops_nothing(workspace):
    command = [
        "run",
        "--source",
        "genes.h5",
        "--model",
        "demo",
        "--tasks",
        "0",
        "--device",
        "cpu",
        "-O",
        "motifs.path=motifs.meme",
    ]
    with subprocess.Popen(
        [Path(sys.executable).with_name("decima-core"), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert genes_of(workspace / "results") == list(AT)
