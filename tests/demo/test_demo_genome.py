"""The made-up genome: what is said to be planted is there, on the right strand, and nothing else drives expression."""

from __future__ import annotations

import numpy as np
import pytest
from support import word_ppm

from decima_core import Motif, Registry
from decima_core.demo import genome
from decima_core.demo.genome import (
    BACKGROUND_SHARE,
    EFFECTS,
    SITE_SHARE,
    WINDOW,
    best_score,
    log_odds,
    make_genome,
    sites_table,
    training_set,
    write_fasta,
    write_gene_file,
    write_windows,
)
from decima_core.sequence import decode, encode, reverse_complement


@pytest.fixture(scope="module")
def motifs() -> list[Motif]:
    words = ("AAAAAGAGGAAGT", "ATTGCGCAAT", "AGATAAGAC", "GGGTGTGGC", "GACATGTCCGGACATGT", "TTCAGCACCATGGACAGC")
    return [
        Motif(id=f"M{i}", name=n, ppm=word_ppm(w, 0.9)) for i, (n, w) in enumerate(zip(EFFECTS, words, strict=True))
    ]


def matches(codes: np.ndarray, odds: np.ndarray) -> np.ndarray:
    width = odds.shape[1]
    return np.array([odds[codes[i : i + width], np.arange(width)].sum() for i in range(len(codes) - width + 1)])


def test_planted_sites_read_as_their_motif_on_the_genome(motifs):
    chromosome, genes = make_genome(np.random.default_rng(3), motifs, 6)
    by_id = {m.id: m for m in motifs}
    table = sites_table(genes)
    assert set(table.genome_strand) == {"+", "-"}
    assert {g.locus.strand for g in genes} == {"+", "-"}
    for site in table.itertuples():
        word = chromosome[site.genome_start : site.genome_end]
        word = word if site.genome_strand == "+" else reverse_complement(word)
        odds = log_odds(by_id[site.motif_id])
        assert matches(word, odds)[0] >= SITE_SHARE * best_score(odds)


def test_no_driver_site_lies_outside_a_planted_one(motifs):
    _, genes = make_genome(np.random.default_rng(4), motifs, 4)
    for gene in genes:
        taken = np.zeros(WINDOW, dtype=bool)
        for site in gene.sites:
            taken[site.start : site.end] = True
        for motif in motifs[:4]:
            odds = log_odds(motif)
            for matrix in (odds, odds[::-1, ::-1]):
                for start in np.flatnonzero(matches(gene.codes, matrix) >= BACKGROUND_SHARE * best_score(odds)):
                    assert taken[start : start + motif.width].any()


def test_expression_is_the_sum_of_the_sites(motifs):
    _, genes = make_genome(np.random.default_rng(5), motifs, 5)
    for gene in genes:
        myeloid = sum(s.motif_name in ("SPI1", "CEBPA") for s in gene.sites)
        erythroid = sum(s.motif_name in ("GATA1", "KLF1") for s in gene.sites)
        assert gene.expression == (myeloid, erythroid)


def test_the_gene_file_and_its_windows_agree_with_the_chromosome(motifs, tmp_path):
    chromosome, genes = make_genome(np.random.default_rng(6), motifs, 4)
    write_gene_file(tmp_path / "genes.h5", genes)
    write_windows(tmp_path / "windows.bed", genes)
    write_fasta(tmp_path / "genome.fa", chromosome)
    text = "".join((tmp_path / "genome.fa").read_text().splitlines()[1:])
    assert text == decode(chromosome)
    options = {"path": str(tmp_path / "genes.h5"), "loci": str(tmp_path / "windows.bed")}
    with Registry.discover().create("source", "hdf5", **options) as source:
        for gene in genes:
            record = source.read(gene.name)
            window = encode(text[record.locus.start : record.locus.end])
            seen = window if record.locus.strand == "+" else reverse_complement(window)
            assert np.array_equal(record.codes, seen)
            assert record.tss == genome.UPSTREAM
            assert record.split == gene.split


def test_the_training_set_is_seeded(motifs):
    first = training_set(np.random.default_rng(1), motifs, 30, 120)
    again = training_set(np.random.default_rng(1), motifs, 30, 120)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (30, 120)
    assert first[1].max() > 0
