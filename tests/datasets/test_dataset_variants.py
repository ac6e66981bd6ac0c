"""``VariantDataset`` on a gene file and on a genome: order, statuses, refusals, processes; and ``process_variants``."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from support import random_codes, write_gene_file
from torch.utils.data import DataLoader

from decima_core.datasets import VariantDataset, loader, process_variants
from decima_core.errors import ConfigError, DataError
from decima_core.registry import Registry
from decima_core.sequence import decode
from decima_core.variants.place import COLUMNS
from decima_core.variants.status import STATUSES

LENGTH, PAD = 60, 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two genes of 60 bases, six more on each side."""
    written = write_gene_file(
        tmp_path / "genes.h5", random_codes(0, 2, LENGTH + 2 * PAD), names=["A", "B"], mask=slice(PAD + 20, PAD + 45)
    )
    with h5py.File(written, "r+") as file:
        file["pad"][()], file["seq_len"][()] = PAD, LENGTH
    return written


def bases(path: Path, gene: str) -> str:
    with Registry.discover().create("source", "hdf5", path=str(path)) as source:
        return decode(source.read(gene).codes)


def other(base: str) -> str:
    return "ACGT"[("ACGT".index(base) + 1) % 4]


def snvs(path: Path, *places: tuple[str, int]) -> pd.DataFrame:
    rows = [
        {"gene": g, "rel_pos": p, "ref_tx": bases(path, g)[p], "alt_tx": other(bases(path, g)[p])} for g, p in places
    ]
    return pd.DataFrame(rows)


# --- the original's semantics on a table in transcript orientation ---------------------------------------------------


def test_items_come_by_variant_shift_and_allele(path: Path) -> None:
    table = snvs(path, ("B", 30), ("A", 7))
    dataset = VariantDataset(table, str(path), max_seq_shift=2)
    assert (dataset.n_seqs, dataset.n_augmented, dataset.n_alleles, len(dataset)) == (2, 5, 2, 20)
    source = Registry.discover().create("source", "hdf5", path=str(path))
    for variant, (gene, at) in enumerate([("B", 30), ("A", 7)]):
        wide = source.read(gene, LENGTH + 4).inputs()
        for shift in range(5):
            ref, alt = (dataset[(variant * 5 + shift) * 2 + allele].numpy() for allele in (0, 1))
            assert ref.dtype == np.float32
            assert (ref == wide[:, shift : shift + LENGTH]).all()
            changed = np.flatnonzero((ref != alt).any(axis=0))
            assert changed.tolist() == [at + 2 - shift]
            assert alt[:, changed[0]].tolist()[:4] == [float(b == table["alt_tx"][variant]) for b in "ACGT"]


def test_python_indexing(path: Path) -> None:
    dataset = VariantDataset(snvs(path, ("A", 7), ("A", 9)), path)
    assert (dataset[-1] == dataset[3]).all()
    assert (dataset[np.int64(1)] == dataset[1]).all()
    for index in (4, -5):
        with pytest.raises(IndexError):
            dataset[index]
    assert len(list(dataset)) == 4


def test_a_shorter_window_counts_rel_pos_in_the_files_own(path: Path) -> None:
    table = snvs(path, ("A", 30))
    for length in (41, 40, 20):
        ref, alt = VariantDataset(table, path, seq_len=length)
        source = Registry.discover().create("source", "hdf5", path=str(path))
        assert (ref.numpy() == source.read("A", length).inputs()).all()
        start = source.read("A").tss - source.read("A", length).tss
        assert np.flatnonzero((ref != alt).any(dim=0)).tolist() == [30 - start]


def test_indels_keep_the_length_and_the_tss(path: Path) -> None:
    text = bases(path, "A")
    table = pd.DataFrame(
        [
            {"gene": "A", "rel_pos": 5, "ref_tx": text[5:9], "alt_tx": text[5]},
            {"gene": "A", "rel_pos": 50, "ref_tx": text[50], "alt_tx": text[50] + "GG"},
        ]
    )
    dataset = VariantDataset(table, path)
    assert dataset.variants["status"].tolist() == ["ok", "ok"]
    with h5py.File(path) as file:
        stored = decode(file["sequences"][0])
    left = [decode(item.numpy()[:4].argmax(0).astype(np.int8)) for item in dataset]
    assert left[0] == left[2] == text
    assert left[1] == stored[PAD - 3 : PAD] + text[:6] + text[9:]  # bases come in on the left
    assert left[3] == (text[:51] + "GG" + text[51:])[:LENGTH]  # bases go out on the right
    assert all(np.flatnonzero(item[4]).tolist() == list(range(20, 45)) for item in dataset)


