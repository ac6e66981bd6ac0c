"""A made-up genome with real motifs planted at known places, and the gene file cut from it.

Genes lie on both strands. Each gene's window holds sites of *driver* motifs, which change the expression of a cell type,
and of *decoy* motifs, which change none; sites are drawn from the motif's own matrix, on a random strand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from decima_core.records import Locus, Motif
from decima_core.sequence import Codes, decode, reverse_complement

TASKS = ("myeloid", "erythroid")
# What a site adds to the expression of each task, by motif name in upper case. SPI1 and CEBPA drive myeloid, GATA1 and
# KLF1 erythroid genes; the other two are decoys.
EFFECTS: Mapping[str, tuple[float, float]] = {
    "SPI1": (1.0, 0.0),
    "CEBPA": (1.0, 0.0),
    "GATA1": (0.0, 1.0),
    "KLF1": (0.0, 1.0),
    "TP53": (0.0, 0.0),
    "REST": (0.0, 0.0),
}

WINDOW = 1_500
UPSTREAM = 1_000
GENE_LENGTH = 300
SPACING = 2_000
SITE_GAP = 10
# Of the best word's log-odds score: what a planted site has at least, and what the background stays below.
SITE_SHARE = 0.7
BACKGROUND_SHARE = 0.55


@attrs.frozen(kw_only=True)
class Site:
    """A planted site, in its gene's window (transcript orientation); ``strand`` is relative to the window."""

    gene: str
    motif_id: str
    motif_name: str
    start: int
    end: int
    strand: str
    effect: tuple[float, ...]


@attrs.frozen(kw_only=True, eq=False)
class DemoGene:
    """A gene of the made-up genome: its window in transcript orientation and on the genome, and what was planted."""

    name: str
    split: str
    locus: Locus
    codes: Codes
    sites: tuple[Site, ...]
    expression: tuple[float, ...]


def plant(
    rng: np.random.Generator,
    codes: Codes,
    taken: npt.NDArray[np.bool_],
    motifs: Sequence[Motif],
    counts: Sequence[int],
    gene: str,
) -> tuple[Site, ...]:
    """Write ``counts[i]`` sites of ``motifs[i]`` into ``codes (L,)`` in place, ten bases or more apart; returns where.

    ``taken (L,)`` is set where a site now lies.
    """
    sites = []
    for motif, count in zip(motifs, counts, strict=True):
        for _ in range(count):
            start = _free_place(rng, taken, motif.width)
            if start is None:
                continue
            end, strand = start + motif.width, "+-"[rng.integers(2)]
            word = sample_site(rng, motif)
            codes[start:end] = word if strand == "+" else reverse_complement(word)
            taken[start:end] = True
            effect = EFFECTS[motif.name.upper()]
            sites.append(
                Site(
                    gene=gene,
                    motif_id=motif.id,
                    motif_name=motif.name,
                    start=start,
                    end=end,
                    strand=strand,
                    effect=effect,
                )
            )
    return tuple(sorted(sites, key=lambda s: s.start))


def sample_site(rng: np.random.Generator, motif: Motif) -> Codes:
    """A word drawn from the motif's matrix that scores at least ``SITE_SHARE`` of the best word."""
    odds, columns = log_odds(motif), np.arange(motif.width)
    cumulative = motif.ppm.cumsum(axis=0)
    while True:
        word = np.minimum((rng.random(motif.width) > cumulative).sum(axis=0), 3).astype(np.int8)
        if float(odds[word, columns].sum()) >= SITE_SHARE * best_score(odds):
            return np.asarray(word, dtype=np.int8)


def log_odds(motif: Motif) -> npt.NDArray[np.float64]:
    """Log2 odds against a uniform background, ``(4, W)``."""
    return np.asarray(np.log2((motif.ppm + 1e-4) / 0.25), dtype=np.float64)


def best_score(odds: npt.NDArray[np.float64]) -> float:
    """The log-odds score of the motif's best word."""
    return float(odds.max(axis=0).sum())


def scrub(rng: np.random.Generator, codes: Codes, taken: npt.NDArray[np.bool_], motifs: Sequence[Motif]) -> None:
    """Change bases of ``codes (N, L)`` in place until nothing like a driver motif is there but where ``taken``.

    A random background holds sites, and half sites, by chance; without this the truth would not be complete.
    """
    drivers = [m for m in motifs if any(EFFECTS[m.name.upper()])]
    # The matrix on the other strand finds the sites of the minus strand.
    matrices = [o for m in drivers for o in (log_odds(m), log_odds(m)[::-1, ::-1])]
    while True:
        changed = False
        for odds in matrices:
            width = odds.shape[1]
            places = codes.shape[1] - width + 1
            score = np.zeros((len(codes), places))
            free = np.ones((len(codes), places), dtype=bool)
            for j in range(width):
                score += odds[:, j][codes[:, j : j + places]]
                free &= ~taken[:, j : j + places]
            rows, starts = np.nonzero((score >= BACKGROUND_SHARE * best_score(odds)) & free)
            if len(rows):
                # A random base at a random column: a fixed column could leave a long motif a site for ever.
                codes[rows, starts + rng.integers(0, width, len(rows))] = rng.integers(0, 4, len(rows))
                changed = True
        if not changed:
            return


