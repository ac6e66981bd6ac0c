"""Variants against a genome: what the dataset gives is what a genome that carries the variant gives."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from decima_core.datasets import VariantDataset
from decima_core.registry import Registry
from decima_core.variants.alleles import trim

UPSTREAM, LENGTH, SHIFT = 12, 40, 2
CONTIG = 150
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def flip(text: str) -> str:
    return text.translate(COMPLEMENT)[::-1]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


class Genome:
    """One contig and its genes, written as FASTA and TSV."""

    def __init__(self, folder: Path, bases: str, genes: pd.DataFrame) -> None:
        self.bases, self.genes = bases, genes
        place = Path(tempfile.mkdtemp(dir=folder))
        self.fasta = place / "genome.fa"
        lines = [bases[i : i + 30] for i in range(0, len(bases), 30)]
        self.fasta.write_text(">chr1\n" + "\n".join(lines) + "\n", encoding="utf-8")

    def source(self, **options: object) -> object:
        table = {"seq_len": LENGTH, "upstream": UPSTREAM, **options}
        return Registry.discover().create("source", "fasta", path=str(self.fasta), genes=self.genes, **table)


@st.composite
def genomes(draw: st.DrawFn) -> tuple[str, pd.DataFrame]:
    bases = draw(st.text("ACGT", min_size=CONTIG, max_size=CONTIG))
    rows = []
    for number in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, CONTIG - 8))
        end = draw(st.integers(start + 4, min(CONTIG, start + 40)))
        rows.append(
            {"gene": f"G{number}", "chrom": "chr1", "start": start, "end": end, "strand": draw(st.sampled_from("+-"))}
        )
    return bases, pd.DataFrame(rows)


@st.composite
def changes(draw: st.DrawFn, bases: str) -> tuple[int, str, str]:
    """A VCF record: 1-based position, REF with its anchor where it needs one, ALT."""
    start = draw(st.integers(0, len(bases) - 1))
    ref = bases[start : start + draw(st.integers(1, 6))]
    alt = draw(st.text("ACGT", min_size=1, max_size=6))
    assume(ref != alt)
    return start + 1, ref, alt


def lifted(row: pd.Series, begin: int, gained: int) -> dict[str, object]:
    """A gene on the genome that carries a change which touches neither of its ends."""

    def move(position: int) -> int:
        return position if position <= begin else position + gained

    return {**row, "start": move(row["start"]), "end": move(row["end"])}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_both_items_are_cut_from_the_genomes_that_carry_the_alleles(folder: Path, data: st.DataObject) -> None:
    bases, genes = data.draw(genomes())
    pos, ref, alt = data.draw(changes(bases))
    table = pd.DataFrame([{"chrom": "chr1", "pos": pos, "ref": ref, "alt": alt}])
    genome = Genome(folder, bases, genes)
    source = genome.source()
    dataset = VariantDataset(table, source, max_seq_shift=SHIFT)
    begin, trimmed, inserted = trim(pos - 1, ref, alt)
    end = begin + len(trimmed)
    # Where the change meets an end of a gene, what becomes of the gene is a rule, not geometry: see the tests of the mask.
    clear = [not any(begin <= edge <= end for edge in (row["start"], row["end"])) for _, row in genes.iterrows()]
    assume(any(clear))
    moved = pd.DataFrame([lifted(row, begin, len(inserted) - len(trimmed)) for _, row in genes[clear].iterrows()])
    carrier = Genome(folder, bases[:begin] + inserted + bases[end:], moved).source()
    widest = LENGTH + 2 * SHIFT
    for variant, number in enumerate(dataset.rows):
        gene = dataset.variants["gene"][number]
        if gene not in set(moved["gene"]):
            continue
        expected = [each.read(gene, widest) for each in (source, carrier)]
        for shift in range(2 * SHIFT + 1):
            for allele in (0, 1):
                item = dataset[(variant * (2 * SHIFT + 1) + shift) * 2 + allele].numpy()
                assert (item == expected[allele].inputs()[:, shift : shift + LENGTH]).all()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_genome_gives_the_same_items(folder: Path, data: st.DataObject) -> None:
    bases, genes = data.draw(genomes())
    pos, ref, alt = data.draw(changes(bases))
    other = genes.assign(
        start=CONTIG - genes["end"], end=CONTIG - genes["start"], strand=["-+"[s == "-"] for s in genes["strand"]]
    )
    here = VariantDataset(
        pd.DataFrame([{"chrom": "chr1", "pos": pos, "ref": ref, "alt": alt}]), Genome(folder, bases, genes).source()
    )
    flipped = {"chrom": "chr1", "pos": CONTIG - (pos - 1 + len(ref)) + 1, "ref": flip(ref), "alt": flip(alt)}
    begin, trimmed, inserted = trim(pos - 1, ref, alt)
    back = trim(flipped["pos"] - 1, flipped["ref"], flipped["alt"])
    # In a repeat the same change may be written at several places, and each strand trims towards its own left.
    assume(back == (CONTIG - begin - len(trimmed), flip(trimmed), flip(inserted)))
    there = VariantDataset(pd.DataFrame([flipped]), Genome(folder, flip(bases), other).source())
    columns = ["gene", "rel_pos", "ref_tx", "alt_tx", "tss_dist", "status"]
    left, right = (d.variants[columns].sort_values("gene", ignore_index=True) for d in (here, there))
    pd.testing.assert_frame_equal(left, right)
    by_gene = {gene: i for i, gene in enumerate(there.variants["gene"][there.rows])}
    for i, gene in enumerate(here.variants["gene"][here.rows]):
        for allele in (0, 1):
            assert (here[2 * i + allele] == there[2 * by_gene[gene] + allele]).all()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_base_of_the_genome_is_its_own_ref(folder: Path, data: st.DataObject) -> None:
    bases, genes = data.draw(genomes())
    rows = [
        {"chrom": "chr1", "pos": i + 1, "ref": b, "alt": "ACGT"[("ACGT".index(b) + 1) % 4]} for i, b in enumerate(bases)
    ]
    dataset = VariantDataset(pd.DataFrame(rows), Genome(folder, bases, genes).source())
    assert set(dataset.variants["status"]) <= {"ok", "out_of_window"}
    for gene, start, end, strand in genes[["gene", "start", "end", "strand"]].itertuples(index=False):
        first = start - UPSTREAM if strand == "+" else end + UPSTREAM - LENGTH
        covered = {p + 1 for p in range(max(0, first), min(CONTIG, first + LENGTH))}
        ok = dataset.variants[(dataset.variants["gene"] == gene) & (dataset.variants["status"] == "ok")]
        assert set(ok["pos"]) == covered
    for i, number in enumerate(dataset.rows):
        row = dataset.variants.loc[number]
        ref, alt = dataset[2 * i].numpy(), dataset[2 * i + 1].numpy()
        assert np.flatnonzero((ref != alt).any(axis=0)).tolist() == [row["rel_pos"]]
        assert "ACGT"[ref[:4, row["rel_pos"]].argmax()] == row["ref_tx"]
        assert "ACGT"[alt[:4, row["rel_pos"]].argmax()] == row["alt_tx"]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_variant_alone_gives_what_it_gives_among_others(folder: Path, data: st.DataObject) -> None:
    bases, genes = data.draw(genomes())
    drawn = data.draw(st.lists(changes(bases), min_size=2, max_size=6, unique=True))
    table = pd.DataFrame([{"chrom": "chr1", "pos": p, "ref": r, "alt": a} for p, r, a in drawn])
    source = Genome(folder, bases, genes).source()
    whole = VariantDataset(table, source, max_seq_shift=1)
    per_variant = 2 * 3
    for i, number in enumerate(whole.rows):
        row = whole.variants.loc[[number]]
        alone = VariantDataset(row[["chrom", "pos", "ref", "alt", "gene"]], source, max_seq_shift=1)
        assert len(alone) == per_variant
        for k in range(per_variant):
            assert (alone[k] == whole[per_variant * i + k]).all()


def test_all_ways_to_write_an_indel_give_the_same_reference(folder: Path) -> None:
    bases = "ACGTTTTTTGCA" * 12 + "ACGTAC"
    genes = pd.DataFrame([{"gene": "G", "chrom": "chr1", "start": 60, "end": 80, "strand": "-"}])
    source = Genome(folder, bases, genes).source()
    at = bases.index("GTTTTTTG", 60)
    rows = [(at + 1, "GT", "G"), (at + 3, "TT", "T"), (at + 1, "GTTTTTTG", "GTTTTTG")]
    items = []
    for pos, ref, alt in rows:
        table = pd.DataFrame([{"chrom": "chr1", "pos": pos, "ref": ref, "alt": alt}])
        items.append(VariantDataset(table, source, normalise=True))
        assert items[-1].variants[["pos", "ref", "alt"]].values.tolist() == [[at + 1, "GT", "G"]]
    assert all((items[0][k] == other[k]).all() for other in items[1:] for k in (0, 1))