def test_what_the_file_does_not_hold_can_be_n(path: Path) -> None:
    text = bases(path, "A")
    table = pd.DataFrame([{"gene": "A", "rel_pos": 3, "ref_tx": text[3:13], "alt_tx": text[3]}])
    assert VariantDataset(table, path).variants["status"].tolist() == ["no_flank"]
    alt = VariantDataset(table, path, pad_with_n=True)[1].numpy()
    assert (alt[:4, :3] == 0).all()
    assert (alt[:4, 3:].sum(axis=0) == 1).all()


def test_windows_that_the_file_cannot_move_are_no_fault_of_the_variant(path: Path) -> None:
    table = snvs(path, ("A", 30))
    assert VariantDataset(table, path, shifts=(0, PAD)).variants["status"].tolist() == ["ok"]
    assert VariantDataset(table, path, shifts=(0, PAD + 1)).variants["status"].tolist() == ["no_flank"]
    assert VariantDataset(table, path, shifts=(-29, 0)).variants["status"].tolist() == ["no_flank"]
    assert VariantDataset(table, path, shifts=(0, 31)).variants["status"].tolist() == ["out_of_window"]


def test_rows_come_as_often_as_the_table_has_them(path: Path) -> None:
    dataset = VariantDataset(snvs(path, ("A", 7), ("A", 7)), path)
    assert dataset.n_seqs == 2


def test_statuses_instead_of_silence(path: Path) -> None:
    text = bases(path, "A")
    good = {"gene": "A", "rel_pos": 7, "ref_tx": text[7], "alt_tx": other(text[7])}
    rows = {
        "ok": good,
        "ref_mismatch": {**good, "ref_tx": good["alt_tx"], "alt_tx": good["ref_tx"]},
        "unknown_gene": {**good, "gene": "C"},
        "non_acgt": {**good, "alt_tx": "N"},
        "symbolic": {**good, "alt_tx": "<DEL>"},
        "no_alternative": {**good, "alt_tx": good["ref_tx"]},
        "gene_deleted": {**good, "rel_pos": 19, "ref_tx": text[19:46], "alt_tx": text[19]},
        "out_of_window": {**good, "rel_pos": LENGTH},
    }
    table = pd.DataFrame(rows.values())
    before = table.copy()
    dataset = VariantDataset(table, path, pad_with_n=True)
    assert dataset.variants["status"].tolist() == list(rows)
    assert dataset.rows.tolist() == [0]
    assert len(dataset) == 2
    pd.testing.assert_frame_equal(table, before)
    lower = VariantDataset(table.iloc[:1].assign(ref_tx=good["ref_tx"].lower(), alt_tx=good["alt_tx"].lower()), path)
    assert (lower[1] == dataset[1]).all()
    for place in (-1, LENGTH + PAD, 10**9, None):
        assert VariantDataset(pd.DataFrame([{**good, "rel_pos": place}]), path).variants["status"].tolist() == [
            "out_of_window"
        ]


def test_refusals(path: Path) -> None:
    good = snvs(path, ("A", 7))
    wrong = good.assign(ref_tx=good["alt_tx"], alt_tx=good["ref_tx"])
    outside = good.assign(rel_pos=LENGTH)
    with pytest.raises(
        DataError, match=r"1 of 2 rows.* cannot be used \(1 ref_mismatch\), first gene A at 7.*leave out test_ref"
    ):
        VariantDataset(pd.concat([good, wrong]), path, test_ref=True)
    assert len(VariantDataset(pd.concat([good, outside]), path, test_ref=True)) == 2
    with pytest.raises(DataError, match="1 out_of_window"):
        VariantDataset(pd.concat([good, outside]), path, strict=True)
    with pytest.raises(DataError, match=r"rel_pos in row 0 .* is 'x'; it must be a whole number"):
        VariantDataset(good.astype({"rel_pos": object}).assign(rel_pos="x"), path)
    with pytest.raises(ConfigError, match="VariantDataset needs genes"):
        VariantDataset(good)
    with pytest.raises(ConfigError, match="max_seq_shift is -1"):
        VariantDataset(good, path, max_seq_shift=-1)
    with pytest.raises(ConfigError, match=r"A shift is 'a'; it must be a whole number"):
        VariantDataset(good, path, shifts=["a"])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match=r"seq_len is 31\.5; it must be a whole number"):
        VariantDataset(good, path, seq_len=31.5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"windows of .*genes.h5 have none; give them with the option source.loci"):
        VariantDataset(pd.DataFrame([{"chrom": "1", "pos": 1, "ref": "A", "alt": "C"}]), path)