def _free_place(rng: np.random.Generator, taken: npt.NDArray[np.bool_], width: int, tries: int = 50) -> int | None:
    for _ in range(tries):
        start = int(rng.integers(20, len(taken) - width - 20))
        if not taken[start - SITE_GAP : start + width + SITE_GAP].any():
            return start
    return None


def expression_of(sites: Sequence[Site]) -> tuple[float, ...]:
    """Expression of each task: the sum of the sites' effects."""
    return tuple(float(sum(site.effect[t] for site in sites)) for t in range(len(TASKS)))


def training_set(
    rng: np.random.Generator, motifs: Sequence[Motif], size: int, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Short sequences with planted sites for training: codes ``(size, length)`` int8, labels ``(size, T)`` float32."""
    codes = rng.integers(0, 4, (size, length), dtype=np.int8)
    taken = np.zeros(codes.shape, dtype=bool)
    labels = np.zeros((size, len(TASKS)), dtype=np.float32)
    for i in range(size):
        sites = plant(rng, codes[i], taken[i], motifs, rng.poisson(0.6, len(motifs)).tolist(), "")
        labels[i] = expression_of(sites)
    scrub(rng, codes, taken, motifs)
    return codes, labels


def make_genome(rng: np.random.Generator, motifs: Sequence[Motif], n_genes: int) -> tuple[Codes, list[DemoGene]]:
    """One chromosome with ``n_genes`` genes on alternating strands, and the genes."""
    chromosome = rng.integers(0, 4, SPACING * (n_genes + 1), dtype=np.int8)
    genes = []
    for i in range(n_genes):
        name, start = f"GENE{i + 1:02d}", SPACING // 2 + i * SPACING
        locus = Locus(chrom="chrDemo", start=start, end=start + WINDOW, strand="+-"[i % 2])
        codes = chromosome[locus.start : locus.end].copy()
        if locus.strand == "-":
            codes = reverse_complement(codes)
        taken = np.zeros(WINDOW, dtype=bool)
        sites = plant(rng, codes, taken, motifs, rng.integers(0, 3, len(motifs)).tolist(), name)
        scrub(rng, codes[None], taken[None], motifs)
        chromosome[locus.start : locus.end] = codes if locus.strand == "+" else reverse_complement(codes)
        genes.append(
            DemoGene(
                name=name,
                split="test" if i % 4 == 3 else "train",
                locus=locus,
                codes=codes,
                sites=sites,
                expression=expression_of(sites),
            )
        )
    return chromosome, genes


def write_fasta(path: Path, chromosome: Codes, name: str = "chrDemo") -> None:
    """The chromosome as FASTA, 60 bases a line."""
    text = decode(chromosome)
    lines = [text[i : i + 60] for i in range(0, len(text), 60)]
    path.write_text(f">{name}\n" + "\n".join(lines) + "\n", encoding="utf-8")


def write_gene_file(path: Path, genes: Sequence[DemoGene]) -> None:
    """The genes in the HDF5 gene layout."""
    mask = np.zeros(WINDOW, dtype=np.float32)
    mask[UPSTREAM : UPSTREAM + GENE_LENGTH] = 1
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.create_dataset("genes", data=np.array([[g.name, g.split] for g in genes], dtype=object), dtype=text)
        file.create_dataset("tasks", data=np.array(TASKS, dtype=object), dtype=text)
        file.create_dataset("sequences", data=np.stack([g.codes for g in genes]), compression="gzip")
        file.create_dataset("masks", data=np.stack([mask] * len(genes)), compression="gzip")
        file.create_dataset("labels", data=np.array([g.expression for g in genes], dtype=np.float32)[:, :, None])
        for name, value in (("pad", 0), ("seq_len", WINDOW), ("padded_seq_len", WINDOW)):
            file.create_dataset(name, data=value)


def write_windows(path: Path, genes: Sequence[DemoGene]) -> None:
    """Each gene's window on the genome as BED6."""
    rows = [(g.locus.chrom, g.locus.start, g.locus.end, g.name, 0, g.locus.strand) for g in genes]
    pd.DataFrame(rows).to_csv(path, sep="\t", header=False, index=False)


def sites_table(genes: Sequence[DemoGene]) -> pd.DataFrame:
    """Every planted site, in the window and on the genome."""
    rows = []
    for gene in genes:
        for site in gene.sites:
            start, end = gene.locus.to_genome(site.start, site.end)
            strand = str(gene.locus.to_genome_strand(site.strand == "+"))
            effects = {f"effect_{task}": e for task, e in zip(TASKS, site.effect, strict=True)}
            rows.append(
                {
                    "gene": gene.name,
                    "motif_id": site.motif_id,
                    "motif_name": site.motif_name,
                    "start": site.start,
                    "end": site.end,
                    "strand": site.strand,
                    "chrom": gene.locus.chrom,
                    "genome_start": start,
                    "genome_end": end,
                    "genome_strand": strand,
                    **effects,
                }
            )
    return pd.DataFrame(rows)
