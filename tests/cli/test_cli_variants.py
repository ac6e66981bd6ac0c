"""``decima-core variants`` as a person uses it: a real process, real files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from decima_core.cli import main

MODEL = """
import torch
from torch import nn


class Detector(nn.Module):
    channels = 5

    def __init__(self, word="TGATAAGC"):
        super().__init__()
        self.conv = nn.Conv1d(5, 1, len(word))
        with torch.no_grad():
            self.conv.weight.zero_()
            for i, base in enumerate(word):
                self.conv.weight[0, "ACGT".index(base), i] = 1
            self.conv.bias.fill_(1 - len(word))

    def forward(self, x):
        hit = torch.relu(self.conv(x)).sum(dim=2)
        return torch.cat([1 + hit, 1 + 0 * hit], dim=1)


def build(task_names=("myeloid", "other")):
    return Detector()
"""
SITE = 220  # 0-based


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bases = list("ACCA" * 125)
    bases[SITE : SITE + 8] = "TGATAAGC"
    genome = "".join(bases)
    (tmp_path / "genome.fa").write_text(f">chr1\n{genome}\n", encoding="utf-8")
    (tmp_path / "genes.bed").write_text("chr1\t200\t300\tPLUS\t0\t+\nchr1\t150\t260\tMINUS\t0\t-\n", encoding="utf-8")
    (tmp_path / "my_model.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "tasks.txt").write_text("myeloid\nother\n", encoding="utf-8")
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr1>",
        "##contig=<ID=chr9>",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        f"chr1\t{SITE + 2}\trs1\tG\tC,T\t.\t.\t.",
        f"chr1\t{SITE + 2}\t.\tGATA\tG\t.\t.\t.",
        f"chr1\t{SITE + 3}\t.\tC\tG\t.\t.\t.",
        "chr1\t230\t.\tA\t<DEL>\t.\t.\t.",
        "chr9\t5\t.\tA\tC\t.\t.\t.",
    ]
    (tmp_path / "in.vcf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", "variants", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


BASICS = (
    "--variants", "in.vcf", "--source", "genome.fa", "--gene-table", "genes.bed", "--model", "my_model:build",
    "-O", "source.seq_len=160", "-O", "source.upstream=60", "-O", "model.tasks_file=tasks.txt",
)  # fmt: skip


def assert_same_rows(tsv: pd.DataFrame, parquet: pd.DataFrame) -> None:
    """Equal, whatever stands for what is missing."""
    assert (tsv.isna() == parquet.isna()).all(axis=None)
    pd.testing.assert_frame_equal(*(t.astype(object).where(t.notna(), None) for t in (tsv, parquet)), rtol=1e-6)


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", comment="#", dtype={"chrom": str})


def test_effects_go_to_tsv_and_parquet_with_the_same_rows(folder: Path) -> None:
    done = run(folder, *BASICS, "--tasks", "myeloid", "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "11 rows (6 ok, 2 ref_mismatch, 2 symbolic, 1 unknown_contig)" in done.stdout
    found = table(folder / "out" / "effects.tsv")
    parquet = pyarrow.parquet.read_table(folder / "out" / "effects.parquet")
    assert_same_rows(found, parquet.to_pandas())
    assert parquet.schema.metadata[b"target"].startswith(b"mean prediction of tasks myeloid")
    plus = found[(found["gene"] == "PLUS") & (found["status"] == "ok")]
    # The site is whole in the reference alone: the detector falls from 2 to 1.
    np.testing.assert_allclose(plus["difference:myeloid"], [-1, -1, -1])
    np.testing.assert_allclose(plus["log2_ratio:myeloid"], [-1, -1, -1])
    minus = found[(found["gene"] == "MINUS") & (found["status"] == "ok")]
    assert (minus["difference"] == 0).all()
    assert found["id"].dropna().unique().tolist() == ["rs1"]
    record = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["counts"]["statuses"]["ok"] == 6
    assert {Path(entry["path"]).name for entry in record["inputs"]} >= {"genome.fa", "genes.bed", "in.vcf"}
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["effects.parquet", "effects.tsv", "run.json"]


def test_the_run_is_repeated_from_its_record(folder: Path) -> None:
    assert (
        run(
            folder, *BASICS, "--tasks", "myeloid", "--off-tasks", "other", "--shifts=-2,0,2", "--output", "a"
        ).returncode
        == 0
    )
    again = run(folder, "a/run.json", "--output", "b")
    assert again.returncode == 0, again.stderr
    first, second = (table(folder / name / "effects.tsv") for name in "ab")
    pd.testing.assert_frame_equal(first, second)
    assert (first.loc[first["gene"] == "PLUS", "difference"].dropna() == -1).all()


def test_attribute_tells_of_the_motifs(folder: Path) -> None:
    done = run(
        folder, *BASICS, "--tasks", "myeloid", "--attribute", "--output", "out", "-O", "motifs.p_threshold=0.001"
    )
    assert done.returncode == 0, done.stderr
    lost = [
        line for line in done.stdout.splitlines() if "GATA" in line and "PLUS" in line and "lost, support -" in line
    ]
    assert len(lost) == 3, done.stdout
    changes = table(folder / "out" / "motif_changes.tsv")
    top = changes[changes["rank"] == 1]
    plus = top[top["gene"] == "PLUS"]
    assert plus["change"].tolist() == ["lost"] * 3
    assert plus["motif_name"].str.contains("GATA|Gata").all()
    assert ((plus["genome_start"] <= SITE + 1) & (plus["genome_end"] >= SITE + 6)).all()
    parquet = pyarrow.parquet.read_table(folder / "out" / "motif_changes.parquet").to_pandas()
    assert_same_rows(changes, parquet)
    with h5py.File(folder / "out" / "alleles.h5") as file:
        assert len(file) == 6
        group = next(g for g in file.values() if g.attrs["gene"] == "PLUS" and len(g.attrs["ref"]) == 4)
        events = json.loads(file.attrs["events"])
        assert (group["event"][:] == events.index("deletion")).sum() == 3
        difference = np.nan_to_num(group["alt_attribution"][:]).sum(0) - np.nan_to_num(group["ref_attribution"][:]).sum(
            0
        )
        inside = group["event"][:] != events.index("edge")
        np.testing.assert_allclose(group["difference"][:][inside], difference[inside], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((), "No variants were given; use --variants in.vcf"),
        (("--variants", "none.vcf"), "none.vcf"),
        (
            ("--variants", "in.vcf", "--strict"),
            "11 rows, one for each variant and gene, cannot be used (2 ref_mismatch",
        ),
        (("--variants", "in.vcf", "--batch-size", "3"), "batch_size is 3"),
        (("--variants", "in.vcf", "--shifts", "1.5"), "shifts"),
        (("--variants", "in.vcf", "--genes", "PLAS"), "There is no gene 'PLAS'"),
        (("--variants", "in.vcf", "--tasks", "myelod"), "There is no task 'myelod'"),
        (("--variants", "in.vcf", "-O", "variants.nomalise=true"), "There is no option 'nomalise' in the variants"),
        (("--variants", "in.vcf", "-O", "variants.formats=xlsx"), "formats"),
        (("--variants", "in.vcf", "--replicate", "w2.safetensors"), "w2.safetensors"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_bad_input_is_one_line_and_leaves_nothing(
    folder: Path,
    change: tuple[str, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(SystemExit) as stop:
        main(["variants", *BASICS[2:], *change, "--output", "out"])
    told = capsys.readouterr().err
    assert stop.value.code in (1, 2)
    assert len(told.splitlines()) == 1, told
    assert words in told
    assert not (folder / "out").exists()


@pytest.mark.slow
def test_a_finished_run_is_not_replaced_unasked(folder: Path) -> None:
    assert run(folder, *BASICS, "--output", "out", "--attribute").returncode == 0
    refused = run(folder, *BASICS, "--output", "out")
    assert refused.returncode == 1
    assert "already holds a finished run" in refused.stderr
    assert run(folder, *BASICS, "--output", "out", "--overwrite").returncode == 0
    # What only the older run wrote is gone: nobody takes it for this run's.
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["effects.parquet", "effects.tsv", "run.json"]


def test_tables_without_rows_have_their_columns(folder: Path) -> None:
    header = (folder / "in.vcf").read_text(encoding="utf-8").splitlines()[:4]
    (folder / "none.vcf").write_text("\n".join(header) + "\n", encoding="utf-8")
    done = run(folder, *BASICS[2:], "--variants", "none.vcf", "--attribute", "--tasks", "myeloid", "--output", "none")
    assert done.returncode == 0, done.stderr
    for name, column in (("effects", "difference:myeloid"), ("motif_changes", "change")):
        found = table(folder / "none" / f"{name}.tsv")
        assert len(found) == 0
        assert column in found.columns
        assert pyarrow.parquet.read_table(folder / "none" / f"{name}.parquet").column_names == list(found.columns)


def test_another_commands_results_do_not_stay_beside_a_new_record(folder: Path) -> None:
    common = ("--source", "genome.fa", "--gene-table", "genes.bed", *BASICS[6:], "--tasks", "myeloid")
    assert run(folder, *common, "--variants", "in.vcf", "--output", "out").returncode == 0
    command = [sys.executable, "-m", "decima_core", "run", *common, "--output", "out", "--overwrite"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not list((folder / "out").glob("effects.*"))
    assert (folder / "out" / "peaks.tsv").is_file()


def test_the_same_question_has_one_answer_by_flags_and_by_file(folder: Path) -> None:
    text = """source = "genome.fa"
model = "my_model:build"
output = "by-file"
[target]
tasks = ["myeloid"]
[variants]
path = "in.vcf"
"""
    (folder / "v.toml").write_text(
        text.replace('"genome.fa"', '{ provider = "fasta", path = "genome.fa" }'), encoding="utf-8"
    )
    flags = ("--source", "genome.fa", "--gene-table", "genes.bed", *BASICS[6:])
    by_file = run(folder, "v.toml", "--source", "genome.fa", "--gene-table", "genes.bed", *BASICS[8:])
    assert by_file.returncode == 0, by_file.stderr
    by_flags = run(folder, *flags, "--variants", "in.vcf", "--tasks", "myeloid", "--output", "by-flags")
    assert by_flags.returncode == 0, by_flags.stderr
    first, second = (table(folder / name / "effects.tsv") for name in ("by-file", "by-flags"))
    pd.testing.assert_frame_equal(first, second)