def test_it_crosses_processes(path: Path) -> None:
    dataset = VariantDataset(snvs(path, ("A", 7), ("B", 9), ("A", 30)), path, max_seq_shift=1)
    expected = torch.stack(list(dataset))
    again = pickle.loads(pickle.dumps(dataset))
    assert (torch.stack(list(again)) == expected).all()
    for context in ("fork", "spawn"):
        loaded = DataLoader(dataset, batch_size=4, num_workers=2, multiprocessing_context=context)
        assert (torch.cat(list(loaded)) == expected).all()
    with dataset:
        pass
    assert (dataset[0] == expected[0]).all()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_compact_loader_gives_the_same(path: Path, num_workers: int) -> None:
    dataset = VariantDataset(snvs(path, ("A", 7), ("B", 9), ("A", 30)), path, max_seq_shift=1)
    batches = list(loader(dataset, batch_size=4, num_workers=num_workers))
    assert (torch.cat(batches) == torch.stack(list(dataset))).all()


# --- variants on the genome ------------------------------------------------------------------------------------------


@pytest.fixture
def genome(tmp_path: Path) -> tuple[str, Path]:
    text = "".join(np.random.default_rng(5).choice(list("ACGT"), 300))
    fasta = tmp_path / "genome.fa"
    fasta.write_text(f">chr1\n{text}\n>chr2\n{text[::-1]}\n", encoding="utf-8")
    return text, fasta


def metadata() -> pd.DataFrame:
    """As Decima's AnnData has it: windows of 60 bases, the gene from base 20 on."""
    rows = {"A": ("chr1", 100, 160, "+"), "B": ("chr1", 130, 190, "-")}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["chrom", "start", "end", "strand"])
    return table.assign(gene_mask_start=20, gene_mask_end=50)


def test_the_genes_of_anndata_are_read_from_the_genome(genome: tuple[str, Path]) -> None:
    text, fasta = genome
    table = pd.DataFrame([{"chrom": "1", "pos": 141, "ref": text[140], "alt": other(text[140])}])
    dataset = VariantDataset(table, ad=metadata(), genome=fasta)
    found = dataset.variants.set_index("gene")
    assert found["status"].tolist() == ["ok", "ok"]
    assert found["rel_pos"].tolist() == [40, 190 - 141]
    assert found["tss_dist"].tolist() == [20, 29]
    assert found["ref_tx"].tolist() == [text[140], text[140].translate(str.maketrans("ACGT", "TGCA"))]
    assert tuple(dataset.variants.columns) == COLUMNS
    assert decode(dataset[0].numpy()[:4].argmax(0).astype(np.int8)) == text[100:160]


def test_a_gene_file_takes_its_places_from_anndata(genome: tuple[str, Path], tmp_path: Path) -> None:
    text, fasta = genome
    source = Registry.discover().create("source", "fasta", path=str(fasta), genes=metadata())
    stored = np.stack([source.read(g).codes for g in ("A", "B")])
    path = write_gene_file(tmp_path / "plain.h5", stored, names=["A", "B"], mask=slice(20, 50))
    table = pd.DataFrame(
        [{"chrom": "chr1", "pos": p + 1, "ref": text[p], "alt": other(text[p])} for p in (110, 140, 185)]
    )
    here, there = VariantDataset(table, ad=metadata(), genome=fasta), VariantDataset(table, path, ad=metadata())
    pd.testing.assert_frame_equal(here.variants, there.variants)
    assert all((a == b).all() for a, b in zip(here, there, strict=True))


def test_statuses_of_a_vcf(genome: tuple[str, Path], tmp_path: Path) -> None:
    text, fasta = genome
    r, a = text[140], other(text[140])
    records = [
        ("chr1", 141, r, f"{a},<DEL>"), ("chr1", 141, r, a), ("chr1", 141, a, r), ("chr7", 5, "A", "C"), ("chr2", 5, "A", "C"),
        ("chr1", 9999, "A", "C"), ("chr1", 141, r, "*"), ("chr1", 141, r, "."), ("chr1", 141, r, "N"), ("chr1", 0, "N", "A"),
    ]  # fmt: skip
    lines = [f"{c}\t{p}\t.\t{ref}\t{alt}\t.\t.\t." for c, p, ref, alt in records]
    vcf = tmp_path / "in.vcf"
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    vcf.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    dataset = VariantDataset(vcf, ad=metadata().iloc[:1], genome=fasta)
    assert dataset.variants["status"].tolist() == [
        "ok", "symbolic", "duplicate", "ref_mismatch", "unknown_contig", "out_of_window", "out_of_window", "symbolic",
        "no_alternative", "non_acgt", "non_acgt",
    ]  # fmt: skip
    assert set(dataset.variants["status"]) <= set(STATUSES)


