"""Hard cases of variants: what other rows, other spellings and other lengths must not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decima_core import ConfigError, DataError, Registry, VariantDataset, build_gene_file, process_variants
from decima_core.effects.stream import Stream
from decima_core.models import wrap_module
from decima_core.testing.samples import Convolution

LENGTH = 200
REPEAT = slice(700, 1_100)  # CACACA...: an indel can be moved far


@pytest.fixture
def bases() -> str:
    letters = np.random.default_rng(5).choice(list("ACGT"), 3_000)
    letters[REPEAT] = list("CA" * 200)
    letters[[699, 1_100]] = "G", "G"
    return "".join(letters)


@pytest.fixture
def source(tmp_path: Path, bases: str) -> Any:
    (tmp_path / "g.fa").write_text(f">chr1\n{bases}\n", encoding="utf-8")
    (tmp_path / "g.bed").write_text(
        "chr1\t1080\t1160\tA\t0\t+\nchr1\t1000\t1130\tB\t0\t-\nchr1\t2000\t2100\tC\t0\t+\n", encoding="utf-8"
    )
    made = Registry.discover().create(
        "source", "fasta", path=str(tmp_path / "g.fa"), genes=str(tmp_path / "g.bed"), seq_len=LENGTH, upstream=40
    )
    with made:
        yield made


def variants(*rows: tuple[int, str, str], gene: str | None = None, chrom: str = "chr1") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["pos", "ref", "alt"]).assign(chrom=chrom)
    return table if gene is None else table.assign(gene=gene)


def test_the_normal_form_depends_on_the_genome_alone(source: Any, bases: str) -> None:
    # Deleting one CA anywhere in the repeat deletes the first one, 350 bases to the left of the window.
    one = (1_090, bases[1_089:1_092], bases[1_089])
    alone = VariantDataset(variants(one), source, normalise=True).variants
    beside = VariantDataset(variants(one, (1_120, bases[1_119:1_140], bases[1_119])), source, normalise=True).variants
    columns = ["pos", "ref", "alt", "status"]
    assert (
        alone[columns].drop_duplicates().values.tolist()
        == beside[beside["pos"] != 1_120][columns].drop_duplicates().values.tolist()
    )
    # The form that would leave the window is not used: no variant is lost by asking for it.
    assert set(alone["status"]) == set(VariantDataset(variants(one), source).variants["status"]) == {"ok"}


def test_an_indel_in_a_repeat_is_one_change_for_genes_of_both_strands(source: Any, bases: str) -> None:
    dataset = VariantDataset(variants((1_090, bases[1_089:1_092], bases[1_089])), source)
    assert sorted(dataset.variants["strand"]) == ["+", "-"]
    places = set()
    for number, gene in enumerate(dataset.variants["gene"]):
        edit, locus = dataset.edit(number), source.locus(gene)
        places.add(tuple(int(at) for at in locus.to_genome(edit.start, edit.end)))
    assert places == {(1_089, 1_091)}


def test_an_indel_is_moved_past_the_window_when_the_form_still_fits(source: Any, bases: str) -> None:
    start = 2_050
    given = VariantDataset(variants((start, bases[start - 1], bases[start - 1] * 2)), source, normalise=True).variants
    back = start
    while bases[back - 1] == bases[start - 1]:
        back -= 1
    assert given.loc[0, ["pos", "ref", "alt"]].tolist() == [back, bases[back - 1], bases[back - 1] + bases[start - 1]]


@pytest.mark.parametrize("chrom", ["chr1", "1", "Chr1", "CHR1"])
def test_a_contig_has_many_spellings(source: Any, bases: str, chrom: str) -> None:
    found = VariantDataset(variants((2_050, bases[2_049], "ACGT".replace(bases[2_049], "")[0]), chrom=chrom), source)
    assert found.variants["status"].tolist() == ["ok"]


def gene_table(source: Any, wider: int = 0) -> pd.DataFrame:
    rows = {gene: source.locus(gene) for gene in source.genes()}
    columns = {gene: (p.chrom, p.start - wider, p.end + wider, p.strand) for gene, p in rows.items()}
    return pd.DataFrame.from_dict(columns, orient="index", columns=["chrom", "start", "end", "strand"])


@pytest.fixture
def gene_file(source: Any, tmp_path: Path) -> Path:
    path = tmp_path / "genes.h5"
    build_gene_file(source, path, pad=100)
    return path


def test_a_gene_table_that_does_not_fit_the_file(source: Any, gene_file: Path, bases: str) -> None:
    table = gene_table(source)
    snv = variants((2_050, bases[2_049], "ACGT".replace(bases[2_049], "")[0]))
    more = pd.concat([table, table.loc[["C"]].rename(index={"C": "ELSEWHERE"})])
    assert VariantDataset(snv, gene_file, more).variants["gene"].tolist() == ["C"], (
        "genes the file lacks are passed over"
    )
    with pytest.raises(
        DataError, match=r"window of gene 'A' is at 1,030-1,250 \(\+\) in the table .* but at 1,040-1,240"
    ):
        VariantDataset(snv, gene_file, gene_table(source, wider=10))
    with pytest.raises(DataError, match=r"Gene 'C' is in the table of genes \(.var\) twice"):
        VariantDataset(snv, gene_file, pd.concat([table, table.loc[["C"]]]))
    with pytest.raises(ConfigError, match="h5_file and genome were both given"):
        VariantDataset(snv, gene_file, table, genome="/does/not/exist.fa")
    with pytest.raises(ConfigError, match=r"max_seq_shift is 1\.5; it must be a whole number"):
        VariantDataset(snv, gene_file, max_seq_shift=1.5)  # type: ignore[arg-type]


def test_a_tss_that_is_not_known_is_empty(source: Any, bases: str) -> None:
    table = gene_table(source).assign(gene_mask_start=[40, 40, np.nan])
    found = process_variants(variants((2_050, bases[2_049], "ACGT".replace(bases[2_049], "")[0])), table)
    assert found["tss_dist"].isna().tolist() == [True]


def test_a_wider_window_than_the_sources_own_finds_its_variants(gene_file: Path, bases: str) -> None:
    at = 1_940  # 20 bases to the left of gene C's own window
    table = variants((at, bases[at - 1], "ACGT".replace(bases[at - 1], "")[0]))
    assert VariantDataset(table, gene_file).variants["status"].tolist() == ["out_of_window"]
    wide = VariantDataset(table, gene_file, seq_len=300)
    assert wide.variants.loc[0, ["gene", "status", "rel_pos"]].tolist() == ["C", "ok", -21]
    ref, alt = wide[0].numpy(), wide[1].numpy()
    assert np.flatnonzero((ref != alt).any(axis=0)).tolist() == [29]


def test_the_window_unmoved_must_be_there_too(gene_file: Path, bases: str) -> None:
    at = 1_961  # the first base of gene C's window
    table = variants((at - 40, bases[at - 41], "ACGT".replace(bases[at - 41], "")[0]), gene="C")
    assert VariantDataset(table, gene_file, shifts=(-50,)).variants["status"].tolist() == ["out_of_window"]


def test_a_table_without_strands_is_read_by_the_windows_place(source: Any) -> None:
    record = source.read("B")
    word = "".join("ACGT"[c] for c in record.codes[90:93])
    table = pd.DataFrame({"gene": ["B"], "rel_pos": [90], "ref_tx": [word], "alt_tx": [word[0]]})
    for normalise in (False, True):
        found = VariantDataset(table, source, normalise=normalise).variants
        assert found["strand"].tolist() == ["-"]
        assert found["status"].tolist() == ["ok"]


def test_ids_may_begin_late_and_no_variant_is_a_table_too(source: Any, bases: str) -> None:
    model = wrap_module(Convolution(5), channels=5)
    rows = [(2_001 + i, bases[2_000 + i], "ACGT".replace(bases[2_000 + i], "")[0]) for i in range(20)]
    table = variants(*rows).assign(id=["."] * 15 + [f"rs{i}" for i in range(5)])
    parts = [part.variants for part in Stream.open(source, model, table).datasets(size=5)]
    assert len({tuple(part.columns) for part in parts}) == 1
    assert pd.concat(parts)["id"].notna().sum() == 5
    (empty,) = Stream.open(source, model, variants()).datasets()
    assert tuple(empty.variants.columns) == tuple(parts[0].columns)


def test_padding_with_n_keeps_the_place(source: Any, tmp_path: Path, bases: str) -> None:
    path = tmp_path / "tight.h5"
    build_gene_file(source, path)
    at = 2_050
    deletion = variants((at, bases[at - 1 : at + 30], bases[at - 1]), gene="C")
    dataset = VariantDataset(deletion, path, pad_with_n=True)
    assert dataset.variants["status"].tolist() == ["ok"]
    assert dataset.alleles(0)[0].record().locus == source.locus("C")
