"""Gene files built from a genome and from other gene files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import random_codes, write_gene_file

from decima_core.builder import build_gene_file
from decima_core.builder.writer import GeneFile
from decima_core.cli import main
from decima_core.errors import ConfigError, DataError, OutputError
from decima_core.records import GeneRecord
from decima_core.registry import Registry

LENGTH, UPSTREAM = 120, 40
GENES = [("AA", 300, 380, "+"), ("BB", 450, 500, "-"), ("CC", 20, 60, "+"), ("DD", 560, 598, "-")]


def source(kind: str, **options: Any) -> Any:
    return Registry.discover().create("source", kind, **options)


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 600))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n", encoding="utf-8")
    rows = [f"chr1\t{start}\t{end}\t{name}\t0\t{strand}" for name, start, end, strand in GENES]
    (tmp_path / "genes.bed").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def fasta(folder: Path) -> Any:
    return source(
        "fasta", path=str(folder / "genome.fa"), genes=str(folder / "genes.bed"), seq_len=LENGTH, upstream=UPSTREAM
    )


def same(a: GeneRecord, b: GeneRecord) -> bool:
    alike = (a.gene, a.tss, a.locus) == (b.gene, b.tss, b.locus)
    return alike and a.codes.tolist() == b.codes.tolist() and a.mask.tolist() == b.mask.tolist()


@pytest.mark.parametrize("compression", ["gzip", "lzf", "none"])
@pytest.mark.parametrize("pad", [0, 9])
def test_a_file_built_from_a_genome_reads_like_the_genome(genome: Path, compression: str, pad: int) -> None:
    summary = build_gene_file(fasta(genome), genome / "out.h5", pad=pad, compression=compression)
    assert (summary.genes, summary.tasks) == (4, 0)
    assert summary.size == (genome / "out.h5").stat().st_size
    with fasta(genome) as here, source("hdf5", path=str(genome / "out.h5")) as there:
        assert list(there.genes()) == [name for name, *_ in GENES]
        assert (there.seq_len, there.pad, there.padded_seq_len) == (LENGTH, pad, LENGTH + 2 * pad)
        for gene in here.genes():
            for n in (None, LENGTH + 2 * pad, 33):
                assert same(here.read(gene, n), there.read(gene, n))
            assert here.locus(gene) == there.locus(gene)
        assert there.splits() == ("all",)
    assert not list(genome.glob("*.partial"))


def test_the_layout_is_the_one_that_decima_reads(genome: Path) -> None:
    build_gene_file(fasta(genome), genome / "out.h5", pad=9)
    with h5py.File(genome / "out.h5") as file:
        assert np.array(file["genes"]).astype(str).tolist() == [[name, "all"] for name, *_ in GENES]
        assert file["sequences"].dtype == np.int8
        assert file["sequences"].shape == file["masks"].shape == (4, LENGTH + 18)
        assert file["masks"].dtype == np.float32
        mask = np.flatnonzero(file["masks"][0])
        assert (mask[0], mask[-1] + 1) == (UPSTREAM + 9, LENGTH + 9 + min(9, 80 - (LENGTH - UPSTREAM)))
        assert [int(file[name][()]) for name in ("pad", "seq_len", "padded_seq_len")] == [9, LENGTH, LENGTH + 18]
        assert (file["chrom"][0], int(file["start"][0]), int(file["end"][0])) == (
            b"chr1",
            300 - UPSTREAM,
            300 - UPSTREAM + LENGTH,
        )


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_building_from_a_gene_file_keeps_everything(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rebuilt")
    n, width = data.draw(st.integers(1, 4)), data.draw(st.integers(20, 50))
    codes = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 5, (n, width), dtype=np.int8)
    first = data.draw(st.integers(0, width - 2))
    path = write_gene_file(
        folder / "a.h5",
        codes,
        mask=slice(first, data.draw(st.integers(first + 1, width))),
        splits=["train", "test"] * 2 if n == 4 else None,
    )
    labels = np.random.default_rng(1).normal(size=(n, 3, 1)).astype(np.float32)
    with h5py.File(path, "r+") as file:
        file["labels"] = labels
        if data.draw(st.booleans()):
            file["masks"][0, first] = 0.5  # a mask that is not one run of ones
    pad = data.draw(st.integers(0, 3))
    seq_len = data.draw(st.integers(width // 2, width - 2 * pad))
    with source("hdf5", path=str(path)) as old:
        names = [g for g in old.genes() if old.read_flanked(g, seq_len, pad)[0].mask.any()]
        if not names:
            return
        try:
            build_gene_file(old, folder / "b.h5", seq_len=seq_len, pad=pad, genes=names)
        except DataError as error:
            # Only a window that cuts the first base off a mask that is not one run of ones.
            assume("not one run of ones, and its first base lies outside" not in str(error))
            raise
        with source("hdf5", path=str(folder / "b.h5")) as new:
            assert (new.seq_len, new.pad, new.tasks) == (seq_len, pad, old.tasks)
            for row, gene in enumerate(names):
                assert same(old.read_flanked(gene, seq_len, pad)[0], new.read(gene, seq_len + 2 * pad))
                assert new.read(gene).split == old.read(gene).split
                assert new.labels(gene).tolist() == labels[row].tolist()


# --- labels ----------------------------------------------------------------------------------------------------------


def table_of(genes: list[str]) -> pd.DataFrame:
    values = np.arange(2 * len(genes), dtype=float).reshape(-1, 2)
    return pd.DataFrame(values, index=genes, columns=["mono", "T"])


def test_labels_come_from_a_table_in_any_order(genome: Path) -> None:
    table = table_of(["DD", "X", "BB", "AA", "CC"])
    table.to_csv(genome / "labels.tsv", sep="\t")
    table.to_csv(genome / "labels.csv")
    for given_labels in (table, genome / "labels.tsv", str(genome / "labels.csv")):
        build_gene_file(fasta(genome), genome / "out.h5", labels=given_labels, overwrite=True)
        with source("hdf5", path=str(genome / "out.h5")) as built:
            assert built.tasks == ("mono", "T")
            for gene in built.genes():
                assert built.labels(gene)[:, 0].tolist() == table.loc[gene].tolist()


@pytest.mark.parametrize("kind", ["object", "file", "sparse"])
def test_labels_and_splits_come_from_anndata(genome: Path, kind: str) -> None:
    anndata = pytest.importorskip("anndata")
    sparse = pytest.importorskip("scipy.sparse")
    table = table_of(["DD", "BB", "AA", "CC"])
    values = table.to_numpy().T.astype(np.float32)
    ad = anndata.AnnData(
        X=sparse.csr_matrix(values) if kind == "sparse" else values,
        obs=pd.DataFrame(index=table.columns.astype(object)),
        var=pd.DataFrame({"dataset": ["test", "train", "val", "train"]}, index=table.index.astype(object)),
    )
    labels: Any = ad
    if kind != "object":
        ad.write_h5ad(genome / "labels.h5ad")
        labels = str(genome / "labels.h5ad")
    build_gene_file(fasta(genome), genome / "out.h5", labels=labels)
    with source("hdf5", path=str(genome / "out.h5")) as built:
        assert built.tasks == ("mono", "T")
        assert {g: built.read(g).split for g in built.genes()} == {
            "AA": "val",
            "BB": "train",
            "CC": "train",
            "DD": "test",
        }
        for gene in built.genes():
            assert built.labels(gene)[:, 0].tolist() == table.loc[gene].tolist()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (table_of(["AA", "BB"]), "2 of 4 genes have no labels in the labels: CC, DD"),
        (table_of(["AA", "BB", "CC", "DD", "AA"]), "The labels name the gene 'AA' twice"),
        (table_of(["AA", "BB", "CC", "DD"]).set_axis(["a", "a"], axis=1), "name the task 'a' twice"),
        (table_of(["AA", "BB", "CC", "DD"]).astype(str).replace("3.0", "much"), "cannot be read as numbers"),
        (table_of(["AA", "BB", "CC", "DD"]).replace(3.0, np.nan), "label of gene 'BB' for task 'T' .* is NaN"),
        (table_of(["AA", "BB", "CC", "DD"])[[]], "hold no task"),
        (3, "not int"),
    ],
)
def test_labels_that_do_not_fit_are_named(genome: Path, labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        build_gene_file(fasta(genome), genome / "out.h5", labels=labels)
    assert sorted(p.name for p in genome.iterdir()) == ["genes.bed", "genome.fa", "genome.fa.fai"]


# --- whole or not at all ---------------------------------------------------------------------------------------------


class Counting:
    """A source whose records count how many of them are alive at once; it may stop in the middle."""

    tasks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __init__(self, n: int, stop: int | None = None, slow: float = 0) -> None:
        self.names = [f"G{i}" for i in range(n)]
        self.stop, self.slow = stop, slow

    def genes(self, split: str | None = None) -> list[str]:
        return self.names

    def splits(self) -> list[str]:
        return []

    def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
        number = self.names.index(gene)
        if self.stop is not None and number >= self.stop:
            raise KeyboardInterrupt
        time.sleep(self.slow)
        length = seq_len or 20_000
        mask = np.zeros(length, dtype=np.float32)
        mask[5:9] = 1
        return GeneRecord(gene=gene, codes=random_codes(number, 1, length)[0], mask=mask, tss=5)

    def close(self) -> None: ...

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *exc: object) -> None: ...


def test_memory_does_not_grow_with_the_genes(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for n in (10, 80):
        tracemalloc.start()
        build_gene_file(Counting(n), tmp_path / f"{n}.h5")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 70 * 20_000, "less than one more copy of the sequences"


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_gene_file(Counting(9, stop=4), tmp_path / "out.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_the_older_file(tmp_path: Path) -> None:
    build_gene_file(Counting(2), tmp_path / "out.h5")
    before = (tmp_path / "out.h5").read_bytes()
    with pytest.raises(OutputError, match="exists; give another one with --output, or --overwrite"):
        build_gene_file(Counting(3), tmp_path / "out.h5")
    with pytest.raises(KeyboardInterrupt):
        build_gene_file(Counting(3, stop=2), tmp_path / "out.h5", overwrite=True)
    assert (tmp_path / "out.h5").read_bytes() == before
    build_gene_file(Counting(3), tmp_path / "out.h5", overwrite=True)
    assert (tmp_path / "out.h5").read_bytes() != before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_build_never_looks_finished(tmp_path: Path) -> None:
    here = Path(__file__).resolve()
    program = (
        "import importlib.util, sys\n"
        f"sys.path.insert(0, {str(here.parents[1])!r})\n"
        f"spec = importlib.util.spec_from_file_location('builds', {str(here)!r})\n"
        "builds = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(builds)\n"
        "builds.build_gene_file(builds.Counting(200, slow=0.05), 'out.h5', progress=lambda *a: print(*a, flush=True))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("write 3 "):
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "out.h5").exists()
    assert (tmp_path / "out.h5.partial").exists()
    build_gene_file(Counting(2), tmp_path / "out.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["out.h5"]


def test_what_reads_back_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = GeneFile.finish

    def damaged(self: GeneFile) -> None:
        self._file["sequences"][1, 7] = (self._file["sequences"][1, 7] + 1) % 4
        finish(self)

    monkeypatch.setattr(GeneFile, "finish", damaged)
    with pytest.raises(OutputError, match=r"Gene 'G1' reads back from .* otherwise than it was written"):
        build_gene_file(Counting(3), tmp_path / "out.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"pad": -1}, ConfigError, "pad is -1"),
        ({"compression": "zip"}, ConfigError, "compression is 'zip'; it must be one of gzip, lzf, none"),
        ({"pad": 3}, DataError, "cannot read beyond its windows; leave out --pad"),
        ({"genes": ["G7"]}, ConfigError, "There is no gene 'G7'"),
        ({"seq_len": 5}, DataError, "holds none of the gene's bases"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        build_gene_file(Counting(2), tmp_path / "out.h5", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_are_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        build_gene_file(Counting(2), tmp_path)
    with pytest.raises(OutputError, match=r"The folder of .* does not exist"):
        build_gene_file(Counting(2), tmp_path / "none" / "out.h5")


# --- the command -----------------------------------------------------------------------------------------------------


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decima_core", "build", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_builds_and_rebuilds(genome: Path) -> None:
    basics = ("--source", "genome.fa", "--gene-table", "genes.bed", "--seq-len", "100", "--upstream", "30")
    done = run(genome, *basics, "--pad", "5", "--output", "all.h5")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("4 genes, 0 tasks, ")
    table_of(["AA", "BB"]).to_csv(genome / "labels.tsv", sep="\t")
    done = run(genome, "--source", "all.h5", "--genes", "BB,AA", "--labels", "labels.tsv", "-o", "two.h5")
    assert (done.returncode, done.stderr) == (0, "")
    with source("hdf5", path=str(genome / "two.h5")) as two:
        assert list(two.genes()) == ["BB", "AA"]
        assert two.seq_len == 100
        assert two.tasks == ("mono", "T")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No source was given"),
        (("--source", "genome.fa", "--gene-table", "genes.bed"), "No output was given"),
        (("--source", "genome.fa", "-o", "x.h5"), "needs a gene table"),
        (("--source", "genome.fa", "--gene-table", "gene.bed", "-o", "x.h5"), "gene.bed"),
        (
            ("--source", "genome.fa", "--gene-table", "genes.bed", "-o", "x.h5", "-O", "peaks.z=3"),
            "build has no stage 'peaks'",
        ),
        (
            ("--source", "genome.fa", "--gene-table", "genes.bed", "-o", "x.h5", "--labels", "l.tsv"),
            "no file of labels 'l.tsv'",
        ),
        (
            ("--source", "genome.fa", "--gene-table", "genes.bed", "-o", "x.h5", "--genes", "AB"),
            "There is no gene 'AB'",
        ),
    ],
)
def test_the_commands_bad_input_is_one_line(
    genome: Path,
    arguments: tuple[str, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(genome)
    with pytest.raises(SystemExit) as stop:
        main(["build", *arguments])
    told = capsys.readouterr().err
    assert stop.value.code in (1, 2)
    assert len(told.splitlines()) == 1, told
    assert words in told
    assert not (genome / "x.h5").exists()
