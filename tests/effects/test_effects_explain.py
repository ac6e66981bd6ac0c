"""Attributions of both alleles on one axis, and the motifs a variant makes and breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import MotifDetector, word_ppm, wrap, write_meme

from decima_core.effects import VariantExplanation, explain_variants
from decima_core.effects.motif_changes import CHANGE_COLUMNS
from decima_core.records import Attribution, GeneRecord, Motif, MotifHits, Peaks
from decima_core.registry import Registry
from decima_core.sections import TargetOptions

WORD = "TGATAAGC"
FLIPPED = "GCTTATCA"
LENGTH, UPSTREAM = 80, 30
SITE = 115  # 0-based place of the planted word on the genome, inside the windows of both genes


def genome(word: str, at: int = SITE) -> str:
    """Bases without any other site, with a word planted."""
    bases = list("ACCA" * 100)
    bases[at : at + len(word)] = word
    return "".join(bases)


@pytest.fixture
def scanner(tmp_path: Path) -> Any:
    path = write_meme(tmp_path / "motifs.meme", {"W": word_ppm(WORD), "OTHER": word_ppm("CAGCTGTT")})
    return Registry.discover().create("motifs", "jaspar", path=str(path), p_threshold=1e-4)


def explanations(
    tmp_path: Path,
    bases: str,
    rows: list[dict[str, Any]],
    scanner: Any,
    *,
    word: str = WORD,
    method: str = "input-x-gradient",
) -> dict[str, list[VariantExplanation]]:
    """By gene, one for each row."""
    fasta = tmp_path / "genome.fa"
    fasta.write_text(f">chr1\n{bases}\n", encoding="utf-8")
    genes = pd.DataFrame(
        [
            {"gene": "PLUS", "chrom": "chr1", "start": 100, "end": 140, "strand": "+"},
            {"gene": "MINUS", "chrom": "chr1", "start": 90, "end": 135, "strand": "-"},
        ]
    )
    registry = Registry.discover()
    source = registry.create("source", "fasta", path=str(fasta), genes=genes, seq_len=LENGTH, upstream=UPSTREAM)
    target = TargetOptions(transform="aggregate", tasks=("0",))
    found: dict[str, list[VariantExplanation]] = {"PLUS": [], "MINUS": []}
    table = pd.DataFrame([{"chrom": "chr1", **row} for row in rows])
    for each in explain_variants(
        source,
        wrap(MotifDetector(word)),
        registry.create("method", method),
        scanner,
        table,
        target=target,
        device="cpu",
    ):
        found[each.row["gene"]].append(each)
    return found


BREAK = {"pos": SITE + 4, "ref": "T", "alt": "C"}  # the T of GATA, in the forward word
DELETE = {"pos": SITE + 2, "ref": "GATA", "alt": "G"}  # three bases out of the middle


@pytest.mark.parametrize("row", [BREAK, DELETE], ids=["substitution", "deletion"])
def test_a_broken_site_heads_the_lost_motifs_on_both_strands(tmp_path: Path, scanner: Any, row: dict[str, Any]) -> None:
    bases = genome(WORD)
    assert bases[row["pos"] - 1 : row["pos"] - 1 + len(row["ref"])] == row["ref"]
    plus = explanations(tmp_path, bases, [row], scanner)["PLUS"][0]
    # The model reads one strand: for the gene on the other one it must look for the flipped word.
    minus = explanations(tmp_path, bases, [row], scanner, word=FLIPPED)["MINUS"][0]
    for each, strand in ((plus, "+"), (minus, "-")):
        top = each.motifs.iloc[0]
        assert (top["change"], top["motif_id"], top["strand"]) == ("lost", "W", strand)
        assert (top["chrom"], top["genome_start"], top["genome_end"]) == ("chr1", SITE, SITE + len(WORD))
        assert top["genome_strand"] == "+"
        assert top["matched_seq_ref"] == WORD
        assert top["p_value_ref"] < 1e-4
        assert top["support_ref"] > 0
        assert top["support_change"] == pytest.approx(top["support_alt"] - top["support_ref"])
        assert top["touches"]
        assert top["from_tss"] == top["start_ref"] - UPSTREAM
        assert each.ref.prediction > each.alt.prediction
    columns = ["change", "motif_id", "support_change", "score_ref", "score_alt", "p_value_ref", "p_value_alt"]
    pd.testing.assert_frame_equal(plus.motifs[columns], minus.motifs[columns], rtol=1e-5)


@pytest.mark.parametrize(
    "row",
    [
        {"pos": SITE, "ref": "C", "alt": "CAAA"},
        {"pos": SITE - 3, "ref": "AACC", "alt": "A"},
        {"pos": SITE + 8, "ref": "C", "alt": "CAAA"},
        {"pos": SITE + 8, "ref": "CAA", "alt": "C"},
    ],
    ids=["insertion before", "deletion before", "insertion after", "deletion after"],
)
def test_a_site_beside_an_indel_is_neither_lost_nor_gained(tmp_path: Path, scanner: Any, row: dict[str, Any]) -> None:
    bases = genome(WORD)
    assert bases[row["pos"] - 1 : row["pos"] - 1 + len(row["ref"])] == row["ref"]
    for gene, each in explanations(tmp_path, bases, [row], scanner).items():
        motifs = each[0].motifs
        site = motifs[motifs["motif_id"] == "W"]
        assert site["change"].isin(["changed"]).all(), gene
        assert not site["touches"].any()
        assert (site["score_ref"] == site["score_alt"]).all()


def test_changes_are_ranked_by_the_size_of_the_change_of_support(tmp_path: Path) -> None:
    words = {"WHOLE": WORD, "CORE": WORD[1:7], "END": WORD[:6], "NEW": WORD.replace("GATA", "GACA")}
    path = write_meme(tmp_path / "several.meme", {name: word_ppm(word) for name, word in words.items()})
    scanner = Registry.discover().create("motifs", "jaspar", path=str(path), p_threshold=1e-3)
    motifs = explanations(tmp_path, genome(WORD), [BREAK], scanner)["PLUS"][0].motifs
    sizes = motifs["support_change"].abs().tolist()
    assert len(set(sizes)) > 2
    assert sizes == sorted(sizes, reverse=True)


def test_what_is_lost_one_way_is_gained_the_other(tmp_path: Path, scanner: Any) -> None:
    lost = explanations(tmp_path, genome(WORD), [BREAK], scanner)["PLUS"][0].motifs
    bases = genome(WORD)
    broken = bases[: BREAK["pos"] - 1] + BREAK["alt"] + bases[BREAK["pos"] :]
    back = {"pos": BREAK["pos"], "ref": BREAK["alt"], "alt": BREAK["ref"]}
    gained = explanations(tmp_path, broken, [back], scanner)["PLUS"][0].motifs
    assert (lost.iloc[0]["change"], gained.iloc[0]["change"]) == ("lost", "gained")
    for name in ("score", "p_value", "support", "site_attr_score", "motif_attr_score", "start"):
        assert lost.iloc[0][f"{name}_ref"] == pytest.approx(gained.iloc[0][f"{name}_alt"])
    assert gained.iloc[0]["genome_start"] == SITE


def test_the_weak_site_of_the_other_allele_is_scored_where_the_scanner_can(tmp_path: Path, scanner: Any) -> None:
    top = explanations(tmp_path, genome(WORD), [BREAK], scanner)["PLUS"][0].motifs.iloc[0]
    assert 1e-4 < top["p_value_alt"] <= 1
    assert top["score_alt"] < top["score_ref"]
    assert top["matched_seq_alt"] == WORD.replace("GATA", "GACA")
    assert top["start_alt"] == top["start_ref"]


class PlainScanner:
    """Finds one word, forward, and cannot score other places."""

    motifs = (Motif(id="W", name="w", ppm=word_ppm(WORD)),)

    def scan(self, record: GeneRecord, attribution: Attribution, peaks: Peaks) -> MotifHits:
        codes = ["ACGT".index(b) for b in WORD]
        starts = [i for i in range(len(record) - 7) if record.codes[i : i + 8].tolist() == codes]
        starts = [s for s in starts if ((peaks.position >= s) & (peaks.position < s + 8)).any()]
        n = len(starts)
        columns = {"score": [9.0] * n, "p_value": [1e-5] * n, "q_value": [1.0] * n, "peak": [-1] * n}
        attr = [float(attribution.track()[s : s + 8].mean()) for s in starts]
        return MotifHits(
            motif_id=["W"] * n, motif_name=["w"] * n, start=starts, end=[s + 8 for s in starts], strand=["+"] * n,
            site_attr_score=attr, motif_attr_score=attr, length=len(record), **columns,
        )  # fmt: skip


def test_a_scanner_that_only_scans_leaves_the_other_allele_empty(tmp_path: Path) -> None:
    top = explanations(tmp_path, genome(WORD), [BREAK], PlainScanner())["PLUS"][0].motifs.iloc[0]
    assert top["change"] == "lost"
    assert pd.isna(top["p_value_alt"])
    assert pd.isna(top["start_alt"])
    assert top["support_change"] == -top["support_ref"]


def test_a_gained_site_has_its_place_also_where_the_reference_cannot_be_scored(tmp_path: Path) -> None:
    bases = genome(WORD.replace("GATA", "GACA"))
    back = {"pos": BREAK["pos"], "ref": "C", "alt": "T"}
    top = explanations(tmp_path, bases, [back], PlainScanner())["PLUS"][0].motifs.iloc[0]
    assert top["change"] == "gained"
    assert pd.isna(top["p_value_ref"])
    assert (top["chrom"], top["genome_start"], top["genome_end"]) == ("chr1", SITE, SITE + len(WORD))
    assert top["from_tss"] == top["start_alt"] - UPSTREAM


def test_without_motif_changes_the_table_keeps_its_columns(tmp_path: Path, scanner: Any) -> None:
    far = {"pos": 81, "ref": genome(WORD)[80], "alt": "T"}
    motifs = explanations(tmp_path, genome(WORD), [far], scanner)["PLUS"][0].motifs
    assert tuple(motifs.columns) == CHANGE_COLUMNS
    assert motifs.empty


@pytest.mark.parametrize(
    ("row", "event", "n"),
    [
        (BREAK, "substitution", 1),
        (DELETE, "deletion", 3),
        ({"pos": SITE + 2, "ref": "G", "alt": "GCCAA"}, "insertion", 4),
    ],
    ids=["substitution", "deletion", "insertion"],
)
def test_attributions_lie_side_by_side(tmp_path: Path, scanner: Any, row: dict[str, Any], event: str, n: int) -> None:
    for gene, each in explanations(tmp_path, genome(WORD), [row], scanner).items():
        table = each[0].table()
        assert (table["event"] == event).sum() == n
        for allele, attribution, record in (
            ("ref", each[0].ref, each[0].ref_record),
            ("alt", each[0].alt, each[0].alt_record),
        ):
            there = table[table[f"{allele}_position"].notna()]
            assert there[f"{allele}_position"].tolist() == list(range(LENGTH))
            np.testing.assert_array_equal(there[f"{allele}_attribution"], attribution.track())
            assert "".join(there[f"{allele}_base"]) == "".join("ACGTN"[c] for c in record.codes)
            assert table.loc[table[f"{allele}_position"].isna(), f"{allele}_attribution"].isna().all()
        inside = table[table["event"] != "edge"]
        expected = inside["alt_attribution"].fillna(0) - inside["ref_attribution"].fillna(0)
        np.testing.assert_allclose(inside["difference"], expected, atol=1e-6)
        tss = inside[inside["from_tss"] == 0]
        assert tss["ref_position"].tolist() == tss["alt_position"].tolist() == [UPSTREAM], gene


def test_a_part_of_the_axis_can_be_taken(tmp_path: Path, scanner: Any) -> None:
    each = explanations(tmp_path, genome(WORD), [DELETE], scanner)["PLUS"][0]
    part = each.table(flank=5)
    assert part["event"].tolist() == ["match"] * 5 + ["deletion"] * 3 + ["match"] * 5


def test_attributions_of_replicates_are_averaged(tmp_path: Path, scanner: Any) -> None:
    (tmp_path / "genome.fa").write_text(f">chr1\n{genome(WORD)}\n", encoding="utf-8")
    genes = pd.DataFrame([{"gene": "PLUS", "chrom": "chr1", "start": 100, "end": 140, "strand": "+"}])
    registry = Registry.discover()
    source = registry.create(
        "source", "fasta", path=str(tmp_path / "genome.fa"), genes=genes, seq_len=LENGTH, upstream=UPSTREAM
    )
    models = [wrap(MotifDetector(WORD)), wrap(MotifDetector(WORD[:6]))]
    arguments = {
        "target": TargetOptions(transform="aggregate", tasks=("0",)), "device": "cpu",
    }  # fmt: skip
    table = pd.DataFrame([{"chrom": "chr1", **BREAK}])
    method = registry.create("method", "input-x-gradient")
    both, *each = (
        next(explain_variants(source, model, method, scanner, table, **arguments)) for model in (models, *models)
    )
    np.testing.assert_allclose(both.ref.values, np.mean([e.ref.values for e in each], axis=0), atol=1e-6)
    assert both.ref.prediction == pytest.approx(np.mean([e.ref.prediction for e in each]))
    assert "mean of 2 replicates" in both.ref.target