def test_a_window_beyond_the_contig_is_no_place_for_a_variant(genome: tuple[str, Path]) -> None:
    text, fasta = genome
    genes = pd.DataFrame([{"gene": "A", "chrom": "chr1", "start": 5, "end": 50, "strand": "+"}])
    source = Registry.discover().create("source", "fasta", path=str(fasta), genes=genes, seq_len=60, upstream=20)
    rows = [{"chrom": "chr1", "pos": p, "ref": "A", "alt": "C"} for p in (-3, 0)]
    dataset = VariantDataset(
        pd.DataFrame([*rows, {"chrom": "chr1", "pos": 1, "ref": text[0], "alt": other(text[0])}]), source
    )
    assert dataset.variants["status"].tolist() == ["out_of_window", "out_of_window", "ok"]
    assert dataset.variants["rel_pos"].tolist()[2] == 15


# --- process_variants ------------------------------------------------------------------------------------------------


def test_process_variants_keeps_both_ends_and_counts_what_it_drops() -> None:
    rows: list[dict[str, Any]] = [
        {"chrom": "chr1", "pos": 101, "ref": "A", "alt": "C", "gene": "A"},  # the first base of the window
        {"chrom": "chr1", "pos": 160, "ref": "A", "alt": "C", "gene": "A"},  # the last one
        {"chrom": "chr1", "pos": 161, "ref": "A", "alt": "C", "gene": "A"},
        {"chrom": "chr1", "pos": 190, "ref": "A", "alt": "C", "gene": "B"},  # the first base in transcript orientation
        {"chrom": "chr1", "pos": 189, "ref": "AG", "alt": "A", "gene": "B"},
        {"chrom": "chr1", "pos": 150, "ref": "A", "alt": "C", "gene": "Z"},
    ]
    found = process_variants(pd.DataFrame(rows), metadata())
    assert found["rel_pos"].tolist() == [0, 59, 0, 0]
    assert found["ref_tx"].tolist() == ["A", "A", "T", "CT"]
    assert found["alt_tx"].tolist() == ["C", "C", "G", "T"]
    assert found["tss_dist"].tolist() == [-20, 39, -20, -20]
    assert found.attrs["dropped"] == {"out_of_window": 1, "unknown_gene": 1}
    whole = process_variants(pd.DataFrame(rows), metadata(), keep_all=True)
    assert whole["status"].tolist() == ["ok", "ok", "out_of_window", "ok", "ok", "unknown_gene"]
    inner = process_variants(pd.DataFrame(rows), metadata(), min_from_end=1)
    assert inner.empty
    assert tuple(inner.columns) == COLUMNS
    with pytest.raises(ConfigError, match="min_from_end is -1; it must be 0 or more"):
        process_variants(pd.DataFrame(rows), metadata(), min_from_end=-1)


def test_process_variants_finds_the_genes_and_feeds_the_dataset(genome: tuple[str, Path]) -> None:
    text, fasta = genome
    table = pd.DataFrame(
        [{"chrom": "chr1", "pos": p + 1, "ref": text[p], "alt": other(text[p])} for p in (110, 140, 185)]
    )
    processed = process_variants(table, metadata())
    assert processed["gene"].tolist() == ["A", "A", "B", "B"]
    source = Registry.discover().create("source", "fasta", path=str(fasta), genes=metadata())
    direct, through = VariantDataset(table, source), VariantDataset(processed, source)
    pd.testing.assert_frame_equal(direct.variants, through.variants)
    assert all((a == b).all() for a, b in zip(direct, through, strict=True))
    pd.testing.assert_frame_equal(
        process_variants(table, source).drop(columns="tss_dist"), processed.drop(columns="tss_dist")
    )


@pytest.mark.parametrize(
    ("var", "words"),
    [
        (metadata().drop(columns="strand"), "has no column 'strand'"),
        (metadata().assign(strand="."), "Gene 'A' in the table of genes .* is wrong"),
        (metadata().assign(start="x"), "start in the table of genes .*, gene 'A' is 'x'"),
        (3, "not int"),
    ],
)
def test_gene_tables_that_do_not_do_are_named(var: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        process_variants(pd.DataFrame([{"chrom": "1", "pos": 1, "ref": "A", "alt": "C"}]), var)
