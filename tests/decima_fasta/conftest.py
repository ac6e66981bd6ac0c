"""Small genomes and gene tables, made to order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pysam
import pytest

from decima_fasta import FastaOptions
from decima_fasta.source import FastaSource

# gene, chrom, start, end, strand, split: 0-based half-open
GENES = (
    ("AAA", "chr1", 50, 90, "+", "train"),
    ("BBB", "chr1", 120, 170, "-", "val"),
    ("CCC", "chr2", 0, 20, "+", "train"),
    ("DDD", "chr2", 60, 80, "-", "test"),
)
LENGTHS = {"chr1": 203, "chr2": 80}


def random_genome(lengths: dict[str, int], seed: int = 0, letters: str = "ACGT") -> dict[str, str]:
    rng = random.Random(seed)
    return {name: "".join(rng.choices(letters, k=length)) for name, length in lengths.items()}


GENOME = random_genome(LENGTHS)


def write_fasta(path: Path, genome: dict[str, str], *, width: int = 13, end: str = "\n") -> Path:
    """A FASTA file, bgzipped where its name ends in .gz."""
    lines = []
    for name, letters in genome.items():
        lines.append(f">{name} some words")
        lines += [letters[i : i + width] for i in range(0, len(letters), width)]
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    plain.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    if plain != path:
        pysam.tabix_compress(str(plain), str(path), force=True)
        plain.unlink()
    return path


def write_bed(path: Path, genes: Any = GENES) -> Path:
    lines = [f"{chrom}\t{start}\t{end}\t{gene}\t0\t{strand}\n" for gene, chrom, start, end, strand, *_ in genes]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def naive(genome: dict[str, str], gene: Any, *, upstream: int, length: int, edges: str) -> dict[str, Any]:
    """A gene's window by slicing strings: letters, mask, tss, start and end."""
    _, chrom, start, end, strand, *_ = gene
    left = start - upstream if strand == "+" else end + upstream - length
    size = len(genome[chrom])
    if edges == "shift" and length <= size:
        while left < 0:
            left += 1
        while left + length > size:
            left -= 1
    elif edges == "shift":
        while left > 0:
            left -= 1
        while left + length < size:
            left += 1
    letters = "".join(genome[chrom][i] if 0 <= i < size else "N" for i in range(left, left + length))
    mask = [float(start <= i < end) for i in range(left, left + length)]
    tss = start - left
    if strand == "-":
        letters = letters[::-1].translate(str.maketrans("ACGTN", "TGCAN"))
        mask = mask[::-1]
        tss = left + length - end
    return {"letters": letters, "mask": mask, "tss": tss, "start": left, "end": left + length}


@pytest.fixture(scope="session")
def parts() -> SimpleNamespace:
    """What tests build their files with, and the string arithmetic they compare with."""
    return SimpleNamespace(
        GENES=GENES,
        GENOME=GENOME,
        LENGTHS=LENGTHS,
        random_genome=random_genome,
        write_fasta=write_fasta,
        write_bed=write_bed,
        naive=naive,
    )


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache directory of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECIMA_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture
def genome_path(tmp_path: Path) -> Path:
    return write_fasta(tmp_path / "genome.fa", GENOME)


@pytest.fixture
def open_source(genome_path: Path, tmp_path: Path) -> Callable[..., FastaSource]:
    """``open_source(genes=..., path=..., **options)``: windows of 40 bases, 10 upstream, unless told otherwise."""

    def make(genes: Any = None, **options: Any) -> FastaSource:
        if genes is None:
            genes = write_bed(tmp_path / "genes.bed")
        return FastaSource(
            FastaOptions(**{"path": genome_path, "genes": genes, "seq_len": 40, "upstream": 10} | options)
        )

    return make
